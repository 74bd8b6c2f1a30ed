# SPDX-License-Identifier: GPL-2.0
"""annotate.py FOLDER BENCH FUNCTION: how often an operation executes each instruction of
the functions of the module whose names contain FUNCTION.

FOLDER is what counts.py describes; stdin is the module, disassembled by objdump.
"""

import re
import sys

from counts import load

HEAD = re.compile(r"^([0-9a-f]+) <(.*)>:$")
LINE = re.compile(r"^ *([0-9a-f]+):\t(.*)$")


def functions(listing, wanted):
    """(name, instructions by their offset) of each function that is wanted."""
    lines, start = None, 0
    for line in listing:
        head, instruction = HEAD.match(line), LINE.match(line)
        if head:
            start, lines = int(head[1], 16), None
            if wanted in head[2]:
                lines = {}
                yield head[2], lines
        elif instruction and lines is not None:
            lines[int(instruction[1], 16) - start] = instruction[2]


def main():
    folder, bench, wanted = sys.argv[1:]
    symbols, runs = load(folder, bench)
    bodies = list(functions(sys.stdin, wanted))
    if not bodies:
        sys.exit(f"no function of the module has {wanted} in its name")
    for entry, counts in runs:
        for name, lines in bodies:
            start = symbols.starts[name, "repoll"]
            if not any(start + offset in counts for offset in lines):
                continue
            print(f"\n{entry['bench']} {entry['param']}, {entry['backend']}: {name}")
            for offset, text in lines.items():
                times = counts.get(start + offset, 0) / entry["times"]
                print(f"{times:>10.2f}" if times else f"{'':>10}", f"{offset:5x}  {text}")


if __name__ == "__main__":
    main()
