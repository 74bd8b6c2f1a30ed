// SPDX-License-Identifier: GPL-2.0
/* The ready ring: which events get into it, when, and when they do not. */

#include <poll.h>

#include "rings.h"
#include "waiter.h"

REPOLL_FIXTURE(ring);

/* A wakeup posts: no call is between the write and the event. */
TEST_F(ring, wakeup_posts)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0x123456789abcdefULL));
	EXPECT_EQ(0, pop_events());
	post(fd);
	EXPECT_EQ(0x123456789abcdefLL, pop_data());
	EXPECT_EQ(-ENODATA, pop_data());
}

/* ADD and MOD post what they find. */
TEST_F(ring, add_and_mod_post)
{
	int fd = new_eventfd(1);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(fd, pop_data());
	ASSERT_EQ(0, mod(ep, fd, EPOLLOUT));
	EXPECT_EQ(EPOLLOUT, pop_events());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(EPOLLIN, pop_events());
	EXPECT_EQ(0, pop_events());
}

/* What has been taken, and is still so, is there again after the next call. */
TEST_F(ring, level)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	post(fd);
	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(1, enter(0));
		EXPECT_EQ(1, enter(0));
		EXPECT_EQ(EPOLLIN, pop_events());
		EXPECT_EQ(0, pop_events());
	}
	drain(fd);
	EXPECT_EQ(0, enter(0));
	EXPECT_EQ(0, pop_events());
	post(fd);
	EXPECT_EQ(EPOLLIN, pop_events());
}

TEST_F(ring, edge)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 20; i++) {
		post(fd);
		EXPECT_EQ(1, pop_all());
		EXPECT_EQ(0, enter(0));
		EXPECT_EQ(0, pop_all());
	}
}

TEST_F(ring, oneshot)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	post(fd);
	post(fd);
	EXPECT_EQ(1, pop_all());
	post(fd);
	EXPECT_EQ(0, enter(0));
	EXPECT_EQ(0, pop_all());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, pop_all());
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLET | EPOLLONESHOT));
	EXPECT_EQ(1, pop_all());
	EXPECT_EQ(0, enter(0));
}

/* Events of one registration are one entry until it is taken. */
TEST_F(ring, wakeups_merge)
{
	int fds[2];

	new_socketpair(fds, SOCK_STREAM);
	new_ring(8);
	fill(fds[0]);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLOUT | EPOLLET));
	for (int i = 0; i < 5; i++)
		put_bytes(fds[1], 1);
	empty(fds[1]);
	EXPECT_EQ(EPOLLIN | EPOLLOUT, pop_events());
	EXPECT_EQ(0, pop_events());
}

/* A wakeup that tells more than that there is data is for the file to say. */
TEST_F(ring, hang_up_is_asked_for)
{
	int fds[2];

	new_pipe(fds);
	new_ring(8);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN));
	EXPECT_FALSE(repoll_ring_more(&ring));
	close(fds[1]);
	EXPECT_TRUE(repoll_ring_more(&ring));
	EXPECT_EQ(0, pop_events());
	EXPECT_EQ(1, enter(-1));
	EXPECT_EQ(EPOLLHUP, pop_events());
	EXPECT_FALSE(repoll_ring_more(&ring));
}

/* Urgent data is not what each wakeup of a socket makes of it. */
TEST_F(ring, urgent_data_is_asked_for)
{
	int fds[2];

	new_socketpair(fds, SOCK_STREAM);
	new_ring(8);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLPRI));
	put_bytes(fds[1], 1);
	EXPECT_EQ(1, enter(0));
	EXPECT_EQ(EPOLLIN, pop_events());
}

/* More than there is room for: flagged, kept, and nobody waits for ever. */
TEST_F(ring, full)
{
	enum { FDS = 20 };
	int fds[FDS], seen[FDS] = {};
	struct epoll_event event;

	new_ring(8);
	for (int i = 0; i < FDS; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i));
	}
	for (int i = 0; i < FDS; i++) {
		EXPECT_EQ(i > 8, repoll_ring_more(&ring));
		post(fds[i]);
	}
	for (int round = 0; round < 3; round++) {
		EXPECT_EQ(round < 2 ? 8 : 4, enter(0));
		EXPECT_EQ(round < 2, repoll_ring_more(&ring));
		while (repoll_ring_pop(&ring, &event))
			seen[event.data.u64]++;
	}
	for (int i = 0; i < FDS; i++)
		EXPECT_EQ(1, seen[i]);
	EXPECT_EQ(0, enter(0));
}

