// SPDX-License-Identifier: GPL-2.0
/*
 * As many events as edges. Each producer waits for the delivery of one edge before
 * it makes the next, so every edge has to be delivered, and once, whoever waits,
 * whatever else is in the set, and though some have nowhere to put the event.
 */
#include <sys/mman.h>

#include "channel.h"

static const enum object_kind edge_kinds[] = { OBJ_EVENTFD, OBJ_PIPE, OBJ_UNIX_DGRAM };

static struct source {
	struct channel channel;
	long made, delivered;
} *sources;

static bool over;

static void producer(struct actor *actor)
{
	struct source *source = &sources[actor->index];

	while (running()) {
		increment(&source->made);
		CHECK(channel_put(&source->channel) > 0, "cannot write");
		AWAIT(load(&source->delivered) == source->made, "edge %ld of %d was lost",
		      source->made, source->channel.kind);
		jitter(&actor->random);
	}
}

/* False when it is time to stop. */
static bool consume(struct actor *actor, int timeout)
{
	struct epoll_event events[4];
	int n = harvest(ep, events, 1 + random_below(&actor->random, 4), timeout);

	CHECK(n >= 0, "a wait returned %d", n);
	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;
		struct source *source;
		long delivered;

		if (data == STOP)
			return false;
		source = &sources[data];
		/* An eventfd need not be read for the next edge to be one. */
		if (source->channel.kind != OBJ_EVENTFD || random_one_in(&actor->random, 2))
			CHECK(channel_take(&source->channel), "an event of %d for nothing",
			      source->channel.kind);
		delivered = increment(&source->delivered);
		CHECK(delivered <= load(&source->made), "%ld events of %ld edges of %d", delivered,
		      source->made, source->channel.kind);
	}
	return true;
}

static void consumer(struct actor *actor)
{
	/* Half of them sleep, the others look in now and then. */
	while (consume(actor, actor->index % 2 ? random_below(&actor->random, 2) : -1))
		jitter(&actor->random);
}

/* Its array cannot be written: it loses nothing, and keeps nobody from getting it. */
static void faulter(struct actor *actor)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ret;

	(void)actor;
	while (!load(&over)) {
		ret = harvest(ep, nowhere, 1, 1);
		CHECK(ret == 0 || ret == -EFAULT, "a wait returned %d", ret);
		usleep(200);
	}
}

SCENARIO(edges_and_events)
{
	struct crew producers, consumers, faulters;
	long count = 0;

	sources = calloc(options.threads, sizeof(*sources));
	for (int i = 0; i < options.threads; i++) {
		sources[i].channel = channel_open(edge_kinds[i % ARRAY_SIZE(edge_kinds)]);
		watch(ep, sources[i].channel.fd, EPOLLIN | EPOLLET, i);
	}
	heed_stop(ep);
	consumers = CREW(consumer, options.threads);
	faulters = CREW(faulter, 1);
	producers = CREW(producer, options.threads);
	crew_join(&producers);
	store(&over, true);
	crew_join(&faulters);
	stop_waiters(&consumers);
	for (int i = 0; i < options.threads; i++)
		count += sources[i].delivered;
	tally(count, "edges");
}
