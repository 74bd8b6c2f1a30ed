// SPDX-License-Identifier: GPL-2.0
/* More ready fds than room for events: nobody starves, nothing seems unready. */
#include "waiter.h"

EVENTPOLL_FIXTURE(fairness);

TEST_F(fairness, ready_fds_take_turns)
{
	enum { READY = 10, ROOM = 3, ROUNDS = 100 };
	struct epoll_event events[ROOM];
	int count[READY] = {}, least = INT_MAX, most = 0;

	for (int i = 0; i < READY; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i));
	for (int round = 0; round < ROUNDS; round++) {
		ASSERT_EQ(ROOM, harvest(ep, events, ROOM, 0));
		for (int i = 0; i < ROOM; i++)
			count[events[i].data.u64]++;
	}
	for (int i = 0; i < READY; i++) {
		least = count[i] < least ? count[i] : least;
		most = count[i] > most ? count[i] : most;
	}
	EXPECT_GE(1, most - least);
}

TEST_F(fairness, no_fd_comes_twice_in_one_harvest)
{
	enum { READY = 20 };
	struct epoll_event events[2 * READY];
	int count[READY] = {};

	for (int i = 0; i < READY; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i));
	ASSERT_EQ(READY, harvest(ep, events, 2 * READY, 0));
	for (int i = 0; i < READY; i++)
		count[events[i].data.u64]++;
	for (int i = 0; i < READY; i++)
		EXPECT_EQ(1, count[i]);
}

TEST_F(fairness, newcomer_waits_one_turn_at_most)
{
	enum { READY = 20 };
	int fd = new_eventfd(0), turns = 0;

	for (int i = 0; i < READY; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, READY));
	for (int i = 0; i < READY / 2; i++)
		ASSERT_LE(0, ready_data(ep));
	post(fd);
	while (ready_data(ep) != READY)
		ASSERT_GE(READY, ++turns);
}

TEST_F(fairness, edges_are_not_starved_by_levels)
{
	enum { READY = 20 };
	int fd = new_eventfd(0), turns = 0;

	for (int i = 0; i < READY; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, READY));
	post(fd);
	while (ready_data(ep) != READY)
		ASSERT_GE(READY, ++turns);
}

struct hammer {
	int fd;
	bool stop;
};

static void *post_until_stopped(void *arg)
{
	struct hammer *h = arg;

	while (!__atomic_load_n(&h->stop, __ATOMIC_RELAXED))
		post(h->fd);
	return NULL;
}

TEST_F(fairness, incessant_wakeups_of_one_fd_do_not_starve_another)
{
	struct hammer h = { .fd = new_eventfd(0) };
	int quiet = new_eventfd(1);
	pthread_t thread;

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, h.fd, EPOLLIN | EPOLLET, 0));
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_until_stopped, &h));
	for (int round = 0; round < 200; round++) {
		int turns = 0;

		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, quiet, EPOLLIN, 1));
		while (ready_data(ep) != 1)
			ASSERT_GE(1000, ++turns);
		ASSERT_EQ(0, del(ep, quiet));
	}
	__atomic_store_n(&h.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

enum { THREADS = 8, LOOPS = 4000 };

static void *harvest_never_empty(void *arg)
{
	(void)arg;
	for (long i = 1; i <= LOOPS; i++) {
		struct epoll_event event;

		if (harvest(ep, &event, 1, 0) != 1)
			return (void *)i;
	}
	return NULL;
}

static void *poll_never_empty(void *arg)
{
	(void)arg;
	for (long i = 1; i <= LOOPS; i++) {
		struct pollfd pfd = { .fd = ep, .events = POLLIN };

		if (poll(&pfd, 1, 0) != 1)
			return (void *)i;
	}
	return NULL;
}

/*
 * The regression of 0c4aefe3c2d0: while one thread had the only ready item in
 * its hands, a zero-timeout wait of another found the lists empty.
 */
TEST_F(fairness, ready_fd_is_never_missed_at_zero_timeout)
{
	pthread_t threads[THREADS];
	void *failed;

	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, harvest_never_empty, NULL));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
}

TEST_F(fairness, ready_fd_is_never_missed_by_poll)
{
	pthread_t threads[THREADS];
	void *failed;

	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (int i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL,
					    i % 2 ? poll_never_empty : harvest_never_empty, NULL));
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
}

TEST_F(fairness, ready_fd_is_never_missed_beside_ctl)
{
	int fd = new_eventfd(1), other = new_eventfd(1);
	pthread_t threads[2];
	void *failed;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, harvest_never_empty, NULL));
	for (int i = 0; i < LOOPS; i++) {
		ASSERT_EQ(0, mod(ep, fd, EPOLLIN));
		ASSERT_EQ(0, add(ep, other, EPOLLIN));
		ASSERT_EQ(0, del(ep, other));
	}
	for (int i = 0; i < 2; i++) {
		pthread_join(threads[i], &failed);
		EXPECT_EQ(NULL, failed);
	}
}

TEST_HARNESS_MAIN
