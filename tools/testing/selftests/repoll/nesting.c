// SPDX-License-Identifier: GPL-2.0
/*
 * Instances that watch instances, and poll() and select() on an instance: ready
 * exactly when a wait would return something; loops, depth and the number of
 * wakeup paths are limited.
 */
#include <sys/resource.h>
#include <sys/select.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(nesting);

enum { MAX_NESTS = 4 };

/* poll() on an instance, without waiting. */
static int polled(int fd)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM,
	};

	MUST(poll(&pfd, 1, 0));
	return pfd.revents;
}

/* chain[i + 1] watches chain[i], for i up to @links. */
static int link_chain(int *chain, int links)
{
	for (int i = 0; i < links; i++) {
		int ret = add(chain[i + 1], chain[i], EPOLLIN);

		if (ret)
			return ret;
	}
	return 0;
}

static void create_all(int *eps, int n)
{
	for (int i = 0; i < n; i++)
		eps[i] = MUST(backend->create1(EPOLL_CLOEXEC));
}

TEST_F(nesting, poll_says_what_a_wait_would)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, polled(ep));
	post(fd);
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(ep));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(ep));
	drain(fd);
	/* Still on the ready list, but no longer ready. */
	EXPECT_EQ(0, polled(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(nesting, poll_does_not_consume_an_edge)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(POLLIN | POLLRDNORM, polled(ep));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, polled(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(nesting, poll_sees_a_oneshot_disarmed)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(ep));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, polled(ep));
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(POLLIN | POLLRDNORM, polled(ep));
}

TEST_F(nesting, select_sees_readiness)
{
	struct timeval now = {};
	int fd = new_eventfd(0);
	fd_set set;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	FD_ZERO(&set);
	FD_SET(ep, &set);
	EXPECT_EQ(0, select(ep + 1, &set, NULL, NULL, &now));
	post(fd);
	FD_SET(ep, &set);
	EXPECT_EQ(1, select(ep + 1, &set, NULL, NULL, &now));
}

static void *poll_forever(void *arg)
{
	struct pollfd pfd = { .fd = *(int *)arg, .events = POLLIN };

	return (void *)(long)poll(&pfd, 1, -1);
}

TEST_F(nesting, sleeping_poll_is_woken)
{
	int fd = new_eventfd(0), late = new_eventfd(1);
	pthread_t thread;
	void *ret;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, late, 0));
	for (int how = 0; how < 3; how++) {
		ASSERT_EQ(0, pthread_create(&thread, NULL, poll_forever, &ep));
		settle();
		switch (how) {
		case 0:
			post(fd);
			break;
		case 1:
			drain(fd);
			ASSERT_EQ(0, mod(ep, late, EPOLLIN));
			break;
		case 2:
			ASSERT_EQ(0, del(ep, late));
			ASSERT_EQ(0, add(ep, late, EPOLLIN));
			break;
		}
		pthread_join(thread, &ret);
		EXPECT_EQ(1, (long)ret);
		if (how == 1)
			ASSERT_EQ(0, mod(ep, late, 0));
	}
}

TEST_F(nesting, readiness_goes_up)
{
	int inner = create(), fd = new_eventfd(0);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN | EPOLLRDNORM | EPOLLOUT));
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(EPOLLIN | EPOLLRDNORM, revents(ep));
	EXPECT_EQ(inner, ready_data(ep));
	EXPECT_EQ(fd, ready_data(inner));
	/* Level-triggered, all the way. */
	EXPECT_EQ(1, ready(ep));
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, ready(inner));
}

TEST_F(nesting, ready_inner_is_seen_at_add)
{
	int inner = create(), fd = new_eventfd(1);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(nesting, edge_on_an_instance_comes_once_per_wakeup)
{
	int inner = create(), fd = new_eventfd(0);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN | EPOLLET));
	for (int i = 0; i < 3; i++) {
		post(fd);
		EXPECT_EQ(1, ready(ep));
		EXPECT_EQ(0, ready(ep));
	}
}

TEST_F(nesting, harvested_edge_makes_the_outer_not_ready)
{
	int inner = create(), fd = new_eventfd(0);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, ready(inner));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, polled(ep));
}

