# SPDX-License-Identifier: GPL-2.0
"""The kernel's side of a test: its log, the module's references and objects."""

import errno
import glob
import os
import re
import time

# What no test may make the kernel say.
REPORT = re.compile(
    r"\bBUG\b|WARNING: |\bOops\b|Call Trace:|KASAN|KCSAN|KFENCE|KMSAN|UBSAN|"
    r"general protection|unable to handle|panic|"
    r"possible (circular|recursive|irq)|inconsistent lock state|suspicious RCU|"
    r"rcu: INFO|rcu_.*stall|self-detected stall|soft lockup|hard LOCKUP|"
    r"blocked for more than|scheduling while atomic|sleeping function|"
    r"refcount_t: |list_(add|del) corruption|unregister_netdevice|"
    r"objects remaining|Objects remaining|ftrace bug|"
    # of KUnit
    r"\bnot ok \d"
)
# A data race: KCSAN reports those of the whole kernel, of which there are many. One
# is ours if our code made one of the accesses, as the first frame of its stack says.
RACE = "BUG: KCSAN: "
RACE_END = "====="
ACCESS = re.compile(r"^(read|write|read-write|reordered).* of \d+ bytes by ")
OURS = "[repoll]"
# A level below which the module itself has nothing to say during a test.
WARNING = 4

OBJECTS = "/sys/kernel/slab/repoll_*/objects"
REFERENCES = "/sys/module/repoll/refcnt"

# Time for what may be freed late, through RCU or a worker.
GRACE = 5


class Log:
    """The kernel's log from here on."""

    def __init__(self):
        self.fd = os.open("/dev/kmsg", os.O_RDWR | os.O_NONBLOCK)
        self.race = []
        os.lseek(self.fd, 0, os.SEEK_END)

    def mark(self, text):
        """For whoever reads the console of a guest that died."""
        os.write(self.fd, f"<4>test: {text}".encode())

    def reports(self):
        """New messages that are reports of trouble, each with what follows it."""
        found, following = [], 0
        for level, message in self.messages():
            if self.race or message.startswith(RACE):
                found += self.of_race(message)
            elif REPORT.search(message) or (level <= WARNING and message.startswith("repoll")):
                following = 25
            if following:
                found.append(message)
                following -= 1
        return found

    def of_race(self, message):
        """The whole of a report of a data race of ours, with its last line."""
        self.race.append(message)
        if not message.startswith(RACE_END):
            return []
        race, self.race = self.race, []
        frames = [frame for line, frame in zip(race, race[1:]) if ACCESS.match(line)]
        return race if any(OURS in frame for frame in frames) else []

    def messages(self):
        while True:
            try:
                record = os.read(self.fd, 8192).decode(errors="replace")
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                yield WARNING, "BUG in the test: the log was overwritten before it was read"
                continue
            header, _, message = record.partition(";")
            message = message.split("\n", 1)[0]
            if not message.startswith("test: "):
                yield int(header.split(",")[0]) & 7, message


class Leaks:
    """References to the module and objects in its caches, counted from here on."""

    def __init__(self):
        self.base = self.count()

    @staticmethod
    def count():
        counts = {}
        for path in [REFERENCES, *glob.glob(OBJECTS)]:
            try:
                with open(path, encoding="ascii") as file:
                    counts[path] = int(file.read().split()[0])
            except FileNotFoundError:
                pass  # the module is not loaded
        return counts

    def more(self):
        return {
            path: (count, self.base.get(path, 0))
            for path, count in self.count().items()
            if count > self.base.get(path, 0)
        }

    def found(self):
        """What stays, after some grace, as lines of text. Each is told once."""
        deadline = time.monotonic() + GRACE
        more, pause = self.more(), 0.005
        while more and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(pause * 2, 0.2)
            # Objects that are free, but kept at hand by a CPU, count as in use.
            for path in glob.glob("/sys/kernel/slab/repoll_*/shrink"):
                with open(path, "w", encoding="ascii") as file:
                    file.write("1")
            more = self.more()
        if more:
            self.base = self.count()
        return [f"leak: {path}: {now}, was {base}" for path, (now, base) in more.items()]
