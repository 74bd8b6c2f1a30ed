/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations that end, of files at fixed numbers, a place each, which others feed
 * all the time.
 */
#ifndef REPOLL_STRESS_FEEDER_H
#define REPOLL_STRESS_FEEDER_H

#include "generation.h"

/* The numbers at which files are watched and fed: none that the kernel gives out. */
enum { WATCHED = 400, FEED = 600 };

static inline uint32_t random_trigger(struct random *random)
{
	return EPOLLIN | (random_one_in(random, 2) ? EPOLLET : 0);
}

/* Opens a file at @number, and its feed at that of @place. */
static inline void open_at(enum object_kind kind, int number, int place)
{
	struct channel channel = channel_open(kind);

	move_fd(channel.fd, number);
	move_fd(channel.feed, FEED + place);
}

/* Makes what @fd feeds readable, if it is not already so full that this fails. */
static inline bool feed(int fd)
{
	uint64_t one = 1;

	return write(fd, &one, sizeof(one)) > 0;
}

/* Feeds all files. It holds none that is watched, but for eventfds. */
static void feeder(struct actor *actor)
{
	while (!load(&generations_over)) {
		if (!feed(FEED + random_below(&actor->random, options.threads)))
			sched_yield();
		jitter(&actor->random);
	}
}

static inline void generations_run_fed(const char *name, void (*owner)(struct actor *))
{
	struct crew feeders = CREW(feeder, 2);

	generations_run(name, owner, options.threads);
	crew_join(&feeders);
}

#endif /* REPOLL_STRESS_FEEDER_H */
