# SPDX-License-Identifier: GPL-2.0
"""Tests of loading and unloading the module, in the order in which they run.

Each returns what was wrong, or nothing.
"""

import glob
import os
import subprocess
import time

MODULE = os.environ["REPOLL_MODULE"]
# The function that repoll traces to see a watched file's last close.
TRACED = "locks_remove_file"
# Of kernels that have them.
KUNIT = "/sys/kernel/debug/kunit"
KMEMLEAK = "/sys/kernel/debug/kmemleak"
KCSAN = "/sys/kernel/debug/kcsan"


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


def kunit():
    """The module's KUnit suites, which run when it is loaded."""
    suites = glob.glob(f"{KUNIT}/repoll_*/results")
    if not suites:
        return "no suites"
    results = ""
    for suite in suites:
        with open(suite, encoding="utf-8") as file:
            results += file.read()
    print(results, end="")
    return None if " ok " in results and "not ok" not in results else "a test failed"


def data_races_were_looked_for():
    """Of those there were, reports have told: this is for a detector that did not run."""
    with open(KCSAN, encoding="utf-8") as file:
        counters = dict(line.split(": ") for line in file.read().splitlines() if ": " in line)
    print(counters)
    if counters["enabled"] != "1" or int(counters["setup_watchpoints"]) < 10000:
        return "KCSAN watched next to nothing"
    return None


def no_memory_is_lost():
    """Two scans: what the first one finds may be in somebody's registers."""
    for _ in range(2):
        # It wants objects that are some seconds old.
        time.sleep(6)
        with open(KMEMLEAK, "w", encoding="ascii") as scan:
            scan.write("scan")
    with open(KMEMLEAK, encoding="utf-8") as file:
        leaks = file.read()
    print(leaks, end="")
    return f"kmemleak: {leaks.splitlines()[0]}" if leaks else None


TESTS = (
    *([kunit] if os.path.exists(KUNIT) else []),
    *([data_races_were_looked_for] if os.path.exists(KCSAN) else []),
    unload_is_refused_while_an_instance_is_open,
    unload,
    nothing_is_left,
    load_again,
    unload_again,
    nothing_is_left_again,
    *([no_memory_is_lost] if os.path.exists(KMEMLEAK) else []),
)
