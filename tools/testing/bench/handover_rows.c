// SPDX-License-Identifier: GPL-2.0
/*
 * What a thread is delivered, and armed again when it is done: by EPOLL_CTL_MOD of what is
 * one-shot, or by its next wait of what is handed over.
 */
#include <linux/repoll.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

enum { MANY = 64, EVENTS = 256 };

static int ep;
static struct epoll_event events[MANY];

/* An eventfd can always be written to: it is ready whenever it is armed. */
static void watch(int op, int fd)
{
	struct epoll_event event = { EPOLLOUT, { .fd = fd } };

	if (subject == REPOLL) {
		MUST(repoll_ctl_flags(ep, op, fd, &event, REPOLL_CTL_HANDOVER));
		return;
	}
	event.events |= EPOLLONESHOT;
	MUST(backend->ctl(ep, op, fd, &event));
}

static void wait_and_rearm(long times)
{
	while (times--) {
		int n = backend->wait(ep, events, MANY, 0);

		if (n != param)
			DIE("%d instead of %ld ready", n, param);
		for (int i = 0; i < n && subject == EPOLL; i++)
			watch(EPOLL_CTL_MOD, events[i].data.fd);
	}
}

static void run_rearm(void)
{
	pool_grow(MANY);
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	for (int i = 0; i < param; i++)
		watch(EPOLL_CTL_ADD, pool[i]);
	count("rearm", EVENTS / param, NULL, wait_and_rearm);
}

const struct row handover_rows[] = {
	{ BENCHES("rearm"), "a wait for so many, and to arm each again: MOD, or the next wait",
	  BOTH, PARAMS(1, MANY), run_rearm },
	{}
};
