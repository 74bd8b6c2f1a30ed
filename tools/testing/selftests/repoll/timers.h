/* SPDX-License-Identifier: GPL-2.0 */
/* Timers of the instance under test. */
#ifndef REPOLL_TIMERS_H
#define REPOLL_TIMERS_H

#include "eventpoll_test.h"

static inline int timer_op(struct repoll_timer *timer)
{
	int ret = result(repoll_timers(ep, timer, 1));

	return ret == 1 ? 0 : ret ? ret : timer->result;
}

static inline int set_timer(uint64_t id, int64_t ns, uint64_t interval_ns, uint64_t slack_ns)
{
	struct repoll_timer timer = {
		.op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .id = id,
		.expiry_ns = ns, .interval_ns = interval_ns, .slack_ns = slack_ns,
	};

	return timer_op(&timer);
}

static inline int set_timer_at(uint64_t id, clockid_t clock, int64_t ns)
{
	struct repoll_timer timer = {
		.op = REPOLL_TIMER_SET, .flags = REPOLL_TIMER_ABSOLUTE, .clock = clock,
		.id = id, .expiry_ns = ns,
	};

	return timer_op(&timer);
}

static inline int cancel_timer(uint64_t id)
{
	struct repoll_timer timer = { .op = REPOLL_TIMER_CANCEL, .id = id };

	return timer_op(&timer);
}

/* What is known of the timer; its result tells whether anything is. */
static inline struct repoll_timer get_timer(uint64_t id)
{
	struct repoll_timer timer = { .op = REPOLL_TIMER_GET, .id = id };
	int ret = timer_op(&timer);

	timer.result = ret;
	return timer;
}

static inline int64_t now_by(clockid_t clock)
{
	struct timespec ts;

	MUST(clock_gettime(clock, &ts));
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

/* The data of the next event, when there is one. */
static inline int64_t wait_data(int timeout)
{
	struct epoll_event event;
	int n = harvest(ep, &event, 1, timeout);

	return n == 1 ? (int64_t)event.data.u64 : n ? n : -ETIME;
}

#endif /* REPOLL_TIMERS_H */
