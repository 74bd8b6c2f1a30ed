# SPDX-License-Identifier: GPL-2.0
"""Goals: where repoll has to stand, by which figure, and whether it does."""

from typing import Callable, NamedTuple


class Goal(NamedTuple):
    what: str
    value: Callable  # of the figures; KeyError when they are not there
    limit: float
    at_least: bool = False

    def met(self, value):
        # What is printed with two decimals is compared with two.
        value = round(value, 2)
        return value >= self.limit if self.at_least else value <= self.limit


def ratio(bench, param, method="counted"):
    """Of repoll's figure to in-tree epoll's."""

    def value(figures):
        return figures.value(bench, "repoll", param, method) / figures.value(
            bench, "epoll", param, method
        )

    return value


def share_of_write(figures):
    """What being watched adds to a write, to that of in-tree epoll."""
    unwatched = figures.value("write_unwatched", "none", 1000)
    repoll, epoll = (
        figures.value("write_watched", backend, 1000) - unwatched for backend in ("repoll", "epoll")
    )
    return repoll / epoll


def share_of_queued_write(figures):
    unwatched = figures.value("write_unwatched", "none", 1000)
    repoll, epoll = (
        figures.value("write_queued", backend, 1000) - unwatched for backend in ("repoll", "epoll")
    )
    return repoll / epoll


def with_statistics(bench):
    """What repoll's figure grows to while statistics are kept."""

    def value(figures):
        return figures.value(f"{bench}_stats", "repoll", 1000) / figures.value(
            bench, "repoll", 1000
        )

    return value


def growth_of_add(figures):
    """In a set of a million to that in one of a thousand, the tree's depth apart: that is
    what in-tree's MOD, which only finds a registration, takes more."""
    depth = figures.value("mod", "epoll", 1000000) - figures.value("mod", "epoll", 1000)
    return (figures.value("add", "repoll", 1000000) - depth) / figures.value("add", "repoll", 1000)


def more_to_close(registrations):
    """Instructions that the close of an unwatched file takes more than without the module."""

    def value(figures):
        return figures.value("close_unwatched", "repoll", registrations) - figures.value(
            "close_unwatched", "none", registrations
        )

    return value


def times_as_fast(bench, param=0):
    return lambda figures: figures.value(bench, "repoll", param, "timed")


def within_spread(bench):
    """The median of the pairs, and half of their spread for it."""
    return lambda figures: (
        figures.value(bench, "repoll", 0, "timed") + figures.spread(bench, "repoll", 0, "timed") / 2
    )


def index_of(bench):
    return lambda figures: figures.value(bench, "repoll", 0, "timed")


WAITS = (("wait_level", "level"), ("wait_edge", "edge"), ("wait_oneshot", "one-shot"))
READY = ((0, 1.00), (1, 0.90), (64, 0.70), (1000, 0.65))

COUNTED = (
    Goal("DEL then ADD", ratio("del_add", 1000), 0.70),
    Goal("MOD", ratio("mod", 1000), 0.95),
    *(
        Goal(f"batch of 64, {what}", ratio(f"batch_{what.lower()}", 1000), 0.45)
        for what in ("ADD", "MOD", "DEL", "mixed")
    ),
    Goal("ADD at 1,000,000 to ADD at 1,000, depth apart", growth_of_add, 1.10),
    *(
        Goal(f"wait, {ready} ready, {trigger}", ratio(bench, ready), limit)
        for bench, trigger in WAITS
        for ready, limit in READY
    ),
    Goal("write: what being watched adds", share_of_write, 0.60),
    Goal("write: the same, already queued", share_of_queued_write, 0.60),
    Goal("write + wait + read, level", ratio("write_wait_read_level", 1000), 0.90),
    Goal("write + wait + read, edge", ratio("write_wait_read_edge", 1000), 0.90),
    *(
        Goal(f"{bench}, to that without statistics", with_statistics(bench), 1.15)
        for bench in (
            "write_watched",
            "write_queued",
            "write_wait_read_level",
            "write_wait_read_edge",
        )
    ),
    Goal("close of an unwatched file, 100,000 registrations: more", more_to_close(100000), 60),
    Goal("close of an unwatched file, none watched: more", more_to_close(0), 0),
    Goal("memory charged", ratio("memory_cgroup", 100000), 1.00),
    Goal("memory in slabs", ratio("memory_slab", 100000), 1.00),
)

TIMED = (
    Goal("8 producers to one instance", times_as_fast("producers", 8), 1.50, True),
    Goal("32 producers: to the rate at 8", times_as_fast("producers_at_32_to_8", 32), 0.90, True),
    Goal("perf bench epoll wait", times_as_fast("perf_bench_wait"), 1.20, True),
    Goal("perf bench epoll ctl", times_as_fast("perf_bench_ctl"), 1.00, True),
    *(
        Goal(f"{program}, with the spread", within_spread(program), 1.00, True)
        for program in ("redis_set", "redis_get", "nginx", "memcached")
    ),
    *(
        goal
        for bench in ("accept_fifo", "accept_round_robin", "nginx_4_fifo", "nginx_4_round_robin")
        for goal in (
            Goal(f"{bench}: Jain's index of the workers", index_of(f"{bench}_jain"), 0.99, True),
            Goal(f"{bench}: rate, with the spread", within_spread(bench), 1.00, True),
        )
    ),
)