TEST_F(nesting, oneshot_on_an_instance)
{
	int inner = create(), fd = new_eventfd(1);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, mod(ep, inner, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(nesting, deepest_chain_wakes_its_top)
{
	int chain[MAX_NESTS + 1], fd = new_eventfd(0);
	struct waiter w;

	create_all(chain, MAX_NESTS + 1);
	ASSERT_EQ(0, link_chain(chain, MAX_NESTS));
	ASSERT_EQ(0, add(chain[0], fd, EPOLLIN));
	waiter_start(&w, chain[MAX_NESTS], -1);
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	for (int i = 0; i <= MAX_NESTS; i++)
		EXPECT_EQ(POLLIN | POLLRDNORM, polled(chain[i]));
	drain(fd);
	for (int i = MAX_NESTS; i >= 0; i--)
		EXPECT_EQ(0, ready(chain[i]));
}

TEST_F(nesting, one_link_deeper_gives_ELOOP)
{
	int chain[MAX_NESTS + 2];

	create_all(chain, MAX_NESTS + 2);
	ASSERT_EQ(0, link_chain(chain, MAX_NESTS));
	/* On top, at the bottom, and nothing is left behind. */
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-ELOOP, add(chain[MAX_NESTS + 1], chain[MAX_NESTS], EPOLLIN));
		EXPECT_EQ(-ELOOP, add(chain[0], chain[MAX_NESTS + 1], EPOLLIN));
	}
	EXPECT_EQ(0, registrations(chain[MAX_NESTS + 1]));
	EXPECT_EQ(0, registrations(chain[0]));
	ASSERT_EQ(0, del(chain[1], chain[0]));
	EXPECT_EQ(0, add(chain[MAX_NESTS + 1], chain[MAX_NESTS], EPOLLIN));
}

TEST_F(nesting, joining_two_chains_counts_both)
{
	int low[3], high[3];

	/* Two links each: one more in between makes five. */
	create_all(low, 3);
	create_all(high, 3);
	ASSERT_EQ(0, link_chain(low, 2));
	ASSERT_EQ(0, link_chain(high, 2));
	EXPECT_EQ(-ELOOP, add(high[0], low[2], EPOLLIN));
	EXPECT_EQ(0, add(high[0], low[1], EPOLLIN));
	EXPECT_EQ(0, add(high[1], low[2], EPOLLIN));
}

TEST_F(nesting, loops_of_every_length_give_ELOOP)
{
	for (int length = 2; length <= MAX_NESTS + 2; length++) {
		int chain[MAX_NESTS + 2], fd = new_eventfd(0), ret;

		create_all(chain, length);
		ret = link_chain(chain, length - 1);
		/* The longest does not even get as far as its last link. */
		ASSERT_EQ(length - 1 > MAX_NESTS ? -ELOOP : 0, ret);
		ASSERT_EQ(-ELOOP, add(chain[0], chain[length - 1], EPOLLIN)) {
			TH_LOG("a loop of %d", length);
		}
		/* The chain works as before. */
		ASSERT_EQ(0, add(chain[0], fd, EPOLLIN));
		post(fd);
		EXPECT_EQ(1, ready(chain[1]));
		for (int i = 0; i < length; i++)
			close(chain[i]);
		close(fd);
	}
}

TEST_F(nesting, loop_through_another_number_gives_ELOOP)
{
	int inner = create(), copy = dup(ep);

	ASSERT_LE(0, inner);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(inner, copy, EPOLLIN));
}

TEST_F(nesting, diamond_is_no_loop)
{
	int left = create(), right = create(), bottom = create(), fd = new_eventfd(0);

	ASSERT_EQ(0, add(left, bottom, EPOLLIN));
	ASSERT_EQ(0, add(right, bottom, EPOLLIN));
	ASSERT_EQ(0, add(ep, left, EPOLLIN));
	ASSERT_EQ(0, add(ep, right, EPOLLIN));
	ASSERT_EQ(0, add(bottom, fd, EPOLLIN));
	post(fd);
	EXPECT_EQ(2, ready(ep));
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(-ELOOP, add(bottom, ep, EPOLLIN));
}

TEST_F(nesting, broken_loop_may_be_closed_the_other_way)
{
	int inner = create();

	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(inner, ep, EPOLLIN));
	ASSERT_EQ(0, del(ep, inner));
	EXPECT_EQ(0, add(inner, ep, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(ep, inner, EPOLLIN));
}

