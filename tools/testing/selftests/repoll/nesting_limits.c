// SPDX-License-Identifier: GPL-2.0
/* Limits of nesting: no loops, EP_MAX_NESTS deep, so many wakeup paths per file. */
#include <sys/resource.h>

#include "chain.h"
#include "waiter.h"

EVENTPOLL_FIXTURE(nesting_limits);

enum { MAX_NESTS = 4 };

TEST_F(nesting_limits, one_link_deeper_gives_ELOOP)
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

TEST_F(nesting_limits, joining_two_chains_counts_both)
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

TEST_F(nesting_limits, loops_of_every_length_give_ELOOP)
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

TEST_F(nesting_limits, loop_through_another_number_gives_ELOOP)
{
	int inner = create(), copy = dup(ep);

	ASSERT_LE(0, inner);
	ASSERT_LE(0, copy);
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(inner, copy, EPOLLIN));
}

TEST_F(nesting_limits, diamond_is_no_loop)
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

TEST_F(nesting_limits, broken_loop_may_be_closed_the_other_way)
{
	int inner = create();

	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(inner, ep, EPOLLIN));
	ASSERT_EQ(0, del(ep, inner));
	EXPECT_EQ(0, add(inner, ep, EPOLLIN));
	EXPECT_EQ(-ELOOP, add(ep, inner, EPOLLIN));
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
TEST_F(nesting_limits, concurrent_adds_do_not_make_a_loop)
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

TEST_F(nesting_limits, wakeup_paths_are_limited_at_each_depth)
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

TEST_F(nesting_limits, wakeup_paths_are_counted_when_the_file_comes_last)
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

TEST_F(nesting_limits, instances_that_nobody_watches_are_not_limited)
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
