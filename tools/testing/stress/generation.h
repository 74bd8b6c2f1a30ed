/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations that end. The data of each names its place and a number, its
 * generation, that grows with each registration there. When a call has returned that
 * ended one, no wait that begins afterwards may return its data: witnesses look.
 */
#ifndef REPOLL_STRESS_GENERATION_H
#define REPOLL_STRESS_GENERATION_H

#include "channel.h"

enum { PLACES = 64 };

struct generations {
	uint64_t ended;		/* the last that has ended */
	uint64_t seen;		/* the one of which there was an event last */
	long events;
};

static struct generations places[PLACES];
static bool generations_over;

static inline uint64_t generation_data(int place, uint64_t generation)
{
	return generation << 8 | place;
}

/* To be called when the call that ended it has returned. */
static inline void generation_end(int place, uint64_t generation)
{
	store(&places[place].ended, generation);
}

/* Waits for an event of a registration that has not ended. */
static inline void generation_await(int place, uint64_t generation, const char *why)
{
	store(&places[place].seen, 0);
	AWAIT(load(&places[place].seen) == generation, "%s, and its event does not come", why);
}

/* One wait on @epfd. */
static inline void generation_harvest(struct actor *actor, int epfd)
{
	struct epoll_event events[16];
	uint64_t ended[PLACES];
	int n;

	for (int i = 0; i < PLACES; i++)
		ended[i] = load(&places[i].ended);
	n = harvest(epfd, events, 1 + random_below(&actor->random, 16),
		    random_below(&actor->random, 3));
	CHECK(n >= 0, "a wait returned %d", n);
	for (int i = 0; i < n; i++) {
		int place = events[i].data.u64 & 0xff;
		uint64_t generation = events[i].data.u64 >> 8;

		CHECK(generation > ended[place],
		      "an event of registration %lu, after the end of %lu", generation,
		      ended[place]);
		store(&places[place].seen, generation);
		increment(&places[place].events);
	}
}

static void witness(struct actor *actor)
{
	while (!load(&generations_over)) {
		generation_harvest(actor, ep);
		jitter(&actor->random);
	}
}

/* Lets @owner, @n of them, begin and end registrations, and others look. */
static inline void generations_run(const char *name, void (*owner)(struct actor *), int n)
{
	struct crew witnesses = CREW(witness, options.threads);
	struct crew owners = crew_start(name, owner, n);
	long ended = 0, events = 0;

	crew_join(&owners);
	store(&generations_over, true);
	crew_join(&witnesses);
	for (int i = 0; i < PLACES; i++) {
		ended += places[i].ended;
		events += places[i].events;
	}
	tally(events, "events");
	tally(ended, "registrations");
}

#endif /* REPOLL_STRESS_GENERATION_H */
