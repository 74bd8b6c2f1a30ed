// SPDX-License-Identifier: GPL-2.0
/*
 * One-shot: one thread gets the event, and nobody else does before it is armed
 * again. The fds are ready all the time, and made ready again and again.
 */
#include "stress.h"

enum { CONTESTED = 1 << 18 };	/* armings of the contested one */

/*
 * Armed by whoever got its event, or by the armer, which does not wait itself: an
 * event that is not passed on to those who do would be lost.
 */
static struct shot {
	int epfd, fd;
	uint64_t armed;			/* the number of the arming, which is the event's data */
	int holders;
	bool to_arm;
	long count;
} shots[3];

/* The last one is also armed at random, each arming having a number of its own. */
#define contested (shots[ARRAY_SIZE(shots) - 1])
static bool delivered[CONTESTED];

/* The first has an instance of its own, and no other events that would wake its waiters. */
static int quiet;
static bool over;

static uint64_t data_of(const struct shot *shot, uint64_t arming)
{
	return arming << 8 | (shot - shots);
}

static void arm(struct shot *shot)
{
	uint64_t arming = increment(&shot->armed);
	int ret;

	if (shot == &contested && arming >= CONTESTED)
		return;
	ret = ctl_data(shot->epfd, EPOLL_CTL_MOD, shot->fd, EPOLLIN | EPOLLONESHOT,
		       data_of(shot, arming));
	CHECK(!ret, "MOD: %s", strerror(-ret));
}

static void hold(struct actor *actor, struct shot *shot, uint64_t arming)
{
	increment(&shot->count);
	if (shot == &contested) {
		CHECK(arming && arming <= load(&shot->armed), "arming %lu was not made", arming);
		CHECK(!swap(&delivered[arming], true), "arming %lu was delivered twice", arming);
		return;
	}
	CHECK(increment(&shot->holders) == 1, "two threads got the event");
	CHECK(arming == load(&shot->armed), "arming %lu delivered, not %lu", arming, shot->armed);
	jitter(&actor->random);
	decrement(&shot->holders);
	if (random_one_in(&actor->random, 2))
		arm(shot);
	else
		store(&shot->to_arm, true);
}

static void waiter(struct actor *actor)
{
	int epfd = actor->index % 2 ? quiet : ep;
	struct epoll_event events[2];

	for (;;) {
		int n = harvest(epfd, events, 1 + random_below(&actor->random, 2), -1);

		CHECK(n > 0, "a wait returned %d", n);
		for (int i = 0; i < n; i++) {
			uint64_t data = events[i].data.u64;

			if (data == STOP)
				return;
			CHECK(events[i].events == EPOLLIN, "events %#x", events[i].events);
			hold(actor, &shots[data & 0xff], data >> 8);
		}
	}
}

static void armer(struct actor *actor)
{
	while (!load(&over)) {
		for (size_t i = 0; i < ARRAY_SIZE(shots); i++)
			if (swap(&shots[i].to_arm, false))
				arm(&shots[i]);
		jitter(&actor->random);
		sched_yield();
	}
}

/* Wakeups and armings that nobody has asked for. */
static void disturber(struct actor *actor)
{
	while (!load(&over)) {
		for (size_t i = 1; i < ARRAY_SIZE(shots); i++)
			post(shots[i].fd);
		if (random_one_in(&actor->random, 3))
			arm(&contested);
		jitter(&actor->random);
	}
}

SCENARIO(one_shot)
{
	struct crew waiters, armers, disturbers;
	long count = 0;

	quiet = new_instance();
	for (size_t i = 0; i < ARRAY_SIZE(shots); i++) {
		struct shot *shot = &shots[i];

		*shot = (struct shot){ .epfd = i ? ep : quiet, .fd = new_eventfd(1), .armed = 1 };
		watch(shot->epfd, shot->fd, EPOLLIN | EPOLLONESHOT, data_of(shot, 1));
	}
	heed_stop(ep);
	heed_stop(quiet);
	waiters = CREW(waiter, 2 * options.threads);
	armers = CREW(armer, 1);
	disturbers = CREW(disturber, 1);
	while (running()) {
		for (size_t i = 0; i < ARRAY_SIZE(shots) - 1; i++) {
			long before = load(&shots[i].count);

			AWAIT(load(&shots[i].count) > before, "armed, ready, and not delivered");
		}
	}
	store(&over, true);
	crew_join(&armers);
	crew_join(&disturbers);
	stop_waiters(&waiters);
	for (size_t i = 0; i < ARRAY_SIZE(shots); i++)
		count += shots[i].count;
	tally(count, "deliveries");
}
