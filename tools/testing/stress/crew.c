// SPDX-License-Identifier: GPL-2.0
/* Threads that race, how they meet, and how long one waits for another. */
#include <linux/futex.h>

#include "stress.h"

/* Of a longer time between two looks this much counts. */
#define LOOK_NS		(100 * NSEC_PER_MSEC)
/* Looks without a sleep in between, and the longest sleep. */
#define LOOKS		10
#define PAUSE_US	2000

bool patience_lasts(struct patience *patience, int seconds)
{
	int64_t now = now_ns(), since = patience->last ? now - patience->last : 0;

	patience->spent += since < LOOK_NS ? since : LOOK_NS;
	patience->last = now;
	if (patience->looks++ < LOOKS) {
		sched_yield();
	} else {
		usleep(patience->pause + 10);
		if (patience->pause < PAUSE_US)
			patience->pause += patience->pause / 2 + 10;
	}
	return patience->spent < seconds * NSEC_PER_SEC;
}

static void *actor_main(void *arg)
{
	struct actor *actor = arg;

	actor->role(actor);
	store(&actor->done, true);
	return NULL;
}

struct crew crew_start(const char *name, void (*role)(struct actor *), int n)
{
	static struct random random;
	struct crew crew = { .name = name, .n = n, .actors = calloc(n, sizeof(*crew.actors)) };

	if (!random.state)
		random.state = options.seed + 1;
	for (int i = 0; i < n; i++) {
		struct actor *actor = &crew.actors[i];
		char comm[16];

		*actor = (struct actor){ .role = role, .index = i };
		actor->random.state = random_next(&random);
		errno = pthread_create(&actor->thread, NULL, actor_main, actor);
		MUST(errno ? -1 : 0);
		/* For whoever looks at a process that hangs. */
		snprintf(comm, sizeof(comm), "%s", name);
		pthread_setname_np(actor->thread, comm);
	}
	return crew;
}

void crew_join(struct crew *crew)
{
	for (int i = 0; i < crew->n; i++) {
		struct actor *actor = &crew->actors[i];
		struct patience patience = {};

		/* It may wait for something itself, and say for what. */
		while (!load(&actor->done))
			CHECK(patience_lasts(&patience, 2 * options.bound), "%s %d does not end",
			      crew->name, i);
		pthread_join(actor->thread, NULL);
	}
	free(crew->actors);
	crew->actors = NULL;
}

void jitter(struct random *random)
{
	/* All orders of magnitude alike. */
	int steps = random_below(random, 1 << random_below(random, 15));

	if (random_one_in(random, 16))
		sched_yield();
	while (steps--)
		__asm__ volatile("" ::: "memory");
}

void word_await(int *word, int value)
{
	while (load(word) == value)
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

void word_change(int *word)
{
	increment(word);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

bool volley_meet(struct volley *volley)
{
	int round = load(&volley->round);

	if (increment(&volley->arrived) == volley->members) {
		volley->ended = load(&volley->over);
		store(&volley->arrived, 0);
		word_change(&volley->round);
	} else {
		word_await(&volley->round, round);
	}
	return !volley->ended;
}
