// SPDX-License-Identifier: GPL-2.0
/*
 * The number of an instance is closed, or taken by another instance, while threads wait
 * on it and change it: a wait goes on with what it has begun, and is woken. In rounds,
 * at the end of each of which everybody has got an event.
 */
#include "stress.h"

enum { NUMBER = 400 };

static int fd;
static int returned;
static struct volley volley;

static void make_instance(void)
{
	int epfd = new_instance();

	watch(epfd, fd, EPOLLIN, 0);
	move_fd(epfd, NUMBER);
}

static void waiter(struct actor *actor)
{
	struct epoll_event event;

	while (volley_meet(&volley)) {
		int n;

		jitter(&actor->random);
		while ((n = harvest(NUMBER, &event, 1, -1)) == -EBADF)
			sched_yield();
		CHECK(n == 1, "a wait returned %d", n);
		increment(&returned);
		volley_meet(&volley);
	}
}

static void changer(struct actor *actor)
{
	static const int answers[] = { 0, -EEXIST, -ENOENT, -EBADF };
	int other = new_eventfd(0);

	while (!load(&volley.over)) {
		int op = 1 + random_below(&actor->random, 3), ret, i = 0;

		ret = ctl_data(NUMBER, op, other, EPOLLIN, 0);
		while (i < (int)ARRAY_SIZE(answers) && answers[i] != ret)
			i++;
		CHECK(i < (int)ARRAY_SIZE(answers), "op %d: %s", op, strerror(-ret));
		jitter(&actor->random);
	}
}

SCENARIO(instance_closed_in_use)
{
	struct random random = { options.seed };
	struct crew waiters, changers;
	long count = 0;

	fd = new_eventfd(0);
	make_instance();
	volley.members = options.threads + 1;
	waiters = CREW(waiter, options.threads);
	changers = CREW(changer, 2);
	while (running()) {
		store(&returned, 0);
		volley_meet(&volley);
		if (random_one_in(&random, 2))
			usleep(random_below(&random, 300));
		jitter(&random);
		if (random_one_in(&random, 2))
			close(NUMBER);
		make_instance();
		jitter(&random);
		post(fd);
		AWAIT(load(&returned) == options.threads, "a wait on a closed instance hangs");
		volley_meet(&volley);
		drain(fd);
		count++;
	}
	volley_end(&volley);
	crew_join(&waiters);
	crew_join(&changers);
	tally(count, "instances");
}
