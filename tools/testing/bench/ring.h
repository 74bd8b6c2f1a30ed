/* SPDX-License-Identifier: GPL-2.0 */
/* An io_uring with a multishot poll for each of some files. */
#ifndef BENCH_RING_H
#define BENCH_RING_H

#include <stdbool.h>

void ring_watch(const int *fds, int n);

/* Takes @param completions, @times times. */
void ring_wait(long times);

/* Takes one completion: the fd that it is about. */
int ring_take(bool block);

#endif /* BENCH_RING_H */
