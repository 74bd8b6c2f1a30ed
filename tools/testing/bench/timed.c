// SPDX-License-Identifier: GPL-2.0
#include "bench.h"
#include "timed.h"

#define WARM_UP	0.05	/* seconds */
#define LENGTH	0.4

/* How often in a second. The clock is read after so many that it does not matter. */
static double rate(void (*operate)(void), double length)
{
	double start = timed_now(), took;
	long done = 0, next = 1;

	do {
		for (; done < next; done++)
			operate();
		took = timed_now() - start;
		/* Not more than doubled, lest it overshoots. */
		next = done + 1 + (took < length / 4 ? done : done / 16);
	} while (took < length);
	return done / took;
}

void timed(const char *bench, void (*operate)(void))
{
	rate(operate, WARM_UP);
	report(bench, rate(operate, LENGTH), 0, 1, "per second");
}
