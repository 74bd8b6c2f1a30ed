/* SPDX-License-Identifier: GPL-2.0 */
/* Timed rows: how often something can be done in a second, in short runs. */
#ifndef BENCH_TIMED_H
#define BENCH_TIMED_H

#include <time.h>

static inline double timed_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* Does @operate over and over for a while, after a start that is not timed. */
void timed(const char *bench, void (*operate)(void));

#endif /* BENCH_TIMED_H */
