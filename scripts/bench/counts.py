# SPDX-License-Identifier: GPL-2.0
"""What scripts/profile.sh leaves in a folder: symbols, those of the kernel, of its modules
and of the benchmark; figures, as the benchmark printed them; counts, those of the
instructions of each batch of these figures.
"""

import bisect
import json
import sys


class Symbols:
    """Functions, by (name, module), and where they are."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as lines:
            symbols = sorted(self.parse(line) for line in lines if line.split()[1] in "tTwW")
        self.addresses = [address for address, _ in symbols]
        self.names = [name for _, name in symbols]
        self.starts = {name: address for address, name in symbols}

    @staticmethod
    def parse(line):
        address, _, name, *module = line.split()
        return int(address, 16), (name, module[0].strip("[]") if module else "kernel")

    def at(self, address):
        return self.names[bisect.bisect_right(self.addresses, address) - 1]


def read_sections(path):
    """The counts of each batch, by address."""
    sections = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line == "section\n":
                sections.append({})
            else:
                address, count = line.split()
                sections[-1][int(address, 16)] = int(count)
    return sections


def load(folder, bench):
    """The symbols, and for each figure of the bench its entry and its counts."""
    sections = read_sections(f"{folder}/counts")
    with open(f"{folder}/figures", encoding="utf-8") as lines:
        entries = [entry for entry in map(json.loads, lines) if entry["bench"] == bench]
    if not entries:
        sys.exit("nothing was profiled: is there such a figure? (build/bench/bench --list)")
    batches = len(sections) // len(entries)
    runs = []
    for i, entry in enumerate(entries):
        # The first batch warms up; of the others, the one in the middle.
        part = sorted(
            sections[i * batches + 1 : (i + 1) * batches], key=lambda counts: sum(counts.values())
        )
        runs.append((entry, part[len(part) // 2]))
    return Symbols(f"{folder}/symbols"), runs
