/* SPDX-License-Identifier: GPL-2.0 */
/* Eventfds to watch, made once for all rows. */
#ifndef BENCH_POOL_H
#define BENCH_POOL_H

/* Lifts the limits on files and registrations. */
void pool_init(void);

/* Makes sure of @n eventfds that are not ready; the rows' processes inherit them. */
void pool_grow(long n);

/* Whatever was written to them by another process: none is ready any more. */
void pool_drain(void);

extern int *pool;

/* Rows write to these first ones only. */
enum { POOL_WRITTEN = 1000 };

/* The @i-th of @n that are spread over the first @size of the pool. */
static inline int pool_spread(long i, long n, long size)
{
	return pool[i * size / n];
}

#endif /* BENCH_POOL_H */
