// SPDX-License-Identifier: GPL-2.0
#include "bench.h"
#include "counted.h"
#include "figure.h"
#include "marker.h"

const char *profiled;

static int64_t clock_cost;	/* of reading the clock twice, with nothing in between */

void figure_start(struct figure *figure)
{
	figure->marked = profiled && !strcmp(profiled, figure->bench);
	figure->start = counted_now();
	if (figure->marked)
		marker_start();
}

void figure_stop(struct figure *figure)
{
	int64_t now;

	if (figure->marked)
		marker_stop();
	now = counted_now();
	if (figure->batches == BATCHES)
		DIE("more than %d batches", BATCHES);
	figure->taken[figure->batches++] = now - figure->start - clock_cost;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The median, and how far the middle half of the batches is apart. */
static int64_t median(struct figure *figure, int64_t *spread)
{
	int64_t *taken = figure->taken + 1;
	int n = figure->batches - 1;

	qsort(taken, n, sizeof(*taken), compare);
	*spread = taken[n * 3 / 4] - taken[n / 4];
	return taken[n / 2];
}

void figure_report(struct figure *figure, long times)
{
	int64_t spread, middle = median(figure, &spread);

	report(figure->bench, (double)middle / times, (double)spread / times, times,
	       "instructions");
}

void figure_init(void)
{
	struct figure figure = { .bench = "clock" };
	int64_t spread;

	counted_prove();
	while (figure.batches < BATCHES) {
		figure_start(&figure);
		figure_stop(&figure);
	}
	clock_cost = median(&figure, &spread);
	if (spread > 1)
		DIE("the clock's use takes %lld instructions, or %lld more",
		    (long long)clock_cost, (long long)spread);
}

void count(const char *bench, long times, void (*before)(void), void (*operate)(long times))
{
	struct figure figure = { .bench = bench };

	while (figure.batches < BATCHES) {
		if (before)
			before();
		figure_start(&figure);
		operate(times);
		figure_stop(&figure);
	}
	figure_report(&figure, times);
}
