#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Plants a bug in a copy of the module.

plant.py list           the names of the bugs, a line each
plant.py plant NAME DIR plants one in the sources below DIR

A bug is an edit of one place that is looked up by its text. If the text is no
longer there, or there twice, planting fails: the bug has to be written anew.
"""

import pathlib
import sys
from typing import NamedTuple


class Bug(NamedTuple):
    why: str
    file: str
    good: str
    bad: str


BUGS = {
    "lost-edge-mod": Bug(
        "MOD does not look whether the fd is ready already",
        "rust/ctl.rs",
        "|| !self.poll_item(item, 1).is_empty() {",
        "|| (self.poll_item(item, 1).is_empty() && events.is_empty()) {",
    ),
    "lost-edge-fault": Bug(
        "what could not be copied out is forgotten",
        "rust/deliver.rs",
        "for item in rest.iter().flatten().rev() {\n",
        "for item in rest.iter().take(0).flatten().rev() {\n",
    ),
    "stale-fd-number": Bug(
        "a number that is used again finds the registration of its former file",
        "rust/interest.rs",
        "        let mut node = self.root.get().rb_node;\n"
        "        // SAFETY: The walk starts at the root",
        "        if let Some(item) = self.iter().find(|item| item.key.fd == key.fd) {\n"
        "            return Some(item);\n"
        "        }\n"
        "        let mut node = self.root.get().rb_node;\n"
        "        // SAFETY: The walk starts at the root",
    ),
    "stale-fd-dup": Bug(
        "a file is known by itself and not by its number: a dup is taken for it",
        "rust/interest.rs",
        "        let mut node = self.root.get().rb_node;\n"
        "        // SAFETY: The walk starts at the root",
        "        if let Some(item) = self.first_of(key.file) {\n"
        "            return Some(item);\n"
        "        }\n"
        "        let mut node = self.root.get().rb_node;\n"
        "        // SAFETY: The walk starts at the root",
    ),
    "wrong-order-drain": Bug(
        "what became ready last is delivered first",
        "rust/eventpoll.rs",
        "                interest.rdllist.push_back(item);\n            })\n",
        "                interest.rdllist.push_front(item);\n            })\n",
    ),
    "wrong-order-level": Bug(
        "a level-triggered fd keeps its place: those behind it starve",
        "rust/deliver.rs",
        "                interest.rdllist.push_back(item);\n"
        "                item.ws.stay_awake();",
        "                interest.rdllist.push_front(item);\n"
        "                item.ws.stay_awake();",
    ),
    "missed-eloop-depth": Bug(
        "nesting may be one level deeper than allowed",
        "rust/nesting.rs",
        "below.saturating_add(1).saturating_add(above) > MAX_NESTS",
        "below.saturating_add(above) > MAX_NESTS",
    ),
    "missed-eloop-above": Bug(
        "who watches the watcher is not asked",
        "rust/nesting.rs",
        "let above = depth_above(&mut links, ep, next_stamp());",
        "let above = depth_above(&mut links, ep, next_stamp()).min(0);",
    ),
}


def plant(bug: Bug, top: pathlib.Path) -> None:
    path = top / bug.file
    source = path.read_text()
    found = source.count(bug.good)
    if found != 1:
        sys.exit(f"{bug.file}: the place for the bug is there {found} times: {bug.good!r}")
    path.write_text(source.replace(bug.good, bug.bad))


def main(args: list[str]) -> None:
    match args:
        case ["list"]:
            print(*BUGS, sep="\n")
        case ["plant", name, top] if name in BUGS:
            plant(BUGS[name], pathlib.Path(top))
            print(BUGS[name].why)
        case _:
            sys.exit(__doc__)


main(sys.argv[1:])
