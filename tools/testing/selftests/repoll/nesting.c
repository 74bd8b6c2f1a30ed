// SPDX-License-Identifier: GPL-2.0
/*
 * Instances that watch instances, and poll() and select() on an instance: ready
 * exactly when a wait would return something.
 */
#include <sys/select.h>

#include "chain.h"
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

/* Who was added last to the file is told first, and tells all above it before the next one. */
TEST_F(nesting, one_wakeup_at_two_depths_comes_in_the_order_of_its_callbacks)
{
	int bottom = create(), middle = create(), fd = new_eventfd(0);
	struct epoll_event events[3];

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, middle, EPOLLIN, 1));
	ASSERT_EQ(0, add(middle, bottom, EPOLLIN));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 2));
	ASSERT_EQ(0, add(bottom, fd, EPOLLIN));
	post(fd);
	ASSERT_EQ(2, harvest(ep, events, 3, 0));
	EXPECT_EQ(1, events[0].data.u64);
	EXPECT_EQ(2, events[1].data.u64);
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

TEST_HARNESS_MAIN
