// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations whose data is the address of an object that dies when a deletion has been
 * waited for: no thread may still be at work with a dead one. The memory stays, so that
 * whoever is can be found out. Threads delete while they are at work with what others
 * delete: none may wait for ever.
 */
#include <sys/resource.h>

#include "flagged.h"
#include "stress.h"

enum { OWN = 128, TAKEN = 16, OBJECTS = 8, LIVE = 0x600d, DEAD = 0xdead };

/* The memory of an object is used again after some others. */
struct object {
	int state;
	int generation;		/* 0 until the ADD has told */
};

struct place {
	int fd;
	unsigned int turn;
	struct object objects[OBJECTS];
};

static bool over;
static long deletions, events_seen;

static struct object *object_of(struct place *place)
{
	return &place->objects[place->turn % OBJECTS];
}

static struct object *object_begin(struct place *place)
{
	struct object *object;

	place->turn++;
	object = object_of(place);
	store(&object->generation, 0);
	store(&object->state, LIVE);
	return object;
}

static void object_end(struct place *place)
{
	store(&object_of(place)->state, DEAD);
	increment(&deletions);
}

static struct repoll_op addition(struct random *random, struct place *place)
{
	static const uint32_t masks[] = {
		EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE,
	};
	uint32_t mask = masks[random_below(random, ARRAY_SIZE(masks))];

	return (struct repoll_op){
		.op = EPOLL_CTL_ADD,
		.fd = place->fd,
		.events = mask,
		.data = (uintptr_t)object_begin(place),
		.flags = REPOLL_CTL_SYNC |
			 (mask == EPOLLIN && random_one_in(random, 2) ? REPOLL_CTL_HANDOVER : 0),
	};
}

/* What a wait has returned is used for a while. */
static void handle(struct random *random, const struct repoll_event *event)
{
	const struct object *object = (const struct object *)(uintptr_t)event->data;

	for (int look = 0; look < 2; look++) {
		int generation = load(&object->generation);

		CHECK(load(&object->state) == LIVE, "at work with a dead object");
		CHECK(!generation || generation == (int)event->generation,
		      "an event of generation %u for %d", event->generation, generation);
		if (!look)
			jitter(random);
	}
	increment(&events_seen);
}

static int wait_for(struct random *random, struct repoll_event *events, int timeout)
{
	int max = 1 + random_below(random, TAKEN);
	int n = result(repoll_wait_generations(ep, events, max, timeout));

	CHECK(n >= 0, "a wait returned %d", n);
	return n;
}

static void worker(struct actor *actor)
{
	struct repoll_event events[TAKEN];

	while (!load(&over)) {
		int n = wait_for(&actor->random, events, random_below(&actor->random, 3));

		for (int i = 0; i < n; i++)
			handle(&actor->random, &events[i]);
	}
}

static void replace_one(struct random *random, struct place *place)
{
	struct repoll_op add;
	int ret;

	if (random_one_in(random, 2)) {
		ret = ctl_flags(EPOLL_CTL_DEL, place->fd, 0, 0, REPOLL_CTL_SYNC);
	} else {
		CHECK(!del(ep, place->fd), "DEL");
		ret = result(repoll_sync(ep, -1));
	}
	CHECK(!ret, "a deletion returned %d", ret);
	object_end(place);
	add = addition(random, place);
	ret = ctl_flags(add.op, add.fd, add.events, add.data, add.flags);
	CHECK(ret > 0, "ADD returned %d", ret);
	store(&object_of(place)->generation, ret);
}

/* Many deletions, and one call that waits for all. */
static void replace_all(struct random *random, struct place *places)
{
	struct repoll_op ops[OWN];
	int ret;

	for (int i = 0; i < OWN; i++)
		ops[i] = (struct repoll_op){ .op = EPOLL_CTL_DEL, .fd = places[i].fd };
	ret = result(repoll_batch(ep, ops, OWN, 0));
	CHECK(ret == OWN, "a batch of DELs returned %d", ret);
	ret = result(repoll_sync(ep, -1));
	CHECK(!ret, "repoll_sync() returned %d", ret);
	for (int i = 0; i < OWN; i++) {
		object_end(&places[i]);
		ops[i] = addition(random, &places[i]);
	}
	ret = result(repoll_batch(ep, ops, OWN, 0));
	CHECK(ret == OWN, "a batch of ADDs returned %d", ret);
	for (int i = 0; i < OWN; i++)
		store(&object_of(&places[i])->generation, ops[i].result);
}

/* A worker that replaces its own registrations, in the middle of its work. */
static void deleter(struct actor *actor)
{
	struct place *places = calloc(OWN, sizeof(*places));
	struct random *random = &actor->random;
	struct repoll_event events[TAKEN];

	for (int i = 0; i < OWN; i++) {
		struct repoll_op add;

		places[i].fd = new_eventfd(1);
		add = addition(random, &places[i]);
		CHECK(ctl_flags(add.op, add.fd, add.events, add.data, add.flags) > 0, "ADD");
	}
	while (running()) {
		int n = wait_for(random, events, 0), some = random_below(random, n + 1);

		for (int i = 0; i < some; i++)
			handle(random, &events[i]);
		/* The others it gives up by this. */
		if (random_one_in(random, 2))
			replace_one(random, &places[random_below(random, OWN)]);
		else
			replace_all(random, places);
	}
}

REPOLL_SCENARIO(sync_delete)
{
	struct rlimit files;
	struct crew workers, deleters;

	MUST(getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = files.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &files));
	workers = CREW(worker, options.threads);
	deleters = CREW(deleter, options.threads);
	crew_join(&deleters);
	store(&over, true);
	crew_join(&workers);
	tally(events_seen, "events");
	tally(deletions, "deletions");
}
