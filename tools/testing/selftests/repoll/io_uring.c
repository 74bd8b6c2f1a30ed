// SPDX-License-Identifier: GPL-2.0
/* An instance polled through io_uring, by raw system calls. */
#include "uring.h"
#include "waiter.h"

FIXTURE(io_uring) {
	struct uring ring;
};

FIXTURE_VARIANT(io_uring) { const struct backend *backend; };
EVENTPOLL_VARIANT(io_uring, epoll);
EVENTPOLL_VARIANT(io_uring, repoll);

FIXTURE_SETUP(io_uring)
{
	int ret = uring_open(&self->ring);

	backend = variant->backend;
	if (ret == -ENOSYS || ret == -EPERM)
		SKIP(return, "io_uring: %s", strerror(-ret));
	ASSERT_EQ(0, ret);
	ep = create();
	ASSERT_LE(0, ep) {
		TH_LOG("%s: %s", backend->name, strerror(-ep));
	}
}

FIXTURE_TEARDOWN(io_uring)
{
	close(self->ring.fd);
	close(ep);
}

TEST_F(io_uring, poll_of_a_ready_instance_completes_at_once)
{
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	EXPECT_EQ(POLLIN, uring_take(&self->ring).res);
}

TEST_F(io_uring, poll_completes_when_the_instance_becomes_ready)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	EXPECT_FALSE(uring_completed(&self->ring));
	post(fd);
	EXPECT_EQ(POLLIN, uring_take(&self->ring).res);
	/* Once: it is not armed any more. */
	drain(fd);
	post(fd);
	EXPECT_FALSE(uring_completed(&self->ring));
}

TEST_F(io_uring, multishot_poll_completes_each_time)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	uring_poll(&self->ring, ep, POLLIN, true);
	for (int i = 0; i < 5; i++) {
		struct completion done;

		post(fd);
		done = uring_take(&self->ring);
		EXPECT_EQ(POLLIN, done.res & POLLIN);
		EXPECT_EQ(IORING_CQE_F_MORE, done.flags & IORING_CQE_F_MORE);
		EXPECT_EQ(1, ready(ep));
	}
}

TEST_F(io_uring, ring_in_the_instance_it_polls)
{
	int fd = new_eventfd(0);

	/* The ring polls the instance, and the instance the ring. */
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, self->ring.fd, EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	post(fd);
	EXPECT_EQ(POLLIN, uring_take(&self->ring).res);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(io_uring, close_of_the_ring_ends_its_poll)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	close(self->ring.fd);
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(io_uring, armed_poll_keeps_a_closed_instance)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	close(ep);
	post(fd);
	EXPECT_EQ(POLLIN, uring_take(&self->ring).res);
}

/* A file that io_uring closes was closed like any other. */
TEST_F(io_uring, close_through_the_ring_removes)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	uring_submit(&self->ring, &(struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = fd });
	EXPECT_EQ(0, uring_take(&self->ring).res);
	for (int i = 0; i < 500 && registrations(ep); i++)
		sleep_ms(10);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(io_uring, sleeping_waiter_is_woken_beside_an_armed_poll)
{
	int fd = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	uring_poll(&self->ring, ep, POLLIN, false);
	waiter_start(&w, ep, -1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(POLLIN, uring_take(&self->ring).res);
}

TEST_HARNESS_MAIN
