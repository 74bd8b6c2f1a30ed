// SPDX-License-Identifier: GPL-2.0
/* The interest set: ADD, MOD and DEL, at many sizes of it. */
#include <linux/repoll.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

/* The registrations that a batch works on. */
enum { CHOSEN = 200 };

static int ep;
static int chosen[CHOSEN];
static long times;

/* Fills a set of @param, and chooses some of its registrations, in no order. */
static void prepare(void)
{
	uint32_t random = 1;

	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	pool_grow(param);
	for (long i = 0; i < param; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.fd = pool[i] };

		MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &event));
	}
	times = param < CHOSEN ? param : CHOSEN;
	for (long i = 0; i < times; i++) {
		long j;

		random = random * 1664525 + 1013904223;
		j = (random >> 8) % (i + 1);
		chosen[i] = chosen[j];
		chosen[j] = pool_spread(i, times, param);
	}
}

static void ctl_all(int op, uint32_t events)
{
	struct epoll_event event = { .events = events };

	for (long i = 0; i < times; i++) {
		event.data.fd = chosen[i];
		if (backend->ctl(ep, op, chosen[i], &event))
			DIE("ctl %d of %d: %s", op, chosen[i], strerror(errno));
	}
}

static void run_each(void)
{
	struct figure del = { .bench = "del" }, add = { .bench = "add" }, mod = { .bench = "mod" };

	prepare();
	while (mod.batches < BATCHES) {
		figure_start(&del);
		ctl_all(EPOLL_CTL_DEL, 0);
		figure_stop(&del);
		figure_start(&add);
		ctl_all(EPOLL_CTL_ADD, EPOLLIN);
		figure_stop(&add);
		figure_start(&mod);
		ctl_all(EPOLL_CTL_MOD, EPOLLIN);
		figure_stop(&mod);
	}
	figure_report(&add, times);
	figure_report(&mod, times);
	figure_report(&del, times);
}

/* One after the other, as a program does that moves a connection between sets. */
static void del_then_add(long n)
{
	struct epoll_event event = { .events = EPOLLIN };

	for (long i = 0; i < n; i++) {
		event.data.fd = chosen[i];
		if (backend->ctl(ep, EPOLL_CTL_DEL, chosen[i], &event) ||
		    backend->ctl(ep, EPOLL_CTL_ADD, chosen[i], &event))
			DIE("DEL and ADD of %d: %s", chosen[i], strerror(errno));
	}
}

static void run_del_add(void)
{
	prepare();
	count("del_add", times, NULL, del_then_add);
}

/* So many operations at a time: repoll's in one call, in-tree's one by one. */
enum { BATCH = 64 };

static struct repoll_op ops[BATCH];

/* Of registrations @first and so on. They are filled in as a program would, each time. */
static void batch_of(long first, const int *operations)
{
	for (long i = 0; i < BATCH; i++)
		ops[i] = (struct repoll_op){
			.op = operations[i & 3], .fd = chosen[first + i], .events = EPOLLIN,
			.data = chosen[first + i],
		};
	if (repoll_batch(ep, ops, BATCH, 0) != BATCH)
		DIE("a batch from %ld", first);
}

static void one_by_one(long first, const int *operations)
{
	for (long i = 0; i < BATCH; i++) {
		int fd = chosen[first + i], op = operations[i & 3];
		struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

		if (backend->ctl(ep, op, fd, &event))
			DIE("ctl %d of %d: %s", op, fd, strerror(errno));
	}
}

static void batches(const int *operations)
{
	for (long first = 0; first + BATCH <= times; first += BATCH) {
		if (subject == REPOLL)
			batch_of(first, operations);
		else
			one_by_one(first, operations);
	}
}

/* One by one, to every fourth of them from @first on. */
static void prepare_mixed(long first, int op)
{
	struct epoll_event event = { .events = EPOLLIN };

	for (; first < times; first += 4) {
		event.data.fd = chosen[first];
		if (backend->ctl(ep, op, chosen[first], &event))
			DIE("ctl %d of %d: %s", op, chosen[first], strerror(errno));
	}
}

static void run_batch(void)
{
	static const int all[][4] = {
		{ EPOLL_CTL_DEL, EPOLL_CTL_DEL, EPOLL_CTL_DEL, EPOLL_CTL_DEL },
		{ EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_ADD },
		{ EPOLL_CTL_MOD, EPOLL_CTL_MOD, EPOLL_CTL_MOD, EPOLL_CTL_MOD },
		{ EPOLL_CTL_DEL, EPOLL_CTL_MOD, EPOLL_CTL_ADD, EPOLL_CTL_MOD },
	};
	enum { MIXED = ARRAY_SIZE(all) - 1 };
	struct figure figures[] = {
		{ .bench = "batch_del" }, { .bench = "batch_add" }, { .bench = "batch_mod" },
		{ .bench = "batch_mixed" },
	};

	prepare();
	times -= times % BATCH;
	while (figures[MIXED].batches < BATCHES) {
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			if (i == MIXED)
				prepare_mixed(2, EPOLL_CTL_DEL);
			figure_start(&figures[i]);
			batches(all[i]);
			figure_stop(&figures[i]);
		}
		prepare_mixed(0, EPOLL_CTL_ADD);
	}
	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		figure_report(&figures[i], times);
}

const struct row ctl_rows[] = {
	{ BENCHES("add", "mod", "del"), "one epoll_ctl, in a set of so many", BOTH,
	  PARAMS(1, 10, 100, 1000, 10000, 100000, 1000000), run_each },
	{ BENCHES("del_add"), "DEL then ADD, in a set of so many", BOTH, PARAMS(1000),
	  run_del_add },
	{ BENCHES("batch_add", "batch_mod", "batch_del", "batch_mixed"),
	  "one of 64 operations, in a set of so many", BOTH, PARAMS(1000), run_batch },
	{}
};
