# SPDX-License-Identifier: GPL-2.0
"""collect.py RESULTS: makes one file of the figures on stdin, a line of JSON each.

Of what was timed only ratios are kept, but for indices, which are one already: the n-th sample of a backend makes a pair with the
n-th of in-tree epoll; the median of the pairs is the figure, and the spread is that of
the middle half of them.
"""

import json
import statistics
import sys

from figures import Figures, Key

# (what, of which bench, at which parameter, compared with which): what becomes of the
# rate when there is more to do.
COLLAPSE = ("producers_at_32_to_8", "producers", 32, 8)


# What is better in which sense.
COMPARISONS = {
    "us": "times as fast as epoll",
    "per second": "times as fast as epoll",
    "us of deviation": "times as steady as epoll",
}


def better(sample, other, unit):
    """How many times as good."""
    return sample / other if unit == "per second" else other / sample


def summary(key, unit, values):
    quartiles = statistics.quantiles(values * (len(values) == 1) + values, n=4, method="inclusive")
    return {
        **key._asdict(),
        "value": round(statistics.median(values), 3),
        "unit": unit,
        "spread": round(quartiles[2] - quartiles[0], 3),
    }


INDEX = "Jain's index"


def indices(samples):
    """The figures that are no rates."""
    for key, (unit, values) in samples.items():
        if unit == INDEX:
            yield summary(key, unit, values)


def ratios(samples):
    """The figures that a list of samples by key makes."""
    for key, (unit, values) in samples.items():
        _, others = samples.get(key._replace(backend="epoll"), (None, []))
        if key.backend != "epoll" and others and unit in COMPARISONS:
            pairs = [better(*pair, unit) for pair in zip(values, others)]
            yield summary(key, COMPARISONS[unit], pairs)
    bench, of, at, to = COLLAPSE
    for backend in ("epoll", "repoll"):
        _, many = samples.get(Key(of, "timed", backend, at), (None, []))
        _, fewer = samples.get(Key(of, "timed", backend, to), (None, []))
        if many and fewer:
            pairs = [a / b for a, b in zip(many, fewer)]
            yield summary(Key(bench, "timed", backend, at), "times its own", pairs)


def main():
    counted, samples = Figures(), {}
    for line in sys.stdin:
        entry = json.loads(line)
        del entry["times"]
        key = Key.of(entry)
        if key.method == "counted":
            counted[key] = entry
        else:
            samples.setdefault(key, (entry["unit"], []))[1].append(entry["value"])
    timed = (*ratios(samples), *indices(samples))
    figures = Figures({**counted, **{Key.of(entry): entry for entry in timed}})
    if not figures:
        sys.exit("nothing was measured: is there such a row? (build/bench/bench --list)")
    figures.write(sys.argv[1])


if __name__ == "__main__":
    main()
