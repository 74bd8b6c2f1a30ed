// SPDX-License-Identifier: GPL-2.0
/* EPOLLONESHOT: disarmed by its report, kept in the set, armed again by MOD. */
#include "waiter.h"

EVENTPOLL_FIXTURE(oneshot);

TEST_F(oneshot, reported_once_while_ready)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(oneshot, new_events_do_not_arm_it)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	drain(fd);
	post(fd);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(oneshot, kept_in_the_set_when_disarmed)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(0, del(ep, fd));
}

TEST_F(oneshot, mod_arms_it_and_sees_what_came_meanwhile)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	drain(fd);
	post(fd);
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(oneshot, mod_without_it_makes_it_level)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(oneshot, disarmed_means_no_hangup_either)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLONESHOT));
	put_bytes(fds[1], 1);
	EXPECT_EQ(EPOLLIN, revents(ep));
	close(fds[1]);
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, mod(ep, fds[0], EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(EPOLLIN | EPOLLHUP, revents(ep));
}

TEST_F(oneshot, with_edge_behaves_the_same)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT | EPOLLET));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	post(fd);
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT | EPOLLET));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(oneshot, unreported_event_does_not_disarm)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(oneshot, exactly_one_of_many_waiters_gets_it)
{
	struct waiter w[4];
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	waiters_start(w, 4, ep, -1);
	for (int round = 1; round <= 4; round++) {
		post(fd);
		waiters_until_done(w, 4, round);
		settle();
		EXPECT_EQ(round, waiters_done(w, 4));
		ASSERT_EQ(0, mod(ep, fd, 0));
		drain(fd);
		ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT));
	}
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

struct pool {
	int fd;
	int owners;
	int overlaps;
	int rounds;
};

static void *own_and_rearm(void *arg)
{
	struct pool *p = arg;

	for (int i = 0; i < p->rounds; i++) {
		struct epoll_event event;

		MUST(backend->wait(ep, &event, 1, -1) == 1 ? 0 : -1);
		if (__atomic_fetch_add(&p->owners, 1, __ATOMIC_ACQ_REL))
			__atomic_fetch_add(&p->overlaps, 1, __ATOMIC_RELAXED);
		__atomic_fetch_sub(&p->owners, 1, __ATOMIC_ACQ_REL);
		event.events = EPOLLIN | EPOLLONESHOT;
		MUST(backend->ctl(ep, EPOLL_CTL_MOD, p->fd, &event));
	}
	return NULL;
}

/* The use of it: a worker owns the fd from the report until it arms it again. */
TEST_F(oneshot, gives_one_thread_ownership)
{
	struct pool pool = { .fd = new_eventfd(1), .rounds = 2000 };
	pthread_t threads[4];

	ASSERT_EQ(0, add(ep, pool.fd, EPOLLIN | EPOLLONESHOT));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, own_and_rearm, &pool));
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, pool.overlaps);
}

TEST_HARNESS_MAIN
