# SPDX-License-Identifier: GPL-2.0
"""Instances of this process and of others, with a descriptor of our own for each.

That of another process is had from pidfd_getfd(2), for which the kernel asks whether we
may trace the process: whoever may not does not see its statistics.
"""

import ctypes
import os

import abi

SYS_PIDFD_GETFD = 438
SYS_KCMP = 312  # of x86-64
KCMP_FILE = 0

libc = ctypes.CDLL(None, use_errno=True)


def call(number, *args):
    """A system call that Python does not know. OSError."""
    result = libc.syscall(number, *args)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


class Watched:
    """An instance whose statistics are kept as long as this is open."""

    def __init__(self, pid, fd, ours):
        self.pid, self.fd, self.ours = pid, fd, ours
        self.begun = abi.switch(ours, abi.ON)

    def read(self):
        return abi.read(self.ours)

    def comm(self):
        try:
            with open(f"/proc/{self.pid}/comm", encoding="utf-8", errors="replace") as file:
                return file.read().rstrip("\n")
        except OSError:
            return ""

    def file_name(self, fd):
        """What is behind a number now, which need not be what was when it was added."""
        try:
            return os.readlink(f"/proc/{self.pid}/fd/{fd}")
        except OSError:
            return ""

    def close(self):
        """Whoever has begun it ends it."""
        try:
            if self.begun:
                abi.switch(self.ours, abi.OFF)
        finally:
            os.close(self.ours)


def descriptor(pid, fd):
    """One of our own, of the same open file. OSError."""
    if pid == os.getpid():
        return os.dup(fd)
    pidfd = os.pidfd_open(pid)
    try:
        return call(SYS_PIDFD_GETFD, pidfd, fd, 0)
    finally:
        os.close(pidfd)


def is_known(ours, known):
    """Is it the same instance as one of these, by another number or in another process?"""
    us = os.getpid()
    try:
        return any(call(SYS_KCMP, us, us, KCMP_FILE, ours, other.ours) == 0 for other in known)
    except OSError:
        # A kernel without CONFIG_KCMP: what is there twice is shown twice.
        return False


def numbers_in(pid):
    """The descriptors of a process that look like instances."""
    try:
        numbers = [int(name) for name in os.listdir(f"/proc/{pid}/fd")]
    except OSError:
        return
    for fd in sorted(numbers):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}") == abi.DEVICE:
                yield fd
        except OSError:
            pass


def watch(pid, fd, known):
    """Adds an instance to those that are known, unless it is. OSError."""
    ours = descriptor(pid, fd)
    if is_known(ours, known):
        os.close(ours)
        return
    try:
        known.append(Watched(pid, fd, ours))
    except OSError:
        os.close(ours)
        raise


def find(known, pid=None, fd=None):
    """Adds instances to those that are known: that fd, those of a process, or all that we
    may see.

    What was asked for by name has to be there; among others, what may not be seen, or has
    ended meanwhile, is left out. OSError.
    """
    if fd is not None:
        watch(pid or os.getpid(), fd, known)
        return
    pids = [pid] if pid else [int(name) for name in os.listdir("/proc") if name.isdigit()]
    refused = None
    for each in pids:
        for number in numbers_in(each):
            try:
                watch(each, number, known)
            except OSError as error:
                refused = error
    if pid and not known and refused:
        raise refused
