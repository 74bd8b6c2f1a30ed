# SPDX-License-Identifier: GPL-2.0
"""installed.py: whether make install puts everything where it belongs, and make uninstall
takes it away, and nothing else."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from man import TOP, pages
from terminal import Tap

PREFIX = "usr"
FILES = """bin/repollstat
include/linux/repoll.h
include/repoll.h
include/repoll_ring.h
lib/librepoll-preload.so
lib/librepoll.a
lib/librepoll.so
lib/librepoll.so.1
lib/pkgconfig/librepoll.pc
""" + "".join(
    f"share/repollstat/{name}\n"
    for name in ("abi.py", "figures.py", "instances.py", "repollstat", "screen.py")
)


def make(target, root):
    """What is wrong with the call."""
    done = subprocess.run(
        ["make", "-s", target, "INSTALL_FROM=build/lib", f"PREFIX=/{PREFIX}", f"DESTDIR={root}"],
        cwd=TOP,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return f"exit code {done.returncode}\n{done.stdout}" if done.returncode else ""


def is_whole(root, expected):
    """What is missing, or too much, or a link to nowhere."""
    there = {str(Path(folder, name)) for folder, _, names in os.walk(root) for name in names}
    expected = {str(Path(root, name)) for name in expected}
    complaints = [f"missing: {name}" for name in sorted(expected - there)]
    complaints += [f"too much: {name}" for name in sorted(there - expected)]
    complaints += [f"leads nowhere: {name}" for name in sorted(there) if not os.path.exists(name)]
    return "\n".join(complaints)


def names_no_other_place(root):
    """The folder in which a package is made is not where it will be."""
    text = Path(root, PREFIX, "lib/pkgconfig/librepoll.pc").read_text(encoding="utf-8")
    return text if root in text or f"prefix=/{PREFIX}\n" not in text else ""


def runs(root):
    done = subprocess.run(
        [f"{root}/{PREFIX}/bin/repollstat", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return "" if done.stdout.startswith("usage: repollstat") else done.stdout


def main():
    tap = Tap()
    expected = {f"{PREFIX}/{name}" for name in FILES.split()}
    for page in pages():
        expected |= {f"{PREFIX}/share/man/man{page.part}/{name}.{page.part}" for name in page.names}
    with tempfile.TemporaryDirectory() as root:
        tap.result("install", make("install", root))
        tap.result("installs all of it", is_whole(root, expected))
        tap.result("the pkg-config file", names_no_other_place(root))
        tap.result("repollstat finds its modules", runs(root))
        tap.result("install again", make("install", root) or is_whole(root, expected))
        other = f"{PREFIX}/lib/libother.so"
        Path(root, other).touch()
        tap.result("uninstall", make("uninstall", root))
        tap.result("uninstall leaves what is not ours", is_whole(root, {other}))
        tap.result("uninstall again", make("uninstall", root))
    return tap.end()


sys.exit(main())
