// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations whose deletion can be waited for. In-tree has none: beside them stands a
 * plain ADD, DEL and wait.
 */
#include <unistd.h>

#include <linux/repoll.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

static int ep;
static struct epoll_event events[64];

static void must_ctl(int op, int fd, unsigned int flags)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	int ret;

	if (subject == REPOLL)
		ret = repoll_ctl_flags(ep, op, fd, &event, flags);
	else
		ret = backend->ctl(ep, op, fd, &event);
	if (ret < 0)
		DIE("ctl %d of %d, flags %u: %s", op, fd, flags, strerror(errno));
}

/* A set of @param, all of which can be deleted so. */
static void fill_set(void)
{
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	pool_grow(param);
	for (long i = 0; i < param; i++)
		must_ctl(EPOLL_CTL_ADD, pool[i], REPOLL_CTL_SYNC);
}

/* Nobody is at work. */
static void run_del(void)
{
	struct figure add = { .bench = "add_sync" }, del = { .bench = "del_sync" };
	const int some = 100;

	fill_set();
	while (del.batches < BATCHES) {
		figure_start(&del);
		for (int i = 0; i < some; i++)
			must_ctl(EPOLL_CTL_DEL, pool[i], REPOLL_CTL_SYNC);
		figure_stop(&del);
		figure_start(&add);
		for (int i = 0; i < some; i++)
			must_ctl(EPOLL_CTL_ADD, pool[i], REPOLL_CTL_SYNC);
		figure_stop(&add);
	}
	figure_report(&add, some);
	figure_report(&del, some);
}

static void wait_for_all(long times)
{
	while (times--) {
		int n = backend->wait(ep, events, ARRAY_SIZE(events), 0);

		if (n != param)
			DIE("%d instead of %ld ready", n, param);
	}
}

static void run_wait(void)
{
	const uint64_t one = 1;

	fill_set();
	for (long i = 0; i < param; i++)
		MUST(write(pool[i], &one, sizeof(one)));
	memset(events, 1, sizeof(events));
	count("wait_sync", 1000 / param, NULL, wait_for_all);
}

const struct row sync_rows[] = {
	{ BENCHES("add_sync", "del_sync"),
	  "ADD and DEL with REPOLL_CTL_SYNC, in a set of so many; nobody is at work", BOTH,
	  PARAMS(1000), run_del },
	{ BENCHES("wait_sync"), "a wait for so many that were added with it, level-triggered",
	  BOTH, PARAMS(1, 64), run_wait },
	{}
};
