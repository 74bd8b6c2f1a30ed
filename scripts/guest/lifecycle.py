# SPDX-License-Identifier: GPL-2.0
"""Tests of loading and unloading the module, in the order in which they run.

Each returns what was wrong, or nothing.
"""

import glob
import os
import subprocess

MODULE = "build/module/repoll.ko"
# The function that repoll traces to see a watched file's last close.
TRACED = "locks_remove_file"


def command(*argv):
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.strip()


def traces():
    with open("/sys/kernel/tracing/enabled_functions", encoding="utf-8") as functions:
        return [line.strip() for line in functions if line.startswith(TRACED)]


def unload_is_refused_while_an_instance_is_open():
    instance = os.open("/dev/repoll", os.O_RDWR | os.O_CLOEXEC)
    status, _ = command("rmmod", "repoll")
    os.close(instance)
    return None if status else "rmmod succeeded with an instance open"


def unload():
    status, error = command("rmmod", "repoll")
    return error or "rmmod failed" if status else None


def nothing_is_left():
    """Neither tracer, cache, device, sysctl nor module."""
    left = traces() + glob.glob("/sys/kernel/slab/repoll_*") + glob.glob("/dev/repoll")
    left += glob.glob("/proc/sys/fs/repoll") + glob.glob("/sys/module/repoll")
    return f"left: {left}" if left else None


def load_again():
    status, error = command("insmod", MODULE)
    if status:
        return error
    return None if os.path.exists("/dev/repoll") else "no /dev/repoll"


def unload_again():
    return unload()


def nothing_is_left_again():
    return nothing_is_left()


TESTS = (
    unload_is_refused_while_an_instance_is_open,
    unload,
    nothing_is_left,
    load_again,
    unload_again,
    nothing_is_left_again,
)
