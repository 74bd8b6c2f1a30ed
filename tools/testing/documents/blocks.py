# SPDX-License-Identifier: GPL-2.0
"""What documents show of programs and of terminals."""

import re
from dataclasses import dataclass


@dataclass
class Block:
    """A block of an rst document: the line of its directive, its language, its caption and
    its text."""

    line: int
    language: str
    caption: str
    text: str


def sections(page):
    """The sections of a page in mdoc, by name, as their lines."""
    found, lines = {}, []
    for line in page.splitlines():
        if line.startswith(".Sh "):
            lines = found.setdefault(line[4:].strip(), [])
        else:
            lines.append(line)
    return found


def literal(lines):
    """The literal blocks of such a section, as they are read."""
    text = "\n".join(lines) + "\n"
    for block in re.findall(r"^\.Bd -literal.*\n((?:.*\n)*?)\.Ed$", text, re.M):
        yield block.replace(r"\&", "").replace(r"\-", "-").replace(r"\e", "\\")


def of_rst(text):
    """The code blocks of a document, in order."""
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        match = re.match(r"\.\. code-block:: (\w+)$", line)
        if not match:
            continue
        caption, body = "", []
        for line in lines[number:]:
            option = re.match(r"   :caption: (.*)$", line)
            if option and not body:
                caption = option[1]
            elif line and not line.startswith("   "):
                break
            else:
                body.append(line[3:])
        yield Block(number, match[1], caption, "\n".join(body).strip("\n") + "\n")


def is_console(text):
    return text.startswith("$ ")


def console(text):
    """What was typed at a terminal, as a script, and what came of it. A line that begins
    with > goes on with what was typed."""
    typed, shown = [], []
    for line in text.splitlines():
        (typed if re.match(r"[$>]( |$)", line) else shown).append(line)
    return "".join(f"{line[2:]}\n" for line in typed), "".join(f"{line}\n" for line in shown)
