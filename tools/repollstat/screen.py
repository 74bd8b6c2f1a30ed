# SPDX-License-Identifier: GPL-2.0
"""The figures as text, and on a terminal in the manner of top."""

import contextlib
import curses
import time

from figures import SORT_KEYS

COLUMNS = (
    # title, width, left-aligned
    ("FD", 7, False),
    ("WAKES/S", 10, False),
    ("WAKES", 10, False),
    ("MERGED", 9, False),
    ("OTHER", 8, False),
    ("DELIV/S", 10, False),
    ("SPURIOUS", 9, False),
    ("AVG QUEUED", 11, False),
    ("MAX QUEUED", 11, False),
    ("LAST WAKER", 32, True),
    ("FILE", 24, True),
)

KEYS = "q quit   s next order   p pause   up/down scroll"


def duration(ns):
    if ns is None:
        return "-"
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if ns >= size:
            return f"{ns / size:.1f}{unit}"
    return f"{ns}ns"


def waker_name(waker):
    match waker["kind"]:
        case "none":
            return "-"
        case "task":
            return f"{waker['comm']}/{waker['pid']} cpu{waker['cpu']}"
        case kind:
            return f"({kind}) cpu{waker['cpu']}"


def cells(row):
    return (
        row["fd"],
        f"{row['wakes_per_s']:.1f}",
        row["wakes"],
        row["merged"],
        row["filtered"],
        f"{row['deliveries_per_s']:.1f}",
        row["spurious"],
        duration(row["queued_avg_ns"]),
        duration(row["queued_max_ns"]),
        waker_name(row["waker"]),
        row["file"],
    )


def line_of(texts):
    parts = []
    for text, (_, width, left) in zip(texts, COLUMNS):
        text = str(text)
        parts.append(f"{text:<{width}.{width}}" if left else f"{text:>{width}}")
    return " ".join(parts).rstrip()


def is_printable(text):
    """A command may have any bytes in its name: none of them is to reach the terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def heading(instance):
    yield is_printable(
        f"instance: fd {instance['fd']} of {instance['comm']}/{instance['pid']}"
        f"   registrations {instance['registrations']}   counted for {duration(instance['on_ns'])}"
    )
    yield (
        f"waits {instance['waits']}   empty {instance['empty_waits']}"
        f"   sleeps {instance['sleeps']}   woken in vain {instance['woken_in_vain']}"
        f"   latency p50 {duration(instance['latency_p50_ns'])}"
        f" p99 {duration(instance['latency_p99_ns'])}"
    )
    batches = "  ".join(f"{least}+: {n}" for least, n in instance["batches"].items())
    yield f"events a wait   {batches or '-'}"


def lines(instances):
    """All of it, as (text, whether it is a title)."""
    for instance in instances:
        for text in heading(instance):
            yield text, False
        yield line_of(title for title, _, _ in COLUMNS), True
        for row in instance["rows"]:
            yield is_printable(line_of(cells(row))), False
        yield "", False


def top(screen, sample, interval, sort):
    """Until the user has seen enough. @sample(sort): the instances, read now."""
    with contextlib.suppress(curses.error):  # a terminal that cannot hide it
        curses.curs_set(0)
    first, paused = 0, False
    instances, due = [], 0
    while True:
        if not paused and time.monotonic() >= due:
            instances = sample(sort)
            due = time.monotonic() + interval
        text = list(lines(instances)) or [("no instance is there", False)]
        height, width = screen.getmaxyx()
        first = max(0, min(first, len(text) - 1))
        screen.erase()
        order = f"order: {sort}{' (paused)' if paused else ''}   {KEYS}"
        screen.addnstr(0, 0, order, width - 1, curses.A_BOLD)
        for y, (line, is_title) in enumerate(text[first : first + height - 1], 1):
            screen.addnstr(y, 0, line, width - 1, curses.A_REVERSE if is_title else 0)
        screen.refresh()
        left = due - time.monotonic()
        screen.timeout(200 if paused else max(1, min(200, int(left * 1000))))
        key = screen.getch()
        if key == ord("q"):
            return
        if key == ord("s"):
            sort = SORT_KEYS[(SORT_KEYS.index(sort) + 1) % len(SORT_KEYS)]
            due = 0
        elif key == ord("p"):
            paused = not paused
        page = height - 1
        moves = {
            curses.KEY_DOWN: 1,
            curses.KEY_UP: -1,
            curses.KEY_NPAGE: page,
            curses.KEY_PPAGE: -page,
        }
        first += moves.get(key, 0)
