# SPDX-License-Identifier: GPL-2.0
"""profile.py FOLDER BENCH: the instructions of one operation, function by function.

FOLDER is what counts.py describes.
"""

import sys

from counts import load


class Profile:
    """What an operation of one backend takes, by function."""

    def __init__(self, entry, counts, symbols):
        self.backend = entry["backend"]
        self.counted = entry["value"]
        self.functions = {}
        for address, count in counts.items():
            name = symbols.at(address)
            self.functions[name] = self.functions.get(name, 0) + count / entry["times"]

    @property
    def total(self):
        return sum(self.functions.values())


def read_profiles(folder, bench):
    """The profiles of each parameter."""
    symbols, runs = load(folder, bench)
    profiles = {}
    for entry, counts in runs:
        title = f"{entry['bench']} {entry['param']}"
        profiles.setdefault(title, []).append(Profile(entry, counts, symbols))
    return profiles


def number(value):
    return f"{value:>12,.1f}" if value else f"{'':>12}"


def print_table(title, profiles):
    functions = {name for profile in profiles for name in profile.functions}

    def most(name):
        return max(profile.functions.get(name, 0) for profile in profiles)

    title = f"{title}: instructions"
    print(f"\n{title:<58}", *(f"{profile.backend:>12}" for profile in profiles))
    for name, module in sorted(functions, key=most, reverse=True):
        values = (number(profile.functions.get((name, module), 0)) for profile in profiles)
        print(f"{module:<9} {name:<48}", *values)
    print(f"{'sum':<58}", *(number(profile.total) for profile in profiles))
    print(f"{'by the clock':<58}", *(number(profile.counted) for profile in profiles))


def main():
    wrong = []
    for title, profiles in read_profiles(*sys.argv[1:]).items():
        print_table(title, profiles)
        wrong += [
            f"{title} {profile.backend}"
            for profile in profiles
            if abs(profile.total - profile.counted) > profile.counted * 0.02
        ]
    if wrong:
        sys.exit(f"sum and clock differ by more than 2 %: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
