// SPDX-License-Identifier: GPL-2.0
/* Event bits: which come unasked, which are never reported. For each file's, see files.c. */
#include "eventpoll_test.h"

EVENTPOLL_FIXTURE(events);

TEST_F(events, hangup_and_error_come_unasked)
{
	int hup[2], err[2];

	new_pipe(hup);
	new_pipe(err);
	ASSERT_EQ(0, add(ep, hup[0], 0));
	ASSERT_EQ(0, add(ep, err[1], 0));
	EXPECT_EQ(0, ready(ep));
	close(hup[1]);
	EXPECT_EQ(EPOLLHUP, revents(ep));
	ASSERT_EQ(0, del(ep, hup[0]));
	close(err[0]);
	EXPECT_EQ(EPOLLERR, revents(ep));
}

TEST_F(events, hangup_comes_unasked_after_mod)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN));
	ASSERT_EQ(0, mod(ep, fds[0], EPOLLPRI));
	close(fds[1]);
	EXPECT_EQ(EPOLLHUP, revents(ep));
}

TEST_F(events, private_bits_are_not_reported)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET | EPOLLONESHOT | EPOLLWAKEUP));
	EXPECT_EQ(EPOLLIN, revents(ep));
	ASSERT_EQ(0, del(ep, fd));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET | EPOLLEXCLUSIVE));
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(events, unknown_bits_are_ignored)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | 1U << 11 | 1U << 14 | 1U << 20 | 1U << 26));
	EXPECT_EQ(EPOLLIN, revents(ep));
}

TEST_F(events, only_what_was_asked_for_is_reported)
{
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	put_bytes(sock[1], 1);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN));
	EXPECT_EQ(EPOLLIN, revents(ep));
	ASSERT_EQ(0, mod(ep, sock[0], EPOLLOUT | EPOLLRDNORM));
	EXPECT_EQ(EPOLLOUT | EPOLLRDNORM, revents(ep));
	ASSERT_EQ(0, mod(ep, sock[0], EPOLLRDHUP));
	EXPECT_EQ(0, ready(ep));
	close(sock[1]);
	EXPECT_EQ(EPOLLRDHUP | EPOLLHUP, revents(ep));
}

TEST_F(events, synonyms_are_bits_of_their_own)
{
	int sock[2];

	/* Readable is IN and RDNORM, writable is OUT, WRNORM and WRBAND. */
	new_socketpair(sock, SOCK_STREAM);
	put_bytes(sock[1], 1);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLRDNORM | EPOLLRDBAND | EPOLLMSG));
	EXPECT_EQ(EPOLLIN | EPOLLRDNORM, revents(ep));
	ASSERT_EQ(0, mod(ep, sock[0], EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND));
	EXPECT_EQ(EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND, revents(ep));
	ASSERT_EQ(0, mod(ep, sock[0], EPOLLRDNORM));
	EXPECT_EQ(EPOLLRDNORM, revents(ep));
	ASSERT_EQ(0, mod(ep, sock[0], EPOLLWRBAND));
	EXPECT_EQ(EPOLLWRBAND, revents(ep));
}

TEST_HARNESS_MAIN
