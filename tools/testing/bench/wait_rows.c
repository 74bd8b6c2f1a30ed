// SPDX-License-Identifier: GPL-2.0
/* Waiting: a set of eventfds of which so many are ready, timeout 0. */
#include <poll.h>
#include <sys/select.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"
#include "ring.h"

enum { SET = POOL_WRITTEN };

static int ep;
static struct epoll_event events[SET];
static int maxevents;

/* The @i-th of those that are ready. */
static int ready(long i)
{
	return pool_spread(i, param, SET);
}

static void write_to_ready(void)
{
	const uint64_t one = 1;

	for (long i = 0; i < param; i++)
		MUST(write(ready(i), &one, sizeof(one)));
}

static void prepare(uint32_t flags)
{
	pool_grow(SET);
	if (backend) {
		ep = MUST(backend->create1(EPOLL_CLOEXEC));
		for (int i = 0; i < SET; i++) {
			events[i] = (struct epoll_event){ EPOLLIN | flags, { .fd = pool[i] } };
			MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &events[i]));
		}
	}
	/* Touched, lest the page comes during an operation. */
	memset(events, 1, sizeof(events));
	maxevents = param ? param : 1;
}

static void wait_eventpoll(long times)
{
	while (times--) {
		int n = backend->wait(ep, events, maxevents, 0);

		if (n != param)
			DIE("%d instead of %ld ready", n, param);
	}
}

static void wait_poll(long times)
{
	static struct pollfd fds[SET];

	for (int i = 0; i < SET; i++)
		fds[i] = (struct pollfd){ .fd = pool[i], .events = POLLIN };
	while (times--) {
		int n = poll(fds, SET, 0);

		if (n != param)
			DIE("%d instead of %ld ready", n, param);
	}
}

static void wait_select(long times)
{
	static fd_set all;

	if (pool[SET - 1] >= FD_SETSIZE)
		DIE("fd %d is too large for select()", pool[SET - 1]);
	for (int i = 0; i < SET; i++)
		FD_SET(pool[i], &all);
	while (times--) {
		fd_set readable = all;
		struct timeval zero = {};
		int n = select(pool[SET - 1] + 1, &readable, NULL, NULL, &zero);

		if (n != param)
			DIE("%d instead of %ld ready", n, param);
	}
}

/* Batches of about as many instructions, for so many ready. */
static long times(void)
{
	return param <= 1 ? 200 : 1000 / param;
}

static void run_level(void)
{
	prepare(0);
	write_to_ready();
	switch (subject) {
	case POLL:
		count("wait_level", 2, NULL, wait_poll);
		break;
	case SELECT:
		count("wait_level", 2, NULL, wait_select);
		break;
	default:
		count("wait_level", times(), NULL, wait_eventpoll);
	}
}

static void run_edge(void)
{
	if (subject == IO_URING) {
		pool_grow(SET);
		ring_watch(pool, SET);
		count("wait_edge", 1, write_to_ready, ring_wait);
	} else {
		prepare(EPOLLET);
		count("wait_edge", 1, write_to_ready, wait_eventpoll);
	}
}

static void arm_ready(void)
{
	for (long i = 0; i < param; i++) {
		struct epoll_event event = { EPOLLIN | EPOLLONESHOT, { .fd = ready(i) } };

		MUST(backend->ctl(ep, EPOLL_CTL_MOD, ready(i), &event));
	}
}

static void run_oneshot(void)
{
	prepare(EPOLLONESHOT);
	write_to_ready();
	count("wait_oneshot", 1, arm_ready, wait_eventpoll);
}

#define READY	PARAMS(0, 1, 64, 1000)

const struct row wait_rows[] = {
	{ BENCHES("wait_level"), "a wait, so many of 1,000 ready, level-triggered",
	  BOTH | 1 << POLL | 1 << SELECT, READY, run_level },
	{ BENCHES("wait_edge"), "a wait, so many of 1,000 ready, edge-triggered",
	  BOTH | 1 << IO_URING, READY, run_edge },
	{ BENCHES("wait_oneshot"), "a wait, so many of 1,000 ready, one-shot",
	  BOTH, READY, run_oneshot },
	{}
};
