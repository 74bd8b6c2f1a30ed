// SPDX-License-Identifier: GPL-2.0
/*
 * Timeouts that are set anew, as those of connections that say something: a timerfd each,
 * or timers of an instance of repoll.
 */
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "bench.h"
#include "figure.h"

enum { AT_ONCE = 1000, SECONDS = 3600 };

static struct repoll_timer timers[AT_ONCE];
static int ep, *fds;
static long next;	/* whose turn it is */

static long whose_turn(void)
{
	long id = next;

	next = (next + 1) % param;
	return id;
}

static void set_timerfds(long n)
{
	struct itimerspec spec = { .it_value.tv_sec = SECONDS };

	for (long i = 0; i < n; i++)
		MUST(timerfd_settime(fds[whose_turn()], 0, &spec, NULL));
}

/* They are filled in as a program would, each time. */
static void set_at_once(long n)
{
	for (long i = 0; i < n; i++)
		timers[i] = (struct repoll_timer){
			.op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .id = whose_turn(),
			.expiry_ns = SECONDS * 1000000000ULL,
		};
	if (repoll_timers(ep, timers, n) != n)
		DIE("%ld timers", n);
}

static void set_one_by_one(long n)
{
	for (long i = 0; i < n; i++)
		MUST(repoll_timer_set(ep, whose_turn(), SECONDS * 1000000000ULL, 0));
}

static void prepare(void)
{
	if (subject == REPOLL) {
		ep = MUST(backend->create1(EPOLL_CLOEXEC));
		set_one_by_one(param);
		return;
	}
	fds = calloc(param, sizeof(*fds));
	for (long i = 0; i < param; i++)
		fds[i] = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	set_timerfds(param);
}

static void run_at_once(void)
{
	prepare();
	count("timer_set", AT_ONCE, NULL, subject == REPOLL ? set_at_once : set_timerfds);
}

static void run_one_by_one(void)
{
	prepare();
	count("timer_set_one", AT_ONCE, NULL, subject == REPOLL ? set_one_by_one : set_timerfds);
}

const struct row timer_rows[] = {
	{ BENCHES("timer_set"), "set a timeout anew, of so many: a timerfd, or 1,000 in one call",
	  BOTH, PARAMS(10000), run_at_once },
	{ BENCHES("timer_set_one"), "the same, one in a call", BOTH, PARAMS(10000),
	  run_one_by_one },
	{}
};
