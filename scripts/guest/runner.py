# SPDX-License-Identifier: GPL-2.0
"""runner.py PLAN RESULTS: runs all tests of the plan inside the guest.

Each test has a process, a control group and a stretch of the kernel's log of its
own, so whatever it leaves behind (processes, references to the module, objects,
words of the kernel) is put down to it.

RESULTS is a line a test, tab-separated: outcome, suite, test, reasons. A test that
is running is in it as `start`: should the guest die, the host knows where, and
starts again from there with the same file.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

import lifecycle
from kernel import Leaks, Log
from programs import Result, read_plan

# The harness ends a test by itself, earlier; this is for what it cannot end.
DEADLINE = float(os.environ.get("REPOLL_TEST_DEADLINE", "180"))
CGROUP = "/sys/fs/cgroup/test"
HUNG = 3  # exit code: a process does not die, the guest has to


class Hung(Exception):
    """A process of a test that not even SIGKILL ends."""


class ControlGroup:
    """Where all processes of a test are, however they were made."""

    def __init__(self):
        os.makedirs(CGROUP, exist_ok=True)

    @staticmethod
    def enter():
        with open(f"{CGROUP}/cgroup.procs", "w", encoding="ascii") as procs:
            procs.write("0")

    @staticmethod
    def processes():
        with open(f"{CGROUP}/cgroup.procs", encoding="ascii") as procs:
            return [int(pid) for pid in procs.read().split()]

    def empty(self):
        """Ends what is left; the names of what had to be ended."""
        names = [self.name(pid) for pid in self.processes()]
        names = [name for name in names if name]
        deadline = time.monotonic() + 15
        while self.processes():
            with open(f"{CGROUP}/cgroup.kill", "w", encoding="ascii") as kill:
                kill.write("1")
            time.sleep(0.02)
            if time.monotonic() > deadline:
                raise Hung(", ".join(map(self.name, self.processes())))
        return names

    @staticmethod
    def name(pid):
        """Nothing for a process that has ended and only waits to be reaped."""
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                head, _, tail = stat.read().rpartition(")")
        except OSError:
            return ""
        return "" if tail.split()[0] in "ZX" else head.partition("(")[2]


class Runner:
    def __init__(self, results):
        self.log = Log()
        self.leaks = Leaks()
        self.group = ControlGroup()
        self.done = self.read(results)
        self.results = open(results, "a", encoding="utf-8")

    @staticmethod
    def read(path):
        """The tests that need not be run again."""
        if not os.path.exists(path):
            return set()
        with open(path, encoding="utf-8") as lines:
            return {tuple(line.rstrip("\n").split("\t")[1:3]) for line in lines}

    def write(self, outcome, suite, test, reasons=()):
        text = "; ".join(reasons).replace("\t", " ").replace("\n", " ")
        self.results.write(f"{outcome}\t{suite}\t{test}\t{text}\n")
        self.results.flush()

    def program(self, program):
        counts = {"pass": 0, "fail": 0, "skip": 0}
        start = time.monotonic()
        tests = program.tests()
        if not tests:
            self.write("start", program.suite, "tests")
            self.record(program.suite, [Result("tests", "fail", ["it has none"])], "", counts)
        for name, command in tests:
            if (program.suite, name) in self.done:
                continue
            self.write("start", program.suite, name)
            self.log.mark(f"{program.suite} {name}")
            results, output, clean = self.run(program, name, command)
            for _ in range(program.chances(name)):
                if not clean or all(result.outcome != "fail" for result in results):
                    break
                print(f"once more: {program.suite} {name}:", *results[0].reasons, flush=True)
                results, output, clean = self.run(program, name, command)
            self.record(program.suite, results, output, counts)
        self.summary(program.suite, counts, start)

    def life(self):
        """The module's own tests, last: they unload it."""
        counts = {"pass": 0, "fail": 0, "skip": 0}
        start = time.monotonic()
        for test in lifecycle.TESTS:
            name = test.__name__
            if ("module", name) in self.done:
                continue
            self.write("start", "module", name)
            self.log.mark(f"module {name}")
            reason = test()
            result = Result(name, "pass")
            if reason:
                result.fail(reason)
            self.check(result)
            self.record("module", [result], "", counts)
        self.summary("module", counts, start)

    def run(self, program, name, command):
        """One process: what it said, with what else was to be seen; and whether that was
        nothing."""
        with tempfile.TemporaryFile() as file:
            try:
                child = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **program.environment},
                    preexec_fn=self.group.enter,
                    start_new_session=True,
                )
                reasons, status = self.wait(child)
            except OSError as error:
                reasons, status = [str(error)], 127
            file.seek(0)
            output = file.read().decode(errors="replace")
        results = program.results(name, status, output)
        whole = results[0] if len(results) == 1 else Result(f"{name} (all of it)", "pass")
        for reason in reasons:
            whole.fail(reason)
        clean = self.check(whole) and not reasons
        if whole is not results[0] and whole.outcome == "fail":
            results.append(whole)
        return results, output, clean

    def wait(self, child):
        try:
            status = child.wait(DEADLINE)
            left = self.group.empty()
            return [f"processes left behind: {', '.join(left)}"] if left else [], status
        except subprocess.TimeoutExpired:
            self.group.empty()
            return [f"not finished after {DEADLINE:.0f} s"], -signal.SIGKILL

    def check(self, result):
        """What the kernel has to say about a test that has ended; whether that is nothing."""
        leaks = list(self.leaks.found())
        for leak in leaks:
            result.fail(leak)
        reports = self.log.reports()
        if reports:
            result.fail("kernel log: " + reports[0])
            print(*reports, sep="\n", flush=True)
        return not leaks and not reports

    def record(self, suite, results, output, counts):
        failed = [result for result in results if result.outcome == "fail"]
        if failed:
            print(*output.splitlines()[-100:], sep="\n")
        for result in results:
            counts[result.outcome] += 1
            self.write(result.outcome, suite, result.test, result.reasons)
            if result.outcome == "fail":
                print(f"FAILED {suite} {result.test}:", *result.reasons, flush=True)

    @staticmethod
    def summary(suite, counts, start):
        if not any(counts.values()):
            return  # all of it was run in the guest before
        print(
            f"{suite:<28} {counts['pass']:4} passed {counts['fail']:4} failed "
            f"{counts['skip']:4} skipped  {time.monotonic() - start:6.1f} s",
            flush=True,
        )


def main():
    plan, results = sys.argv[1:]
    runner = Runner(results)
    try:
        for program in read_plan(plan):
            runner.program(program)
        runner.life()
    except Hung as error:
        print(f"cannot be killed: {error}; stacks of what is blocked:", flush=True)
        with open("/proc/sysrq-trigger", "w", encoding="ascii") as sysrq:
            sysrq.write("w")
        print(*(message for _, message in runner.log.messages()), sep="\n", flush=True)
        sys.exit(HUNG)


if __name__ == "__main__":
    main()
