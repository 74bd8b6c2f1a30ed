// SPDX-License-Identifier: GPL-2.0
/*
 * Events one by one for a thread that waits: what it takes until it has read so many, of
 * which it waits for one at a time, or, with repoll, for all.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

enum { EVENTS = 16 };

static int ep, done;

static int take(void)
{
	struct epoll_event events[EVENTS];
	uint64_t value;
	int n;

	if (param > 1)
		n = MUST(repoll_wait_many(ep, events, EVENTS, param, UINT64_MAX, -1));
	else
		n = MUST(backend->wait(ep, events, EVENTS, -1));
	for (int i = 0; i < n; i++)
		MUST(read(events[i].data.fd, &value, sizeof(value)));
	return n;
}

static void *take_all(void *unused)
{
	const uint64_t one = 1;

	for (;;) {
		for (int taken = 0; taken < EVENTS;)
			taken += take();
		MUST(write(done, &one, sizeof(one)));
	}
	return unused;
}

/* On the one CPU of a counted run, the other thread gets its turn after each event. */
static void make_and_await(long times)
{
	const uint64_t one = 1;
	uint64_t value;

	while (times--) {
		for (int i = 0; i < EVENTS; i++) {
			MUST(write(pool[i], &one, sizeof(one)));
			sched_yield();
		}
		MUST(read(done, &value, sizeof(value)));
	}
}

static void run_many(void)
{
	pthread_t thread;

	pool_grow(EVENTS);
	done = MUST(eventfd(0, EFD_CLOEXEC));
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	for (int i = 0; i < EVENTS; i++) {
		struct epoll_event event = { EPOLLIN, { .fd = pool[i] } };

		MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &event));
	}
	errno = pthread_create(&thread, NULL, take_all, NULL);
	if (errno)
		DIE("pthread_create: %s", strerror(errno));
	count("take_16", 10, NULL, make_and_await);
}

const struct row many_rows[] = {
	{ BENCHES("take_16"), "16 events, one by one, to a thread that waits for one at a time",
	  BOTH, PARAMS(1), run_many },
	{ BENCHES("take_16"), "the same, that waits for so many", 1 << REPOLL,
	  PARAMS(16), run_many },
	{}
};
