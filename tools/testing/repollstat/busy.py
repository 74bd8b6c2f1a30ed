# SPDX-License-Identifier: GPL-2.0
"""Watches 100 eventfds, writes to one of them all the time and to each of the others now
and then; prints the number of the hot one. To be run with the interposer."""

import os
import select
import threading

FDS, HOT = 100, 77

fds = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(FDS)]
epoll = select.epoll()
for fd in fds:
    epoll.register(fd, select.EPOLLIN)


def write():
    turn = 0
    while True:
        turn += 1
        os.eventfd_write(fds[HOT] if turn % 10 else fds[turn // 10 % FDS], 1)


threading.Thread(target=write, daemon=True).start()
print(fds[HOT], flush=True)
while True:
    for fd, _ in epoll.poll():
        try:
            os.eventfd_read(fd)
        except BlockingIOError:
            pass
