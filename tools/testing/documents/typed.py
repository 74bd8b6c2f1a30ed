# SPDX-License-Identifier: GPL-2.0
"""typed.py PREFIX DOCUMENT: types along with a document, in an empty folder, for somebody
for whom the project is installed below PREFIX.

A block with a caption is (more of) the file of that name, or in diff a change of it: what
has no + in front is there once. One in console is typed, and what it shows has to come of it.
Other blocks are not looked at."""

import sys
import tempfile
from pathlib import Path

from blocks import of_rst
from terminal import Tap, environment, run_console


def lines_of(text, signs):
    return "".join(f"{line[1:]}\n" for line in text.splitlines() if line[:1] in signs)


def change(block, where):
    """What stands in the way of a change of a file, nothing if it has been made."""
    path = Path(where, block.caption)
    text = path.read_text(encoding="utf-8")
    old = lines_of(block.text, " -")
    if text.count(old) != 1:
        return f"{text.count(old)} times in {block.caption}:\n{old}"
    path.write_text(text.replace(old, lines_of(block.text, " +")), encoding="utf-8")
    return ""


def write(block, where, known):
    """Begins the file, or goes on with it after an empty line."""
    path = Path(where, block.caption)
    before = f"{path.read_text(encoding='utf-8')}\n" if block.caption in known else ""
    path.write_text(before + block.text, encoding="utf-8")
    known.add(block.caption)


def main(prefix, document):
    tap, known = Tap(), set()
    with_project = environment(prefix)
    with tempfile.TemporaryDirectory() as where:
        for block in of_rst(Path(document).read_text(encoding="utf-8")):
            name = f"line {block.line}, {block.caption or block.language}"
            if block.language == "diff":
                tap.result(name, change(block, where))
            elif block.caption:
                write(block, where, known)
            elif block.language == "console":
                tap.result(name, run_console(block.text, cwd=where, env=with_project))
    return tap.end()


sys.exit(main(*sys.argv[1:]))
