// SPDX-License-Identifier: GPL-2.0
/* EPOLLET: reported once per wakeup, and never lost. */
#include "waiter.h"

EVENTPOLL_FIXTURE(edge);

TEST_F(edge, reported_once)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, ready_before_add_is_reported_once)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, mod_of_a_ready_fd_reports_again)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(1, ready(ep));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLET));
		EXPECT_EQ(EPOLLIN, revents(ep));
		EXPECT_EQ(0, ready(ep));
	}
}

TEST_F(edge, more_data_on_a_readable_fd_reports_again)
{
	int fds[2], sock[2];

	new_pipe(fds);
	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLET));
	/* Nothing is read in between. */
	for (int i = 0; i < 3; i++) {
		put_bytes(fds[1], 1);
		EXPECT_EQ(fds[0], ready_data(ep));
		EXPECT_EQ(0, ready(ep));
		put_bytes(sock[1], 1);
		EXPECT_EQ(sock[0], ready_data(ep));
		EXPECT_EQ(0, ready(ep));
	}
}

TEST_F(edge, partial_read_is_not_an_edge)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLET));
	put_bytes(fds[1], 10);
	EXPECT_EQ(1, ready(ep));
	take_bytes(fds[0], 5);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, several_wakeups_before_the_wait_are_one_event)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 5; i++)
		post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, event_undone_before_the_wait_is_not_reported)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(edge, emptied_buffer_is_an_edge_for_writing)
{
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLOUT | EPOLLET));
	EXPECT_EQ(EPOLLOUT, revents(ep));
	fill(sock[0]);
	EXPECT_EQ(0, ready(ep));
	empty(sock[1]);
	EXPECT_EQ(EPOLLOUT, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, hangup_is_reported_once)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLET));
	close(fds[1]);
	EXPECT_EQ(EPOLLHUP, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, two_instances_each_get_the_edge)
{
	int other = create(), fd = new_eventfd(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLET));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, ready(other));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, ready(other));
}

TEST_F(edge, event_left_by_maxevents_stays)
{
	struct epoll_event events[4];
	int a = new_eventfd(0), b = new_eventfd(0);

	ASSERT_EQ(0, add(ep, a, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, b, EPOLLIN | EPOLLET));
	post(a);
	post(b);
	EXPECT_EQ(1, harvest(ep, events, 1, 0));
	EXPECT_EQ(1, harvest(ep, events + 1, 1, 0));
	EXPECT_NE(events[0].data.u64, events[1].data.u64);
	EXPECT_EQ(0, ready(ep));
}

/* What is read or written there wakes one of two wait queues. */
static int open_both_ends(int pipe_fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", pipe_fd);
	return MUST(open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
}

TEST_F(edge, place_is_that_of_the_first_of_two_wakeups)
{
	int fds[2], both, other = new_eventfd(0);
	struct epoll_event events[4];

	new_pipe(fds);
	/* One page, so that it is full with a byte in it. */
	MUST(fcntl(fds[0], F_SETPIPE_SZ, 4096));
	both = open_both_ends(fds[0]);
	ASSERT_EQ(0, add(ep, both, EPOLLIN | EPOLLOUT | EPOLLET));
	ASSERT_EQ(0, add(ep, other, EPOLLIN | EPOLLET));
	put_bytes(fds[1], 1);
	while (ready(ep))
		;

	take_bytes(fds[0], 1);
	post(other);
	put_bytes(fds[1], 1);
	ASSERT_EQ(2, harvest(ep, events, ARRAY_SIZE(events), 0));
	EXPECT_EQ(both, events[0].data.fd);
	EXPECT_EQ(other, events[1].data.fd);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(edge, one_event_wakes_one_of_two_waiters)
{
	struct waiter w[2];
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	waiters_start(w, 2, ep, -1);
	post(fd);
	waiters_until_done(w, 2, 1);
	settle();
	EXPECT_EQ(1, waiters_done(w, 2));
	/* The other sleeps on until the next edge. */
	post(fd);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
	EXPECT_EQ(0, ready(ep));
}

struct writer {
	int fd;
	int count;
};

static void *write_singly(void *arg)
{
	struct writer *w = arg;

	for (int i = 0; i < w->count; i++)
		put_bytes(w->fd, 1);
	return NULL;
}

/* A reader that drains after each edge must see every byte of a racing writer. */
TEST_F(edge, no_edge_is_lost_to_a_racing_writer)
{
	enum { BYTES = 20000 };
	struct epoll_event event;
	struct writer w = { .count = BYTES };
	pthread_t thread;
	char sink[512];
	int sock[2], got = 0;

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, fcntl(sock[1], F_SETFL, 0));
	w.fd = sock[1];
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLET));
	ASSERT_EQ(0, pthread_create(&thread, NULL, write_singly, &w));
	while (got < BYTES) {
		ssize_t n;

		/* A lost edge sleeps here until the harness ends the test. */
		ASSERT_EQ(1, harvest(ep, &event, 1, -1));
		while ((n = read(sock[0], sink, sizeof(sink))) > 0)
			got += n;
		ASSERT_EQ(EAGAIN, errno);
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(BYTES, got);
}

TEST_HARNESS_MAIN
