#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants a bug in a copy of the module; bugs.py has them.

plant.py list fuzz|stress    a line each, tab-separated: its name, `last` if nothing else
                             is to be tried in the same guest, else `-`, and the options
                             of the fuzzer or of the stress test that have to catch it
plant.py plant NAME DIR      plants one in the sources below DIR
plant.py check DIR           whether all could be planted there
"""

import pathlib
import sys

from bugs import BUGS

ALL = {name: bug for bugs in BUGS.values() for name, bug in bugs.items()}


def planted(bug, top):
    """The file with the bug in it. It has to be written anew when its place is no
    longer there, or there twice."""
    source = (top / bug.file).read_text(encoding="utf-8")
    found = source.count(bug.good)
    if found != 1:
        raise ValueError(f"{bug.file}: the place for the bug is there {found} times: {bug.good!r}")
    return source.replace(bug.good, bug.bad)


def plant(bug, top):
    (top / bug.file).write_text(planted(bug, top), encoding="utf-8")


def check(top):
    """What cannot be planted, as lines of text."""
    complaints = []
    for name, bug in ALL.items():
        try:
            planted(bug, top)
        except (OSError, ValueError) as error:
            complaints.append(f"{name}: {error}")
    return "\n".join(complaints) or None


def main(args):
    match args:
        case ["list", tool] if tool in BUGS:
            for name, bug in BUGS[tool].items():
                print(name, "last" if bug.corrupts else "-", bug.options, sep="\t")
        case ["plant", name, top] if name in ALL:
            plant(ALL[name], pathlib.Path(top))
            print(ALL[name].why)
        case ["check", top]:
            sys.exit(check(pathlib.Path(top)))
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
