# SPDX-License-Identifier: GPL-2.0
"""What two readings of an instance's statistics say together."""

SORT_KEYS = (
    "wakes",
    "merged",
    "filtered",
    "deliveries",
    "spurious",
    "queued_avg_ns",
    "queued_max_ns",
    "queued_since_ns",
    "fd",
)


def row(record, before, seconds):
    """A registration: its record, and what has been added to it since another one."""
    was = before.get(record.id)

    def per_second(field):
        return (getattr(record, field) - (getattr(was, field) if was else 0)) / seconds

    return {
        "id": record.id,
        "fd": record.fd,
        "events": record.events,
        "data": record.data,
        "wakes": record.wakes,
        "wakes_per_s": round(per_second("wakes"), 1),
        "merged": record.merged,
        "filtered": record.filtered,
        "deliveries": record.deliveries,
        "deliveries_per_s": round(per_second("deliveries"), 1),
        "spurious": record.spurious,
        "queued_avg_ns": record.queued_ns // record.queued if record.queued else 0,
        "queued_max_ns": record.queued_max_ns,
        "queued_since_ns": record.queued_since_ns,
        "waker": {
            "kind": record.waker,
            "pid": record.waker_pid,
            "tid": record.waker_tid,
            "cpu": record.waker_cpu,
            "comm": record.waker_comm,
        },
    }


def sort_value(key):
    """For rows in order: the rate where there is one, then the sum."""
    return lambda row: (row.get(f"{key}_per_s", row[key]), row[key])


def by_powers_of_two(buckets):
    """Those buckets in which there is something, by their lower ends."""
    return {str(1 << i): n for i, n in enumerate(buckets) if n}


def percentile(buckets, share):
    """The lower end of the bucket in which so much of all is reached; None of nothing."""
    left = sum(buckets) * share
    for i, n in enumerate(buckets):
        left -= n
        if n and left <= 0:
            return 1 << i
    return None


def figures(watched, reading, before, seconds, sort="wakes", top=None):
    """All of an instance, ready to be shown. @before: the records of the last reading, by id;
    @seconds: since then."""
    instance, records = reading
    rows = [row(record, before, seconds) for record in records]
    rows.sort(key=sort_value(sort), reverse=sort != "fd")
    rows = rows[:top]
    for each in rows:
        each["file"] = watched.file_name(each["fd"])
    batches = instance.batches
    return {
        "pid": watched.pid,
        "comm": watched.comm(),
        "fd": watched.fd,
        "on_ns": instance.on_ns,
        "registrations": instance.registrations,
        "waits": instance.empty + sum(batches),
        "empty_waits": instance.empty,
        "sleeps": instance.sleeps,
        "woken_in_vain": instance.in_vain,
        "batches": by_powers_of_two(batches),
        "latencies_ns": by_powers_of_two(instance.latencies),
        "latency_p50_ns": percentile(instance.latencies, 0.50),
        "latency_p99_ns": percentile(instance.latencies, 0.99),
        "rows": rows,
    }