TEST_F(nesting, closing_an_instance_unlinks_it)
{
	int bottom = create(), middle = create(), fd = new_eventfd(1);

	ASSERT_EQ(0, add(bottom, fd, EPOLLIN));
	ASSERT_EQ(0, add(middle, bottom, EPOLLIN));
	ASSERT_EQ(0, add(ep, middle, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	close(middle);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	/* What it watched is free of it. */
	EXPECT_EQ(1, ready(bottom));
	EXPECT_EQ(0, add(ep, bottom, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	close(ep);
	EXPECT_EQ(1, ready(bottom));
}

/* Many ADDs that, two and two, would make a loop. */
struct racer {
	pthread_barrier_t *barrier;
	int outer, inner;
	int ret;
};

static void *add_at_once(void *arg)
{
	struct racer *r = arg;

	pthread_barrier_wait(r->barrier);
	r->ret = add(r->outer, r->inner, EPOLLIN);
	return NULL;
}

static int race(struct racer *racers, int n)
{
	pthread_barrier_t barrier;
	pthread_t threads[4];
	int added = 0;

	pthread_barrier_init(&barrier, NULL, n);
	for (int i = 0; i < n; i++) {
		racers[i].barrier = &barrier;
		pthread_create(&threads[i], NULL, add_at_once, &racers[i]);
	}
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], NULL);
		added += !racers[i].ret;
	}
	pthread_barrier_destroy(&barrier);
	return added;
}

/* Seen elsewhere: each ADD checked for a loop before the other was visible. */
TEST_F(nesting, concurrent_adds_do_not_make_a_loop)
{
	for (int round = 0; round < 150; round++) {
		int n = 2 + round % 2, eps[3];
		struct racer racers[3] = {};

		create_all(eps, n);
		for (int i = 0; i < n; i++) {
			racers[i].outer = eps[i];
			racers[i].inner = eps[(i + 1) % n];
		}
		ASSERT_EQ(n - 1, race(racers, n));
		for (int i = 0; i < n; i++) {
			ASSERT_EQ(true, !racers[i].ret || racers[i].ret == -ELOOP);
			close(eps[i]);
		}
	}
}

/* Limits on paths of one, two, three and four nested instances, per file. */
static const int path_limits[] = { 500, 100, 50, 10 };

static void raise_fd_limit(void)
{
	struct rlimit limit;

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
}

TEST_F(nesting, wakeup_paths_are_limited_at_each_depth)
{
	raise_fd_limit();
	for (int depth = 1; depth <= MAX_NESTS; depth++) {
		int limit = path_limits[depth - 1];
		int chain[MAX_NESTS], tops[501], fd = new_eventfd(0);

		/* A chain over the file, and many instances on its end. */
		create_all(chain, depth);
		create_all(tops, limit + 1);
		ASSERT_EQ(0, add(chain[0], fd, EPOLLIN));
		ASSERT_EQ(0, link_chain(chain, depth - 1));
		for (int i = 0; i < limit; i++)
			ASSERT_EQ(0, add(tops[i], chain[depth - 1], EPOLLIN));
		for (int i = 0; i < 2; i++) {
			EXPECT_EQ(-EINVAL, add(tops[limit], chain[depth - 1], EPOLLIN)) {
				TH_LOG("depth %d", depth);
			}
		}
		EXPECT_EQ(0, registrations(tops[limit]));
		/* One path less makes room for another. */
		ASSERT_EQ(0, del(tops[0], chain[depth - 1]));
		EXPECT_EQ(0, add(tops[limit], chain[depth - 1], EPOLLIN));
		/* A wakeup goes to the end of all of them. */
		post(fd);
		for (int i = 1; i <= limit; i++)
			EXPECT_EQ(1, ready(tops[i]));
		ASSERT_EQ(0, syscall(SYS_close_range, chain[0], tops[limit], 0));
		close(fd);
	}
}

TEST_F(nesting, wakeup_paths_are_counted_when_the_file_comes_last)
{
	int limit = path_limits[0], tops[501], fd = new_eventfd(0);

	raise_fd_limit();
	create_all(tops, limit + 1);
	/* No file is below: nothing to limit yet. */
	for (int i = 0; i <= limit; i++)
		ASSERT_EQ(0, add(tops[i], ep, EPOLLIN));
	EXPECT_EQ(-EINVAL, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, registrations(ep));
	ASSERT_EQ(0, del(tops[0], ep));
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
}

TEST_F(nesting, instances_that_nobody_watches_are_not_limited)
{
	enum { MANY = 1100 };
	static int eps[MANY];
	int fd = new_eventfd(1);

	raise_fd_limit();
	create_all(eps, MANY);
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, add(eps[i], fd, EPOLLIN));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(1, ready(eps[i]));
}

TEST_HARNESS_MAIN
