# SPDX-License-Identifier: GPL-2.0
"""links.py: whether what the documents name is there: pages, labels, pictures, files, folders."""

import re
import sys
from pathlib import Path

from man import TOP

DOCUMENTS = TOP / "Documentation"
PATH = re.compile(
    r"(?:Documentation|LICENSES|include|man|rust|samples|scripts|tools)(?:/[\w.-]+)+/?|[\w.]+\.md"
)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def files_named(text):
    """Those in typewriter letters, with where that is."""
    for match in re.finditer(r"``([^`\n]+)``|(?<!`)`([^`\n]+)`(?!`)", text):
        name = match[1] or match[2]
        if PATH.fullmatch(name):
            yield match.start(), TOP / name


def links_of_markdown(path, text):
    for match in re.finditer(r"\]\(([^)#:]+)\)", text):
        yield match.start(), path.parent / match[1]


def links_of_rst(text, labels):
    for match in re.finditer(r":doc:`(?:[^`<]*<)?([\w-]+)>?`", text):
        yield match.start(), DOCUMENTS / f"{match[1]}.rst"
    for match in re.finditer(r":ref:`(?:[^`<]*<)?([\w-]+)>?`", text):
        if match[1] not in labels:
            yield match.start(), Path("the label", match[1])
    for match in re.finditer(r":manpage:`([\w-]+)\((\d)\)`", text):
        yield match.start(), TOP / "man" / f"{match[1]}.{match[2]}"
    for match in re.finditer(r"^\.\. (?:graphviz|image|literalinclude):: (\S+)$", text, re.M):
        yield match.start(), DOCUMENTS / match[1]


def main(names):
    complaints = []
    rst = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS.glob("*.rst")}
    labels = set(re.findall(r"^\.\. _([\w-]+):$", "\n".join(rst.values()), re.M))
    index = rst[DOCUMENTS / "index.rst"]
    for path in sorted(rst):
        if path.stem != "index" and not re.search(rf"^   {path.stem}$", index, re.M):
            complaints.append(f"{path.name}: not in index.rst")
    for path in [*rst, *(TOP / name for name in names)]:
        text = path.read_text(encoding="utf-8")
        found = list(files_named(text))
        if path.suffix == ".rst":
            found += links_of_rst(text, labels)
        else:
            found += links_of_markdown(path, text)
        complaints += [
            f"{path.relative_to(TOP)}:{line_of(text, position)}: no {target}"
            for position, target in found
            # A program is named as what it is made of.
            if not target.exists() and not target.with_suffix(".c").exists()
        ]
    print(*complaints, sep="\n")
    return 1 if complaints or not rst else 0


sys.exit(main(sys.argv[1:]))
