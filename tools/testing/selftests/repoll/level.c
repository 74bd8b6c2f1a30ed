// SPDX-License-Identifier: GPL-2.0
/* Level-triggered registrations: reported for as long as the fd is ready. */
#include "waiter.h"

EVENTPOLL_FIXTURE(level);

TEST_F(level, reported_while_ready)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, ready(ep));
	post(fd);
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(EPOLLIN, revents(ep));
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(level, ready_before_add_is_reported)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(level, ready_before_mod_is_reported)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, 0));
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(level, event_consumed_before_the_wait_is_not_reported)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(level, partly_read_is_still_ready)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN));
	put_bytes(fds[1], 3);
	for (int left = 3; left > 0; left--) {
		EXPECT_EQ(EPOLLIN, revents(ep));
		take_bytes(fds[0], 1);
	}
	EXPECT_EQ(0, ready(ep));
}

TEST_F(level, writable_until_full_and_again_when_emptied)
{
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLOUT));
	EXPECT_EQ(EPOLLOUT, revents(ep));
	fill(sock[0]);
	EXPECT_EQ(0, ready(ep));
	empty(sock[1]);
	EXPECT_EQ(EPOLLOUT, revents(ep));
}

TEST_F(level, several_reasons_come_in_one_event)
{
	struct epoll_event events[4];
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLOUT));
	put_bytes(sock[1], 1);
	ASSERT_EQ(1, harvest(ep, events, 4, 0));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, events[0].events);
}

TEST_F(level, one_wake_per_waiter_while_ready)
{
	struct waiter w[3];
	int fd = new_eventfd(0);

	/* Nobody reads the eventfd: each waiter finds it ready in turn. */
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiters_start(w, 3, ep, -1);
	post(fd);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

TEST_F(level, sleeping_wait_returns_the_event)
{
	struct waiter w;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0x1234567890ULL));
	waiter_start(&w, ep, -1);
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(EPOLLIN, w.event.events);
	EXPECT_EQ(0x1234567890ULL, w.event.data.u64);
}

TEST_F(level, add_and_mod_of_a_ready_fd_wake_a_sleeper)
{
	struct waiter w;
	int fd = new_eventfd(1), other = new_eventfd(1);

	waiter_start(&w, ep, -1);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, waiter_join(&w));
	ASSERT_EQ(0, del(ep, fd));

	ASSERT_EQ(0, add(ep, other, 0));
	waiter_start(&w, ep, -1);
	EXPECT_FALSE(waiter_done(&w));
	ASSERT_EQ(0, mod(ep, other, EPOLLIN));
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_F(level, unwanted_events_do_not_end_a_wait)
{
	struct waiter w;
	int sock[2];

	/* The socket becomes readable, writability is asked for. */
	new_socketpair(sock, SOCK_STREAM);
	fill(sock[0]);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLOUT));
	waiter_start(&w, ep, -1);
	put_bytes(sock[1], 1);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	empty(sock[1]);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(EPOLLOUT, w.event.events);
}

TEST_HARNESS_MAIN
