# SPDX-License-Identifier: GPL-2.0
"""Statistics as the kernel hands them out: include/uapi/linux/repoll.h."""

import ctypes
import fcntl
import struct
from typing import NamedTuple

DEVICE = "/dev/repoll"

IOC_STATS = 0xC020E905
OFF, ON, READ = range(3)

REQUEST = struct.Struct("=IIQQII")
BATCHES, LATENCIES = 16, 40
INSTANCE = struct.Struct(f"={5 + BATCHES + LATENCIES}Q")
RECORD = struct.Struct("=QiI10QIIii16s")

WAKERS = ("none", "task", "softirq", "hardirq", "hidden")

# How many records are read in one call.
AT_ONCE = 1024


class Instance(NamedTuple):
    on_ns: int
    registrations: int
    empty: int
    sleeps: int
    in_vain: int
    batches: tuple
    latencies: tuple


class Record(NamedTuple):
    id: int
    fd: int
    events: int
    data: int
    wakes: int
    merged: int
    filtered: int
    deliveries: int
    spurious: int
    queued: int
    queued_ns: int
    queued_max_ns: int
    queued_since_ns: int
    waker: str
    waker_cpu: int
    waker_pid: int
    waker_tid: int
    waker_comm: str


def switch(fd, op):
    """Switches statistics ON or OFF; tells whether that is news. OSError."""
    return fcntl.ioctl(fd, IOC_STATS, bytearray(REQUEST.pack(op, 0, 0, 0, 0, 0))) == 0


def record_from(fields):
    *numbers, kind, cpu, pid, tid, comm = fields
    kind = WAKERS[kind] if kind < len(WAKERS) else str(kind)
    return Record(*numbers, kind, cpu, pid, tid, comm.split(b"\0", 1)[0].decode(errors="replace"))


def read(fd):
    """What is counted of an instance, and of its registrations. OSError."""
    instance = ctypes.create_string_buffer(INSTANCE.size)
    room = ctypes.create_string_buffer(RECORD.size * AT_ONCE)
    records, cursor, stored = [], 0, AT_ONCE
    while stored == AT_ONCE:
        request = bytearray(
            REQUEST.pack(
                READ, cursor, ctypes.addressof(instance), ctypes.addressof(room), AT_ONCE, 0
            )
        )
        stored = fcntl.ioctl(fd, IOC_STATS, request)
        cursor = REQUEST.unpack(request)[1]
        some = RECORD.iter_unpack(room.raw[: stored * RECORD.size])
        records.extend(map(record_from, some))
    numbers = INSTANCE.unpack(instance.raw)
    batches, latencies = numbers[5 : 5 + BATCHES], numbers[5 + BATCHES :]
    return Instance(*numbers[:5], batches, latencies), records
