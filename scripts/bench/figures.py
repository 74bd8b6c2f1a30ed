# SPDX-License-Identifier: GPL-2.0
"""Figures: what the benchmark prints, a JSON object a line, and how to find one."""

import json
from typing import NamedTuple


class Key(NamedTuple):
    """What a figure is about."""

    bench: str
    method: str
    backend: str
    param: int

    @classmethod
    def of(cls, entry):
        return cls(*(entry[field] for field in cls._fields))


class Figures(dict):
    """The figures of a run, in their order, by their key."""

    @classmethod
    def parse(cls, entries):
        figures = cls()
        for entry in entries:
            figures[Key.of(entry)] = entry
        return figures

    @classmethod
    def read_lines(cls, lines):
        return cls.parse(json.loads(line) for line in lines)

    @classmethod
    def read(cls, path):
        with open(path, encoding="utf-8") as file:
            return cls.parse(json.load(file))

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            entries = ",\n".join(json.dumps(entry, sort_keys=True) for entry in self.values())
            file.write(f"[\n{entries}\n]\n")

    def of(self, method):
        return Figures((key, entry) for key, entry in self.items() if key.method == method)

    def value(self, bench, backend, param, method="counted"):
        """KeyError when it was not measured."""
        return self[Key(bench, method, backend, param)]["value"]

    def spread(self, bench, backend, param, method="counted"):
        return self[Key(bench, method, backend, param)].get("spread", 0)
