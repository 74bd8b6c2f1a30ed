# SPDX-License-Identifier: GPL-2.0
"""table.py RESULTS: prints the figures of a run as tables, and which goals are met."""

import sys

import goals
from figures import Figures, Key

BACKENDS = ("none", "epoll", "repoll", "poll", "select", "io_uring")
HEADS = {"none": "reference", "epoll": "in-tree", "io_uring": "io_uring"}


def number(value):
    return f"{value:,.0f}" if value >= 100000 else f"{value:,.1f}"


def rows_of(figures):
    """(bench, param, unit) of each row, in the order of the figures' first use, by param."""
    rows = {}
    for key, entry in figures.items():
        rows.setdefault(key.bench, set()).add((key.param, entry["unit"]))
    for bench, params in rows.items():
        for param, unit in sorted(params):
            yield bench, param, unit


def backends_of(figures):
    return [name for name in BACKENDS if any(key.backend == name for key in figures)]


def print_heads(method, backends, *more):
    heads = (f"{HEADS.get(name, name):>13}" for name in backends)
    print(f"\n{method:<22} {'param':>9}", *heads, *more)


def print_counted(figures):
    backends = backends_of(figures)
    print_heads("counted", backends, "  ratio  unit")
    for bench, param, unit in rows_of(figures):
        values, spreads = {}, []
        for backend in backends:
            entry = figures.get(Key(bench, "counted", backend, param))
            if not entry:
                continue
            values[backend] = entry["value"]
            if entry["spread"] > max(0.5, entry["value"] / 1000):
                spreads.append(f"{backend} ±{entry['spread']:.1f}")
        cells = (f"{number(values[name]) if name in values else '':>13}" for name in backends)
        both = values.get("epoll") and "repoll" in values
        ratio = f"{values['repoll'] / values['epoll']:.2f}" if both else ""
        spread = f"  spread: {', '.join(spreads)}" if spreads else ""
        print(f"{bench:<22} {param:>9,}", *cells, f"{ratio:>7}  {unit}{spread}")


def print_timed(figures):
    backends = backends_of(figures)
    print_heads("timed", backends)
    for bench, param, unit in rows_of(figures):
        entries = (figures.get(Key(bench, "timed", name, param)) for name in backends)
        cells = (
            f"{entry['value']:.2f} ±{entry['spread']:.2f}" if entry else "" for entry in entries
        )
        print(f"{bench:<22} {param:>9,}", *(f"{cell:>13}" for cell in cells), f" {unit}")


def print_goals(figures, wanted):
    lines = []
    for goal in wanted:
        try:
            value = goal.value(figures)
        except (KeyError, ZeroDivisionError):
            continue
        limit = f"{'>=' if goal.at_least else '<='} {goal.limit:.2f}"
        verdict = "met" if goal.met(value) else "MISSED"
        lines.append(f"{goal.what:<58} {value:>8.2f}  {limit:<9} {verdict}")
    if lines:
        print(f"\n{'goal':<58} {'here':>8}  {'limit':<9}")
        print(*lines, sep="\n")


def main():
    figures = Figures.read(sys.argv[1])
    for method, print_figures, wanted in (
        ("counted", print_counted, goals.COUNTED),
        ("timed", print_timed, goals.TIMED),
    ):
        chosen = figures.of(method)
        if chosen:
            print_figures(chosen)
            print_goals(chosen, wanted)


if __name__ == "__main__":
    main()
