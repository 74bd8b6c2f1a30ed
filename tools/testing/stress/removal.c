// SPDX-License-Identifier: GPL-2.0
/*
 * What ended a registration has ended its events: DEL, MOD for what was there
 * before it, the last close of the file, another file at its number.
 */
#include "generation.h"

/* The numbers at which files are watched and fed: none that the kernel gives out. */
enum { WATCHED = 400, COPY = 500, FEED = 600 };

static uint32_t random_trigger(struct random *random)
{
	return EPOLLIN | (random_one_in(random, 2) ? EPOLLET : 0);
}

/* Makes what @fd feeds readable, if it is not already so full that this fails. */
static bool feed(int fd)
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

static void run(const char *name, void (*owner)(struct actor *))
{
	struct crew feeders = CREW(feeder, 2);

	generations_run(name, owner, options.threads);
	crew_join(&feeders);
}

static void deleter(struct actor *actor)
{
	int place = actor->index, fd = new_eventfd(0);
	struct random *random = &actor->random;
	uint64_t generation = 0;

	move_fd(MUST(dup(fd)), FEED + place);
	while (running()) {
		watch(ep, fd, random_trigger(random), generation_data(place, ++generation));
		jitter(random);
		while (random_one_in(random, 2)) {
			CHECK(!ctl_data(ep, EPOLL_CTL_MOD, fd, random_trigger(random),
					generation_data(place, generation + 1)), "MOD");
			generation_end(place, generation++);
			jitter(random);
		}
		CHECK(!del(ep, fd), "DEL");
		generation_end(place, generation);
		jitter(random);
	}
}

SCENARIO(after_del_or_mod)
{
	run("deleter", deleter);
}

/* Opens a file and its feed at their numbers. */
static void open_at(struct random *random, int number, int place)
{
	struct channel channel = channel_open(ONE_OF(random, paired_kinds));

	move_fd(channel.fd, number);
	move_fd(channel.feed, FEED + place);
}

static void closer(struct actor *actor)
{
	int place = actor->index, fd = WATCHED + place, copy = COPY + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	while (running()) {
		bool copied = random_one_in(random, 4);
		uint32_t events = copied ? EPOLLIN : random_trigger(random);

		open_at(random, fd, place);
		watch(ep, fd, events, generation_data(place, ++generation));
		if (copied)
			MUST(dup3(fd, copy, O_CLOEXEC));
		feed(FEED + place);
		jitter(random);
		if (copied) {
			/* The close of one of two is the end of nothing. */
			close(random_one_in(random, 2) ? fd : copy);
			generation_await(place, generation, "one of two was closed");
			close(copy);
		}
		close(fd);
		generation_end(place, generation);
		jitter(random);
	}
}

SCENARIO(after_last_close)
{
	run("closer", closer);
}

/* What is closed is an instance, which the feeders make ready. */
static void instance_closer(struct actor *actor)
{
	int place = actor->index, efd = new_eventfd(1);
	struct random *random = &actor->random;
	uint64_t generation = 0;

	move_fd(MUST(dup(efd)), FEED + place);
	while (running()) {
		int epfd = new_instance();

		watch(epfd, efd, random_trigger(random), 0);
		watch(ep, epfd, random_trigger(random), generation_data(place, ++generation));
		jitter(random);
		close(epfd);
		generation_end(place, generation);
		jitter(random);
	}
}

SCENARIO(after_last_close_of_an_instance)
{
	run("instance_closer", instance_closer);
}

static void replacer(struct actor *actor)
{
	int place = actor->index, fd = WATCHED + place, copy = COPY + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	open_at(random, fd, place);
	while (running()) {
		bool copied = random_one_in(random, 3);
		uint32_t events = copied ? EPOLLIN : random_trigger(random);

		watch(ep, fd, events, generation_data(place, ++generation));
		if (copied)
			MUST(dup3(fd, copy, O_CLOEXEC));
		feed(FEED + place);
		jitter(random);
		/* Another file takes the number, in the same step as the first loses it. */
		open_at(random, fd, place);
		if (!copied)
			generation_end(place, generation);
		CHECK(del(ep, fd) == -ENOENT, "the number kept the registration");
		if (!copied)
			continue;
		generation_await(place, generation, "the file is still open elsewhere");
		close(copy);
		generation_end(place, generation);
	}
}

SCENARIO(after_dup2)
{
	run("replacer", replacer);
}
