// SPDX-License-Identifier: GPL-2.0
/* EPOLLEXCLUSIVE: which registrations may have it, and who is woken. */
#include "waiter.h"

EVENTPOLL_FIXTURE(exclusive);

enum { INSTANCES = 4 };

TEST_F(exclusive, allowed_bits_are_accepted)
{
	static const uint32_t allowed[] = {
		0, EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP, EPOLLET, EPOLLWAKEUP,
		EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLET | EPOLLWAKEUP,
	};
	int fd = new_eventfd(0);

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		EXPECT_EQ(0, add(ep, fd, allowed[i] | EPOLLEXCLUSIVE)) {
			TH_LOG("mask %#x", allowed[i]);
		}
		ASSERT_EQ(0, del(ep, fd));
	}
}

TEST_F(exclusive, other_bits_give_EINVAL)
{
	static const uint32_t refused[] = {
		EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND,
		EPOLLMSG, EPOLLONESHOT, 1U << 14, 1U << 27,
	};
	int fd = new_eventfd(0);

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		EXPECT_EQ(-EINVAL, add(ep, fd, refused[i] | EPOLLIN | EPOLLEXCLUSIVE)) {
			TH_LOG("mask %#x", refused[i]);
		}
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(exclusive, mod_is_refused_both_ways)
{
	int fd = new_eventfd(1), other = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EINVAL, mod(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	/* Even of an fd that is not in the set. */
	EXPECT_EQ(-EINVAL, mod(ep, other, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, del(ep, fd));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(-EINVAL, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(-EINVAL, mod(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del(ep, fd));
}

TEST_F(exclusive, nested_target_is_refused)
{
	int inner = create();

	ASSERT_LE(0, inner);
	EXPECT_EQ(-EINVAL, add(ep, inner, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, add(ep, inner, EPOLLIN));
}

TEST_F(exclusive, del_ignores_the_bit)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_DEL, fd, EPOLLPRI | EPOLLEXCLUSIVE, 0));
}

TEST_F(exclusive, level_and_edge_work_as_without)
{
	int fd = new_eventfd(0), edge = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	post(fd);
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(EPOLLIN, revents(ep));
	drain(fd);
	EXPECT_EQ(0, ready(ep));

	ASSERT_EQ(0, add(ep, edge, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	post(edge);
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

static void create_watchers(int *eps, int fd, uint32_t events)
{
	for (int i = 0; i < INSTANCES; i++) {
		eps[i] = MUST(backend->create1(EPOLL_CLOEXEC));
		errno = -add(eps[i], fd, events);
		MUST(errno ? -1 : 0);
	}
}

TEST_F(exclusive, some_waiter_is_woken_but_not_all)
{
	struct waiter w[INSTANCES];
	int eps[INSTANCES], fd = new_eventfd(0), done;

	create_watchers(eps, fd, EPOLLIN | EPOLLEXCLUSIVE);
	for (int i = 0; i < INSTANCES; i++)
		waiter_start(&w[i], eps[i], -1);
	post(fd);
	waiters_until_done(w, INSTANCES, 1);
	settle();
	EXPECT_GT(INSTANCES, waiters_done(w, INSTANCES));
	/* Each further event finds another of those that still wait. */
	while ((done = waiters_done(w, INSTANCES)) < INSTANCES) {
		post(fd);
		waiters_until_done(w, INSTANCES, done + 1);
	}
	for (int i = 0; i < INSTANCES; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

TEST_F(exclusive, without_it_all_waiters_are_woken)
{
	struct waiter w[INSTANCES];
	int eps[INSTANCES], fd = new_eventfd(0);

	create_watchers(eps, fd, EPOLLIN);
	for (int i = 0; i < INSTANCES; i++)
		waiter_start(&w[i], eps[i], -1);
	post(fd);
	for (int i = 0; i < INSTANCES; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

TEST_F(exclusive, plain_watchers_are_woken_beside_it)
{
	struct waiter plain, excl[INSTANCES];
	int eps[INSTANCES], fd = new_eventfd(0);

	create_watchers(eps, fd, EPOLLIN | EPOLLEXCLUSIVE);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int i = 0; i < INSTANCES; i++)
		waiter_start(&excl[i], eps[i], -1);
	waiter_start(&plain, ep, -1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&plain));
	waiters_until_done(excl, INSTANCES, 1);
	while (waiters_done(excl, INSTANCES) < INSTANCES) {
		post(fd);
		sleep_ms(1);
	}
	for (int i = 0; i < INSTANCES; i++)
		EXPECT_EQ(1, waiter_join(&excl[i]));
}

TEST_F(exclusive, event_reaches_somebody_when_nobody_waits)
{
	int eps[INSTANCES], fd = new_eventfd(0), found = 0;

	create_watchers(eps, fd, EPOLLIN | EPOLLEXCLUSIVE);
	post(fd);
	for (int i = 0; i < INSTANCES; i++)
		found += ready(eps[i]);
	EXPECT_LE(1, found);
}

TEST_F(exclusive, wakeup_is_not_spent_on_who_wants_something_else)
{
	struct waiter reader, writer;
	int other = create(), sock[2];

	/* A reader and a writer of one full socket, each with an instance. */
	ASSERT_LE(0, other);
	new_socketpair(sock, SOCK_STREAM);
	fill(sock[0]);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLEXCLUSIVE));
	ASSERT_EQ(0, add(other, sock[0], EPOLLOUT | EPOLLEXCLUSIVE));
	waiter_start(&reader, ep, -1);
	waiter_start(&writer, other, -1);
	empty(sock[1]);
	EXPECT_EQ(1, waiter_join(&writer));
	EXPECT_FALSE(waiter_done(&reader));
	put_bytes(sock[1], 1);
	EXPECT_EQ(1, waiter_join(&reader));
}

TEST_F(exclusive, instance_without_a_waiter_does_not_take_the_wakeup)
{
	struct waiter w;
	int eps[INSTANCES], fd = new_eventfd(0);

	/* Whichever end of the queue a wakeup starts from, idle ones come first. */
	for (int i = 0; i < INSTANCES; i++) {
		create_watchers(eps, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE);
		waiter_start(&w, eps[i], -1);
		post(fd);
		EXPECT_EQ(1, waiter_join(&w));
		for (int j = 0; j < INSTANCES; j++)
			close(eps[j]);
	}
}

TEST_HARNESS_MAIN
