/* SPDX-License-Identifier: GPL-2.0 */
/* A counted figure: the median of batches of the same operations. */
#ifndef BENCH_FIGURE_H
#define BENCH_FIGURE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Enough for a median that no timer interrupt is in, if a batch takes some 200,000
 * instructions: the timer's takes 4,000 in each million. The first one warms up.
 */
enum { BATCHES = 16 };

struct figure {
	const char *bench;
	int64_t taken[BATCHES];
	int64_t start;
	int batches;
	bool marked;
};

/* The figure whose batches are marked for the profile; NULL for none. */
extern const char *profiled;

/* Proves that instructions can be counted here, and finds what the clock's use takes. */
void figure_init(void);

/* Around the operations of one batch. */
void figure_start(struct figure *figure);
void figure_stop(struct figure *figure);

/* What one operation of @times in a batch takes. */
void figure_report(struct figure *figure, long times);

/*
 * All batches: @before is not counted and may be NULL; @operate does @times operations.
 */
void count(const char *bench, long times, void (*before)(void), void (*operate)(long times));

#endif /* BENCH_FIGURE_H */
