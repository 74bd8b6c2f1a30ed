/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Costs that are counted, not timed: in a guest with REPOLL_ICOUNT=1 an instruction
 * takes a nanosecond of the guest's own time, on any host. Whoever reports such
 * figures calls counted_prove() first.
 */
#ifndef REPOLL_COUNTED_H
#define REPOLL_COUNTED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* In ns, which are instructions. */
static inline int64_t counted_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* 2 * @n instructions; the guest is always an x86. */
static inline void counted_loop(uint64_t n)
{
	asm volatile("1: dec %0\n\tjnz 1b" : "+r"(n) : : "cc");
}

/*
 * Ends the program with exit code 2 unless a known loop takes what it must. The
 * timer's interrupts are the kernel's share of that time: they may take 1 %. What
 * the boot has left to workers is done before; where time is counted, sleeping
 * takes none.
 */
static inline void counted_prove(void)
{
	const int64_t length = 20000000;

	sleep(10);
	for (int i = 0; i < 3; i++) {
		int64_t start = counted_now(), took;

		counted_loop(length / 2);
		took = counted_now() - start;
		if (took < length - length / 1000 || took > length + length / 100) {
			fprintf(stderr, "%lld instructions took %lld ns: costs cannot be counted\n",
				(long long)length, (long long)took);
			exit(2);
		}
	}
}

#endif /* REPOLL_COUNTED_H */
