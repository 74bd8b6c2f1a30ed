// SPDX-License-Identifier: GPL-2.0
/*
 * What ended a registration has ended its events: DEL, MOD for what was there
 * before it, the last close of the file, another file at its number.
 */
#include "feeder.h"

/* A second number of what is watched. */
enum { COPY = 500 };

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
	generations_run_fed("deleter", deleter);
}

static void closer(struct actor *actor)
{
	int place = actor->index, fd = WATCHED + place, copy = COPY + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	while (running()) {
		bool copied = random_one_in(random, 4);
		uint32_t events = copied ? EPOLLIN : random_trigger(random);

		open_at(ONE_OF(random, paired_kinds), fd, place);
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
	generations_run_fed("closer", closer);
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
	generations_run_fed("instance_closer", instance_closer);
}

static void replacer(struct actor *actor)
{
	int place = actor->index, fd = WATCHED + place, copy = COPY + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	open_at(ONE_OF(random, paired_kinds), fd, place);
	while (running()) {
		bool copied = random_one_in(random, 3);
		uint32_t events = copied ? EPOLLIN : random_trigger(random);

		watch(ep, fd, events, generation_data(place, ++generation));
		if (copied)
			MUST(dup3(fd, copy, O_CLOEXEC));
		feed(FEED + place);
		jitter(random);
		/* Another file takes the number, in the same step as the first loses it. */
		open_at(ONE_OF(random, paired_kinds), fd, place);
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
	generations_run_fed("replacer", replacer);
}
