/* SPDX-License-Identifier: GPL-2.0 */
/* A small generator of random numbers (splitmix64), the same on every machine. */
#ifndef REPOLL_FUZZ_RANDOM_H
#define REPOLL_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
	uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

/* 0 to @n - 1. */
static inline int random_below(struct random *r, int n)
{
	return random_next(r) % n;
}

/* True once in @n times. */
static inline bool random_one_in(struct random *r, int n)
{
	return random_below(r, n) == 0;
}

/* An index of @weights, in proportion to them. */
static inline int random_weighted(struct random *r, const uint16_t *weights, int n)
{
	int sum = 0, i;

	for (i = 0; i < n; i++)
		sum += weights[i];
	sum = random_below(r, sum);
	for (i = 0; sum >= weights[i]; i++)
		sum -= weights[i];
	return i;
}

#endif /* REPOLL_FUZZ_RANDOM_H */
