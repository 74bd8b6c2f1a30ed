# SPDX-License-Identifier: GPL-2.0
"""Runs what documents show, and compares; says in TAP what came of it."""

import os
import re
import signal
import subprocess

from blocks import console

DEADLINE = 120


def environment(prefix):
    """That of somebody for whom the project is installed below @prefix."""
    prefix = os.path.abspath(prefix)
    return {
        **os.environ,
        "PATH": f"{prefix}/bin:{os.environ['PATH']}",
        "PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig",
        "LD_LIBRARY_PATH": f"{prefix}/lib",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def without_pids(text):
    return re.sub(r"\bpid \d+", "pid N", text)


def run(command, expected, **options):
    """What is wrong with a run of @command, nothing if it is as @expected; None is for
    whatever it prints."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        **options,
    ) as child:
        try:
            printed, _ = child.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            # What it has left in the background as well.
            os.killpg(child.pid, signal.SIGKILL)
            return f"not finished after {DEADLINE} s"
    if child.returncode:
        return f"exit code {child.returncode}\n{printed}"
    if expected is not None and without_pids(printed) != without_pids(expected):
        return f"it printed\n{printed}and not\n{expected}"
    return ""


def run_console(text, **options):
    """The same for what was typed at a terminal. Where nothing is shown, nothing is
    compared."""
    script, shown = console(text)
    return run(["bash", "-e", "-c", script], shown or None, **options)


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def result(self, name, complaint):
        self.number += 1
        self.failed += bool(complaint)
        print(f"{'not ok' if complaint else 'ok'} {self.number} - {name}", flush=True)
        for line in complaint.splitlines():
            print(f"# {line}", flush=True)

    def end(self):
        """The exit code."""
        print(f"1..{self.number}")
        return 1 if self.failed or not self.number else 0
