// SPDX-License-Identifier: GPL-2.0
/*
 * Events out of a ready ring, beside in-tree's epoll_wait(): a set of eventfds, edge-triggered, as
 * those of wait_rows.c.
 */
#include <unistd.h>

#include <repoll_ring.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

enum { SET = POOL_WRITTEN, ROUNDS = 100 };

static int ep;
static struct repoll_ring_map ring;
static struct epoll_event events[SET];

static void prepare(void)
{
	pool_grow(SET);
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	if (subject == REPOLL)
		MUST(repoll_ring_setup(ep, 1024, &ring));
	for (int i = 0; i < SET; i++) {
		events[i] = (struct epoll_event){ EPOLLIN | EPOLLET, { .fd = pool[i] } };
		MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &events[i]));
	}
	/* Touched, lest the page comes during an operation. */
	memset(events, 1, sizeof(events));
}

static void write_to(int fd)
{
	const uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		DIE("write: %s", strerror(errno));
}

static void write_to_ready(void)
{
	for (long i = 0; i < param; i++)
		write_to(pool_spread(i, param, SET));
}

static void take(long n)
{
	int taken;

	if (subject == REPOLL)
		taken = repoll_ring_get(&ring, events, n);
	else
		taken = backend->wait(ep, events, n, 0);
	if (taken != n)
		DIE("%d instead of %ld ready", taken, n);
}

static void take_ready(long times)
{
	while (times--)
		take(param);
}

static void run_take(void)
{
	prepare();
	count("ring_take", 1, write_to_ready, take_ready);
}

static void write_each(long times)
{
	for (long i = 0; i < times; i++)
		write_to(pool[i]);
}

static void take_written(void)
{
	static bool written;

	if (written)
		take(ROUNDS);
	written = true;
}

static void run_write(void)
{
	prepare();
	count("ring_write", ROUNDS, take_written, write_each);
}

static void write_take_read(long times)
{
	uint64_t value;

	while (times--) {
		write_to(pool[0]);
		take(1);
		if (read(events[0].data.fd, &value, sizeof(value)) != sizeof(value))
			DIE("read: %s", strerror(errno));
	}
}

static void run_round(void)
{
	prepare();
	count("ring_round", ROUNDS, NULL, write_take_read);
}

const struct row ready_ring_rows[] = {
	{ BENCHES("ring_take"), "take so many events: a wait, or out of a ring",
	  BOTH, PARAMS(1, 64, 1000), run_take },
	{ BENCHES("ring_write"), "write to an eventfd that is watched, without a ring or with one",
	  BOTH, PARAMS(0), run_write },
	{ BENCHES("ring_round"), "write, take the event, read",
	  BOTH, PARAMS(0), run_round },
	{}
};
