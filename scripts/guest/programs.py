# SPDX-License-Identifier: GPL-2.0
"""Test programs: which tests they hold, how to run one, what its output says."""

import os
import re
import signal
import subprocess
from dataclasses import dataclass, field

BACKENDS = {"epoll", "repoll"}
CHOSEN = set(os.environ.get("REPOLL_BACKENDS", "epoll repoll").split())

TAP = re.compile(r"^(ok|not ok) \d+(?: -)? ?(.*?)(?: *# *(SKIP|XFAIL|TODO)\b *(.*))?$")
# What the harness says about an expectation that was not met.
COMPLAINT = re.compile(r"^# ([\w/.]+\.[ch]:\d+:.*|\w+: Test terminated .*)$", re.M)
STATS = re.compile(r"^repoll-preload: create (\d+) .*\bfallback (\d+)\b", re.M)


def ending(status):
    """How a process ended that should have ended otherwise."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit code {status}" if status else "no test result in its output"


@dataclass
class Result:
    """The outcome of one test: pass, fail or skip, and why."""

    test: str
    outcome: str
    reasons: list = field(default_factory=list)

    def fail(self, reason):
        self.outcome = "fail"
        self.reasons.append(reason)


class Program:
    """A program that is one test suite; the kinds below differ in what they print."""

    def __init__(self, suite, environment, argv):
        self.suite = suite
        self.environment = environment
        self.argv = argv

    def tests(self):
        """What to run, one process each: (name, command) pairs."""
        return [(self.suite, self.argv)]

    def results(self, name, status, output):
        """What one process had to say."""
        raise NotImplementedError

    def chances(self, name):
        """How often it is run again if it says that it failed: not at all, but for a test of
        which the plan says that it races with itself."""
        racy = self.environment.get("REPOLL_RACY", "").split(",")
        return 2 if name.rpartition(".")[2] in racy else 0

    def query(self, *arguments):
        done = subprocess.run(
            [*self.argv, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout


class Tap(Program):
    """Any program that prints TAP: one process, a test a line."""

    def results(self, name, status, output):
        results = []
        for line in output.splitlines():
            match = TAP.match(line)
            if match:
                results.append(self.result(*match.groups()))
        if not results:
            results.append(Result(name, "fail", [ending(status)]))
        elif status not in (0, 4) and all(r.outcome != "fail" for r in results):
            results[-1].fail(ending(status))
        for result in results:
            if result.outcome == "fail" and not result.reasons:
                result.reasons += COMPLAINT.findall(output)[:1]
        return results

    @staticmethod
    def result(word, test, directive, reason):
        if directive:
            return Result(test, "skip", [reason or directive])
        return Result(test, "pass" if word == "ok" else "fail")


class Scenarios(Tap):
    """A program that names its tests with --list, and runs one with --scenario: a
    process for each."""

    def tests(self):
        return [(name, [*self.argv, "--scenario", name]) for name in self.query("--list").split()]


class Harness(Tap):
    """A program on kselftest_harness.h: a process for each test of it."""

    def tests(self):
        names = [name for name in self.parse_list(self.query("-l")) if self.is_chosen(name)]
        return [(name, [*self.argv, "-r", name]) for name in names]

    @staticmethod
    def is_chosen(name):
        """A test of a backend is a variant that is named after it."""
        return not any(f".{backend}." in name for backend in BACKENDS - CHOSEN)

    @staticmethod
    def parse_list(listing):
        """The listing has a column each of fixtures (20 wide), variants (25) and
        tests; a block a fixture, whose variants all have all its tests."""
        names = []
        for block in re.split(r"^-+\n", listing, flags=re.M):
            fixture, variants, tests = "", [], []
            for line in block.splitlines():
                if line.startswith("# FIXTURE"):
                    continue
                name = re.match(r"\S*", line)[0]
                fixture = fixture or name
                rest = line[max(20, len(name)) + 1 :]
                columns = rest.split()
                if not rest.startswith(" "):
                    variants += columns[:1]
                    columns = columns[1:]
                tests += columns
            names += [
                ".".join(filter(None, (fixture, variant, test)))
                for variant in variants or [""]
                for test in tests
            ]
        return names


class Preloaded(Harness):
    """The same under librepoll-preload.so, whose counters must show that repoll
    did the work."""

    def results(self, name, status, output):
        results = super().results(name, status, output)
        counts = [(int(create), int(fallback)) for create, fallback in STATS.findall(output)]
        if results[0].outcome == "fail":
            return results
        if not sum(create for create, _ in counts):
            results[0].fail("no instance of /dev/repoll was created")
        if sum(fallback for _, fallback in counts):
            results[0].fail("the interposer fell back to in-tree epoll")
        return results


class Libtest(Program):
    """A Rust test program: a process for each test."""

    def tests(self):
        listing = self.query("--list", "--format", "terse")
        names = re.findall(r"^(.*): test$", listing, re.M)
        return [
            (name, [*self.argv, "--exact", name, "--include-ignored", "--nocapture"])
            for name in names
        ]

    def results(self, name, status, output):
        if status or not re.search(r"^test result: ok\. 1 passed;", output, re.M):
            return [Result(name, "fail", [ending(status)])]
        return [Result(name, "pass")]


class Sample(Program):
    """A program that tells by its exit code whether all of it was right."""

    def results(self, name, status, output):
        if status:
            return [Result(name, "fail", [ending(status), *output.splitlines()[-1:]])]
        return [Result(name, "pass")]


KINDS = {
    "tap": Tap,
    "scenarios": Scenarios,
    "harness": Harness,
    "preloaded": Preloaded,
    "libtest": Libtest,
    "sample": Sample,
}


def read_plan(path):
    """A line a program: suite, kind, environment and command, tab-separated."""
    with open(path, encoding="utf-8") as plan:
        for line in plan:
            suite, kind, environment, command = line.rstrip("\n").split("\t")
            pairs = dict(pair.split("=", 1) for pair in environment.split())
            yield KINDS[kind](suite, pairs, command.split())
