# SPDX-License-Identifier: GPL-2.0
"""man.py check: whether the man pages say all that they have to.
man.py build PREFIX DIR: builds the programs of their EXAMPLES sections in DIR, with what
is installed below PREFIX.
man.py run PREFIX DIR: runs these, and what is typed at a terminal there."""

import os
import re
import subprocess
import sys
from pathlib import Path

from blocks import is_console, literal, sections
from terminal import Tap, environment, run, run_console

TOP = Path(__file__).resolve().parents[3]
HEADERS = [TOP / "tools/lib/repoll" / name for name in ("repoll.h", "repoll_ring.h")]
UAPI = TOP / "include/uapi/linux/repoll.h"
MAP = TOP / "tools/lib/repoll/librepoll.map"

# What mandoc wants in which part of the manual, and what we want besides.
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "SEE ALSO", "STANDARDS", "VERSIONS"]
SECTIONS += ["CAVEATS"]
MORE_SECTIONS = {
    "1": ["EXIT STATUS", "DIAGNOSTICS"],
    "3": ["LIBRARY", "RETURN VALUES", "ERRORS"],
    "4": ["ERRORS"],
}
# Names of the interface that are described where they are defined.
IN_THE_HEADER = re.compile(r"REPOLL_(WAKER_\w+|IOC_TYPE|STATS_BATCHES|STATS_LATENCIES)")
FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O2"]


class Page:
    def __init__(self, path):
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        self.part = path.suffix[1:]
        self.sections = sections(self.text)
        self.names = [
            match[1]
            for line in self.sections.get("NAME", [])
            if (match := re.match(r"\.Nm (\S+)", line))
        ]

    def blocks(self):
        return list(literal(self.sections.get("EXAMPLES", [])))

    def prototypes(self):
        """The functions of the synopsis, by name, as their words."""
        text = "\n".join(self.sections["SYNOPSIS"])
        text = re.sub(r'^\.Fn (\w+) (.*)$', r'.Fo \1\n.Fa \2\n.Fc', text, flags=re.M)
        found = {}
        for result, name, body in re.findall(r"\.Ft (.*)\n\.Fo (\w+)\n((?:\.Fa .*\n)+)\.Fc", text):
            arguments = ", ".join(re.findall(r'"([^"]*)"', body))
            found[name] = words(f"{result} {name}({arguments})")
        return found


def pages():
    return [Page(path) for path in sorted((TOP / "man").glob("*.[1-9]"))]


def words(c):
    return re.findall(r"\w+|[^\s\w]", c)


def functions():
    """Those of the library: (prototype as its words, errors that its comment names), by name."""
    text = "".join(header.read_text(encoding="utf-8") for header in HEADERS)
    # A second declaration is for programs with another time_t.
    text = re.sub(r"^#if __SIZEOF_LONG__.*\n(?:.*\n)*?#else\n", "", text, flags=re.M)
    found = {}
    comment = r"/\*\*\n((?: \*.*\n)*?) \*/\n"
    for said, result, name, arguments in re.findall(
        comment + r"(?:#.*\n)*(?:static inline )?([\w ]+?) ?\b(repoll_\w+)(\([^;{]*\))(?:;|\n\{)",
        text,
    ):
        errors = set(re.findall(r"\bE(?!POLL)[A-Z0-9]{2,}\b", said))
        found[name] = words(f"{result} {name}{arguments}"), errors
    return found


def complaints_of(page, known, names):
    """What is wrong with one page."""
    for section in SECTIONS + MORE_SECTIONS.get(page.part, []):
        if section not in page.sections:
            yield f"it has no section {section}"
    for name, part in re.findall(r"^\.Xr (\S*repoll\S*) (\d)", page.text, re.M):
        if (name, part) not in names:
            yield f"there is no {name}({part})"
    if not page.blocks():
        yield "it shows no example"
    if page.part != "3":
        return
    told = "\n".join(page.sections.get("ERRORS", []))
    declared = page.prototypes()
    for name in page.names:
        if name not in known:
            yield f"the library has no {name}()"
            continue
        prototype, errors = known[name]
        if declared.get(name) != prototype:
            yield f"{name}() is declared otherwise in the header"
        for error in sorted(errors):
            if not re.search(rf"\b{error}\b", told):
                yield f"{name}() may fail with {error}"


def check():
    known = functions()
    all_pages = pages()
    names = {(name, page.part) for page in all_pages for name in page.names}
    complaints = [
        f"{page.path.name}: {text}"
        for page in all_pages
        for text in complaints_of(page, known, names)
    ]
    exported = re.findall(r"^\t(repoll_\w+);$", MAP.read_text(encoding="utf-8"), re.M)
    for name in exported:
        if not name.endswith("_time64") and (name, "3") not in names:
            complaints.append(f"{name}() has no page")
    everything = "\n".join(page.text for page in all_pages)
    for name in re.findall(r"^#define\s+(REPOLL_\w+)", UAPI.read_text(encoding="utf-8"), re.M):
        if not IN_THE_HEADER.fullmatch(name) and not re.search(rf"\b{name}\b", everything):
            complaints.append(f"no page tells of {name}")
    print(*complaints, sep="\n")
    return 1 if complaints or not all_pages else 0


def programs(page):
    """The programs of a page, each with what it prints: the block behind it, if that is
    none itself."""
    blocks = page.blocks()
    for number, text in enumerate(blocks):
        if not text.startswith("#include"):
            continue
        behind = blocks[number + 1] if number + 1 < len(blocks) else ""
        shows = None if is_console(behind) or behind.startswith("#include") else behind
        yield f"{page.path.name}-{number}", text, shows


def build(prefix, where):
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "librepoll"],
        env=environment(prefix),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    ).stdout.split()
    os.makedirs(where, exist_ok=True)
    for page in pages():
        for name, text, _ in programs(page):
            source = Path(where, f"{name}.c")
            source.write_text(text, encoding="utf-8")
            subprocess.run(
                ["cc", *FLAGS, "-o", source.with_suffix(""), source, *flags], check=True
            )
    return 0


def run_all(prefix, where):
    tap = Tap()
    with_project = environment(prefix)
    for page in pages():
        for name, _, shows in programs(page):
            complaint = run([Path(where, name).resolve()], shows or "", env=with_project)
            tap.result(f"{page.path.name}: the program", complaint)
        for text in filter(is_console, page.blocks()):
            complaint = run_console(text, env=with_project, cwd=where)
            tap.result(f"{page.path.name}: the terminal", complaint)
    return tap.end()


COMMANDS = {"check": check, "build": build, "run": run_all}

if __name__ == "__main__":
    sys.exit(COMMANDS[sys.argv[1]](*sys.argv[2:]))
