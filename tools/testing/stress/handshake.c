// SPDX-License-Identifier: GPL-2.0
/*
 * An event at the moment when the waiter goes to sleep: pairs of a producer and a waiter,
 * each with an instance of its own. The producer makes the next event as soon as the
 * last one is there, or a moment later, as long as a waiter takes to sleep.
 */
#include "channel.h"

static struct pair {
	struct channel channel;
	int epfd;
	long made, got;
} *pairs;

static void producer(struct actor *actor)
{
	struct pair *pair = &pairs[actor->index];

	while (running()) {
		store(&pair->made, pair->made + 1);
		CHECK(channel_put(&pair->channel) > 0, "cannot write");
		/* Most often at once: a sleep would put the next event at another moment. */
		for (int i = 0; i < 5000 && load(&pair->got) != pair->made; i++)
			;
		AWAIT(load(&pair->got) == pair->made, "the waiter sleeps, and event %ld is there",
		      pair->made);
		jitter(&actor->random);
	}
}

static void waiter(struct actor *actor)
{
	struct pair *pair = &pairs[actor->index];
	struct epoll_event event;

	for (;;) {
		CHECK(harvest(pair->epfd, &event, 1, -1) == 1, "a wait without an event");
		if (event.data.u64 == STOP)
			return;
		CHECK(channel_take(&pair->channel), "an event for nothing");
		store(&pair->got, pair->got + 1);
	}
}

SCENARIO(handshake)
{
	int n = (sysconf(_SC_NPROCESSORS_ONLN) + 1) / 2;
	struct crew producers, waiters;
	long count = 0;

	pairs = calloc(n, sizeof(*pairs));
	for (int i = 0; i < n; i++) {
		struct pair *pair = &pairs[i];

		pair->channel = channel_open(i % 2 ? OBJ_PIPE : OBJ_EVENTFD);
		pair->epfd = new_instance();
		watch(pair->epfd, pair->channel.fd, EPOLLIN | EPOLLET, 0);
		heed_stop(pair->epfd);
	}
	waiters = CREW(waiter, n);
	producers = CREW(producer, n);
	crew_join(&producers);
	stop_waiters(&waiters);
	for (int i = 0; i < n; i++)
		count += pairs[i].got;
	tally(count, "events");
}
