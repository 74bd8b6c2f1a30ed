# SPDX-License-Identifier: GPL-2.0
"""A program on a terminal: what is on its screen, and keys for it."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

# What a VT100 understands of what curses says to it: a control sequence, another escape,
# a control character, or text.
TOKEN = re.compile(
    r"\x1b\[([?\d;]*)([A-Za-z])|\x1b[()].|\x1b(.)|([\b\r\n])|([^\x00-\x1f\x7f])"
)


class Screen:
    """What a VT100 of so many lines and columns shows."""

    def __init__(self, height, width):
        self.height, self.width = height, width
        self.cells = [[" "] * width for _ in range(height)]
        self.y = self.x = 0
        self.saved = 0, 0
        self.region = 0, height - 1  # what scrolls
        self.rest = ""

    def lines(self):
        return ["".join(line).rstrip() for line in self.cells]

    def feed(self, text):
        text = self.rest + text
        # A sequence of which the end has not come yet.
        cut = re.search(r"\x1b(\[[?\d;]*|[()])?$", text)
        self.rest = text[cut.start() :] if cut else ""
        for match in TOKEN.finditer(text[: cut.start()] if cut else text):
            numbers, letter, escape, control, char = match.groups()
            if letter:
                self.sequence(letter, [int(n or 0) for n in numbers.strip("?").split(";")])
            elif escape:
                self.escape(escape)
            elif control:
                self.control(control)
            elif char:
                self.put(char)

    def put(self, char):
        self.cells[self.y][min(self.x, self.width - 1)] = char
        self.x += 1

    def control(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\b":
            self.x = max(0, self.x - 1)
        else:
            self.move_on(self.region[1], 1)

    def escape(self, char):
        if char == "7":
            self.saved = self.y, self.x
        elif char == "8":
            self.y, self.x = self.saved
        elif char == "M":
            self.move_on(self.region[0], -1)

    def move_on(self, edge, step):
        """A line on, for which the region scrolls if this one is at its edge."""
        if self.y != edge:
            self.y = max(0, min(self.y + step, self.height - 1))
            return
        del self.cells[edge - step * (self.region[1] - self.region[0])]
        self.cells.insert(edge, [" "] * self.width)

    def sequence(self, letter, numbers):
        count = numbers[0] or 1
        match letter:
            case "H":
                row, column = (numbers + [0])[:2]
                self.y, self.x = (row or 1) - 1, (column or 1) - 1
            case "A" | "B":
                self.y += -count if letter == "A" else count
            case "C" | "D":
                self.x += count if letter == "C" else -count
            case "J" | "K":
                self.erase(letter == "J", numbers[0])
            case "r":
                top, bottom = (numbers + [0])[:2]
                self.region = (top or 1) - 1, (bottom or self.height) - 1
                self.y = self.x = 0
            case "m" | "h" | "l":
                pass
            case _:
                raise ValueError(f"a VT100 does not know {letter}")
        self.y = max(0, min(self.y, self.height - 1))
        self.x = max(0, min(self.x, self.width - 1))

    def erase(self, whole, part):
        """To the end (0), from the beginning (1), or all of it: of the line, or the screen."""
        first, last = (self.y, self.x), (self.y, self.x + 1)
        if part != 0:
            first = (0 if whole else self.y, 0)
        if part != 1:
            last = (self.height if whole else self.y, self.width)
        for y in range(first[0], min(last[0] + 1, self.height)):
            begin = first[1] if y == first[0] else 0
            end = last[1] if y == last[0] else self.width
            self.cells[y][begin:end] = " " * max(0, end - begin)


class OnTerminal:
    """A program that runs on a VT100."""

    def __init__(self, command, height=24, width=132):
        self.screen = Screen(height, width)
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.child = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "vt100", "LC_ALL": "C.UTF-8"},
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        os.close(self.master)

    def press(self, key):
        os.write(self.master, key.encode())

    def read(self):
        """All that it says until it is silent for a moment."""
        while select.select([self.master], [], [], 0.1)[0]:
            try:
                self.screen.feed(os.read(self.master, 65536).decode(errors="replace"))
            except OSError:  # it has ended
                time.sleep(0.1)
                return

    def shows(self, wanted, seconds=60):
        """Whether it comes to show lines for which @wanted holds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if wanted(self.screen.lines()):
                return True
            self.read()
        return False

    def end(self, seconds=60):
        """Its exit code, None if it does not end."""
        end = time.monotonic() + seconds
        while self.child.poll() is None and time.monotonic() < end:
            self.read()
        return self.child.poll()
