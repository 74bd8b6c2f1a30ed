// SPDX-License-Identifier: GPL-2.0
/*
 * POLLFREE: a wait queue that goes away before the file it belongs to.
 *
 * A signalfd's wait queue is that of the signal handlers of whoever polled it.
 * A child that adds an inherited signalfd to a shared instance and exits takes
 * the queue along; file, registration and instance live on in the parent.
 * Regressions: d80e731ecab4, 42288cb44c4b (a wait-queue entry left on freed memory).
 */
#include "waiter.h"

EVENTPOLL_FIXTURE(pollfree);

static bool polled_in(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* Add @fd in a child that exits. */
static void add_and_exit(struct __test_metadata *_metadata, int epfd, int fd, uint32_t events)
{
	pid_t child = MUST(fork());

	if (!child) {
		EXPECT_EQ(0, add(epfd, fd, events));
		_exit(0);
	}
	MUST(waitpid(child, NULL, 0));
}

TEST_F(pollfree, registration_outlives_its_wait_queue)
{
	int fd = new_signalfd(SIGUSR1);

	add_and_exit(_metadata, ep, fd, EPOLLIN);
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN));
	/* A signalfd is read by who polls it: ours is pending, if not hooked. */
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(pollfree, registration_can_be_deleted_and_added_again)
{
	int fd = new_signalfd(SIGUSR1);

	add_and_exit(_metadata, ep, fd, EPOLLIN);
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(0, registrations(ep));
	/* Now on our own handlers' queue. */
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, ready(ep));
	kill(getpid(), SIGUSR1);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(pollfree, file_can_be_closed_after)
{
	int fd = new_signalfd(SIGUSR1);

	add_and_exit(_metadata, ep, fd, EPOLLIN);
	close(fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(pollfree, instance_can_be_closed_after)
{
	int fd = new_signalfd(SIGUSR1), other = create();

	ASSERT_LE(0, other);
	for (int i = 0; i < 5; i++) {
		add_and_exit(_metadata, other, fd, EPOLLIN);
		close(other);
		other = create();
	}
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
}

TEST_F(pollfree, disarmed_and_empty_masks_are_unhooked_too)
{
	static const uint32_t masks[] = {
		0, EPOLLOUT, EPOLLET, EPOLLONESHOT, EPOLLIN | EPOLLET | EPOLLONESHOT,
	};
	int fd = new_signalfd(SIGUSR1);

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		add_and_exit(_metadata, ep, fd, masks[i]);
		EXPECT_EQ(0, ready(ep));
		EXPECT_EQ(0, del(ep, fd));
	}
}

/* Of exclusive waiters a wakeup of one would leave the others on the queue. */
TEST_F(pollfree, all_exclusive_registrations_are_unhooked)
{
	enum { INSTANCES = 5 };
	int eps[INSTANCES], fd = new_signalfd(SIGUSR1);
	pid_t child;

	for (int i = 0; i < INSTANCES; i++) {
		eps[i] = create();
		ASSERT_LE(0, eps[i]);
	}
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		for (int i = 0; i < INSTANCES; i++)
			EXPECT_EQ(0, add(eps[i], fd, EPOLLIN | EPOLLEXCLUSIVE));
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	for (int i = 0; i < INSTANCES; i++) {
		EXPECT_EQ(0, ready(eps[i]));
		if (i % 2)
			EXPECT_EQ(0, del(eps[i], fd));
		close(eps[i]);
	}
}

TEST_F(pollfree, does_not_end_a_wait)
{
	int fd = new_signalfd(SIGUSR1), other = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	waiter_start(&w, ep, -1);
	add_and_exit(_metadata, ep, fd, EPOLLIN);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(other);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ((uint64_t)other, w.event.data.u64);
}

TEST_F(pollfree, nested_instance_survives)
{
	int fd = new_signalfd(SIGUSR1), outer = create(), other = new_eventfd(0);

	ASSERT_LE(0, outer);
	ASSERT_EQ(0, add(outer, ep, EPOLLIN));
	add_and_exit(_metadata, ep, fd, EPOLLIN);
	EXPECT_EQ(0, ready(outer));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	post(other);
	EXPECT_EQ(1, ready(outer));
}

/* The handshake itself: unhooking from both sides at once. */
TEST_F(pollfree, races_with_del_close_and_end_of_instance)
{
	for (int round = 0; round < 60; round++) {
		int fd = new_signalfd(SIGUSR1), other = create(), added = new_eventfd(0);
		pid_t child;

		ASSERT_LE(0, other);
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			add(other, fd, EPOLLIN);
			post(added);
			_exit(0);
		}
		while (!polled_in(added))
			sched_yield();
		for (int i = 0; i < round % 10; i++)
			sched_yield();
		switch (round % 3) {
		case 0:
			EXPECT_EQ(0, del(other, fd));
			break;
		case 1:
			close(fd);
			break;
		case 2:
			close(other);
			break;
		}
		ASSERT_EQ(child, waitpid(child, NULL, 0));
		if (round % 3 != 2) {
			EXPECT_EQ(0, registrations(other));
			close(other);
		}
		if (round % 3 != 1)
			close(fd);
		close(added);
	}
}

TEST_HARNESS_MAIN