/* What is level-triggered takes turns. */
TEST_F(ring, full_of_level)
{
	enum { FDS = 20 };
	int seen[FDS] = {};
	struct epoll_event event;

	new_ring(8);
	for (int i = 0; i < FDS; i++)
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i));
	for (int round = 0; round < FDS; round++) {
		EXPECT_EQ(8, enter(0));
		while (repoll_ring_pop(&ring, &event))
			seen[event.data.u64]++;
	}
	for (int i = 0; i < FDS; i++) {
		EXPECT_LE(7, seen[i]);
		EXPECT_GE(9, seen[i]);
	}
}

/* After DEL no event of it is taken, and after MOD none of before. */
TEST_F(ring, del_takes_back)
{
	int fds[] = { new_eventfd(0), new_eventfd(0), new_eventfd(0) };

	new_ring(8);
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN));
		post(fds[i]);
	}
	EXPECT_EQ(0, del(ep, fds[0]));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, fds[1], EPOLLIN | EPOLLOUT, 77));
	EXPECT_EQ(fds[2], pop_data());
	EXPECT_EQ(77, pop_data());
	EXPECT_EQ(-ENODATA, pop_data());
	post(fds[0]);
	EXPECT_EQ(-ENODATA, pop_data());
}

/* With nothing in front of it, what was taken back leaves an empty ring. */
TEST_F(ring, empty_after_del)
{
	int fd = new_eventfd(1);

	new_ring(8);
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, add(ep, fd, EPOLLIN));
		EXPECT_EQ(1, poll_in(ep));
		ASSERT_EQ(0, del(ep, fd));
		EXPECT_EQ(0, poll_in(ep));
		EXPECT_EQ(0, enter(0));
	}
	EXPECT_EQ(0, pop_all());
}

/* So it does if nobody has looked for longer than the ring is. */
TEST_F(ring, empty_after_many_dels)
{
	int fd = new_eventfd(1);

	new_ring(8);
	for (int n = 1; n <= 40; n++) {
		for (int i = 0; i < n; i++) {
			ASSERT_EQ(0, add(ep, fd, EPOLLIN));
			ASSERT_EQ(0, del(ep, fd));
		}
		EXPECT_EQ(0, enter(0));
		EXPECT_EQ(0, poll_in(ep));
	}
	for (int i = 0; i < 40; i++) {
		ASSERT_EQ(0, add(ep, fd, EPOLLIN));
		ASSERT_EQ(0, del(ep, fd));
	}
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, enter(0));
	EXPECT_EQ(fd, pop_data());
}

TEST_F(ring, last_close_takes_back)
{
	int fd = new_eventfd(1);

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	close(fd);
	EXPECT_EQ(0, pop_events());
	EXPECT_EQ(0, enter(0));
}

/* A call sleeps until there is an event, of whichever kind. */
static void *enter_main(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->ret = enter(w->timeout);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void enter_start(struct waiter *w, int timeout)
{
	*w = (struct waiter){ .epfd = ep, .timeout = timeout };
	waiter_run(w, enter_main);
}

TEST_F(ring, sleep)
{
	int pipes[2], fd = new_eventfd(0), other = new_eventfd(1);
	struct waiter w;

	new_pipe(pipes);
	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, pipes[0], EPOLLIN | EPOLLET));
	enter_start(&w, -1);
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(fd, pop_data());

	enter_start(&w, -1);
	EXPECT_FALSE(waiter_done(&w));
	close(pipes[1]);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(EPOLLHUP, pop_events());

	enter_start(&w, -1);
	EXPECT_FALSE(waiter_done(&w));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(other, pop_data());
}

TEST_F(ring, timeout)
{
	int64_t begin = now_ns();

	new_ring(8);
	EXPECT_EQ(0, enter(0));
	EXPECT_EQ(0, enter(30));
	EXPECT_LE(30 * NSEC_PER_MSEC, now_ns() - begin);
}

/* One waiter is woken by one event, and wakes the next if there are more. */
TEST_F(ring, many_waiters)
{
	struct waiter w[4];
	int fds[4];

	new_ring(8);
	for (int i = 0; i < 4; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLET));
		enter_start(&w[i], -1);
	}
	post(fds[0]);
	waiters_until_done(w, 4, 1);
	settle();
	EXPECT_EQ(1, waiters_done(w, 4));
	for (int i = 1; i < 4; i++)
		post(fds[i]);
	for (int i = 0; i < 4; i++)
		EXPECT_LE(1, waiter_join(&w[i]));
	EXPECT_EQ(4, pop_all());
}

TEST_HARNESS_MAIN
