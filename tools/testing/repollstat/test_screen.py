#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: GPL-2.0
"""test_screen.py PRELOAD: repollstat's screen and keys, looking at a program with one
hot fd among 100, which PRELOAD has run on repoll. Prints TAP."""

import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "../documents"))

from terminal import Tap  # noqa: E402
from vt100 import OnTerminal  # noqa: E402

REPOLLSTAT = os.path.join(HERE, "../../repollstat/repollstat")
DOWN = "\x1bOB"  # what the key sends to a program with curses


def order(lines):
    """By what the registrations are in order."""
    return lines[0].partition("order: ")[2].partition("   ")[0]


def rows(lines):
    """The registrations that are shown: fd and wakeups a second."""
    matches = [re.match(r" *(\d+) +(\d+\.\d) ", line) for line in lines]
    return [(int(match[1]), float(match[2])) for match in matches if match]


def is_hottest(lines, hot):
    """Is it in the first line, with most of all wakeups?"""
    shown = rows(lines)
    rates = [rate for _, rate in shown]
    return (
        len(shown) > 5
        and shown[0][0] == hot
        and rates == sorted(rates, reverse=True)
        and rates[0] > 9 * rates[1]
    )


def in_order_of_fds(lines):
    fds = [fd for fd, _ in rows(lines)]
    return len(fds) > 5 and fds == sorted(fds)


def press_until(top, key, wanted, times):
    """Presses the key, each time after it has been seen to work, until @wanted is shown."""
    for _ in range(times):
        was = order(top.screen.lines())
        top.press(key)
        if not top.shows(lambda lines: order(lines) not in ("", was)):
            return "the key does nothing"
        if wanted(order(top.screen.lines())):
            return ""
    return f"it never comes, order is {order(top.screen.lines())}"


def complaint(right, top):
    return "" if right else "\n".join(top.screen.lines())


def test(tap, pid, hot):
    with OnTerminal([REPOLLSTAT, "--pid", str(pid), "--interval", "0.5"]) as top:
        right = top.shows(lambda lines: is_hottest(lines, hot))
        tap.result("the hot fd is in the first line", complaint(right, top))
        wrong = press_until(top, "s", lambda by: by == "fd", 20)
        right = not wrong and top.shows(in_order_of_fds)
        tap.result("s: by fd, after all others", wrong or complaint(right, top))
        wrong = press_until(top, "s", lambda by: by == "wakes", 1)
        right = not wrong and top.shows(lambda lines: is_hottest(lines, hot))
        tap.result("s: by wakeups again", wrong or complaint(right, top))
        top.press("p")
        right = top.shows(lambda lines: order(lines) == "wakes (paused)")
        tap.result("p: paused", complaint(right, top))
        second = top.screen.lines()[2]
        top.press(DOWN)
        right = top.shows(lambda lines: lines[1] == second)
        tap.result("down: a line further", complaint(right, top))
        top.press("p")
        right = top.shows(lambda lines: order(lines) == "wakes")
        tap.result("p: goes on", complaint(right, top))
        top.press("q")
        right = top.end() == 0
        tap.result("q: the end", complaint(right, top))


def main():
    tap = Tap()
    program = subprocess.Popen(
        [sys.executable, "-B", os.path.join(HERE, "busy.py")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "LD_PRELOAD": os.path.abspath(sys.argv[1])},
    )
    try:
        test(tap, program.pid, int(program.stdout.readline()))
    finally:
        program.kill()
        program.wait()
    return tap.end()


sys.exit(main())
