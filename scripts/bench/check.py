# SPDX-License-Identifier: GPL-2.0
"""check.py BASELINE [--update]: compares the figures on stdin with the baseline's.

A figure that is over 3 % higher is a failure, and so is one that only one side has.
"""

import sys

from figures import Figures

TOLERANCE = 0.03


def complaint(was, now):
    """What is wrong with a figure; None if nothing is."""
    if was is None:
        return "is not in the baseline"
    if now is None:
        return "was not measured"
    if now["value"] > was["value"] * (1 + TOLERANCE):
        change = now["value"] / was["value"] - 1
        return f"{was['value']:.1f} -> {now['value']:.1f} {now['unit']}, {change:+.1%}"
    return None


def main():
    path = sys.argv[1]
    figures = Figures.read_lines(sys.stdin)
    if not figures:
        sys.exit("nothing was measured")
    if sys.argv[2:] == ["--update"]:
        figures.write(path)
        print(f"{path}: {len(figures)} figures")
        return
    baseline = Figures.read(path)
    keys = list(dict.fromkeys([*baseline, *figures]))
    failed = better = 0
    for key in keys:
        was, now = baseline.get(key), figures.get(key)
        reason = complaint(was, now)
        if reason:
            failed += 1
            print(f"FAILED {key.bench} {key.param}: {reason}")
        elif now["value"] < was["value"] * (1 - TOLERANCE):
            better += 1
            print(f"better: {key.bench} {key.param}: {was['value']:.1f} -> {now['value']:.1f}")
    if better:
        print("make bench-check UPDATE=1 makes that the baseline")
    print(f"{len(keys) - failed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
