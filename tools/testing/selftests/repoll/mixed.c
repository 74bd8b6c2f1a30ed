// SPDX-License-Identifier: GPL-2.0
/*
 * Instances of both implementations that watch one another. What holds for an
 * instance in an instance holds whichever is whose; only loops may be told
 * differently: neither implementation can see one that runs through the other,
 * so that it is refused or does no harm.
 */
#include "waiter.h"

struct instance {
	const struct backend *backend;
	int fd;
};

FIXTURE(mixed) {
	struct instance outer, inner;
};

FIXTURE_VARIANT(mixed) {
	const struct backend *outer, *inner;
};

/* The reference. */
FIXTURE_VARIANT_ADD(mixed, epoll_in_epoll) {
	.outer = &backend_epoll,
	.inner = &backend_epoll,
};

FIXTURE_VARIANT_ADD(mixed, repoll_in_epoll) {
	.outer = &backend_epoll,
	.inner = &backend_repoll,
};

FIXTURE_VARIANT_ADD(mixed, epoll_in_repoll) {
	.outer = &backend_repoll,
	.inner = &backend_epoll,
};

FIXTURE_VARIANT_ADD(mixed, repoll_in_repoll) {
	.outer = &backend_repoll,
	.inner = &backend_repoll,
};

/* The calls, each by the implementation that the instance is of. */

static struct instance create_by(const struct backend *by)
{
	backend = by;
	return (struct instance){ .backend = by, .fd = create() };
}

static int add_to(struct instance to, int fd, uint32_t events)
{
	backend = to.backend;
	return add(to.fd, fd, events);
}

static int ready_in(struct instance in)
{
	backend = in.backend;
	return ready(in.fd);
}

static void wait_in(struct waiter *w, struct instance in)
{
	backend = in.backend;
	waiter_start(w, in.fd, -1);
}

FIXTURE_SETUP(mixed)
{
	self->outer = create_by(variant->outer);
	self->inner = create_by(variant->inner);
	ASSERT_LE(0, self->outer.fd);
	ASSERT_LE(0, self->inner.fd);
}

FIXTURE_TEARDOWN(mixed)
{
	close(self->outer.fd);
	close(self->inner.fd);
}

TEST_F(mixed, readiness_goes_up)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	EXPECT_EQ(0, ready_in(self->outer));
	post(fd);
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(1, ready_in(self->outer));
	drain(fd);
	EXPECT_EQ(0, ready_in(self->outer));
	EXPECT_EQ(0, ready_in(self->inner));
	post(fd);
	EXPECT_EQ(1, ready_in(self->outer));
}

TEST_F(mixed, ready_at_add)
{
	ASSERT_EQ(0, add_to(self->inner, new_eventfd(1), EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	EXPECT_EQ(1, ready_in(self->outer));
}

TEST_F(mixed, edge_comes_once_per_wakeup)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 3; i++) {
		post(fd);
		EXPECT_EQ(1, ready_in(self->outer));
		EXPECT_EQ(0, ready_in(self->outer));
	}
}

TEST_F(mixed, harvested_inner_makes_the_outer_not_ready)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	post(fd);
	EXPECT_EQ(1, ready_in(self->outer));
	EXPECT_EQ(1, ready_in(self->inner));
	EXPECT_EQ(0, ready_in(self->outer));
}

TEST_F(mixed, sleeping_waiter_of_the_outer_is_woken)
{
	int fd = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	wait_in(&w, self->outer);
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ((uint64_t)self->inner.fd, w.event.data.u64);
}

TEST_F(mixed, waiters_of_both_are_woken)
{
	struct waiter outer, inner;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	wait_in(&outer, self->outer);
	wait_in(&inner, self->inner);
	post(fd);
	EXPECT_EQ(1, waiter_join(&outer));
	EXPECT_EQ(1, waiter_join(&inner));
}

TEST_F(mixed, one_file_in_both)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add_to(self->outer, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 3; i++) {
		post(fd);
		EXPECT_EQ(1, ready_in(self->outer));
		EXPECT_EQ(1, ready_in(self->inner));
	}
	/* Gone from both with its last close. */
	close(fd);
	EXPECT_EQ(0, registrations(self->outer.fd));
	EXPECT_EQ(0, registrations(self->inner.fd));
	EXPECT_EQ(0, ready_in(self->outer));
	EXPECT_EQ(0, ready_in(self->inner));
}

TEST_F(mixed, closing_the_inner_unlinks_it)
{
	ASSERT_EQ(0, add_to(self->inner, new_eventfd(1), EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	close(self->inner.fd);
	EXPECT_EQ(0, registrations(self->outer.fd));
	EXPECT_EQ(0, ready_in(self->outer));
}

TEST_F(mixed, closing_the_outer_leaves_the_inner)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	close(self->outer.fd);
	post(fd);
	EXPECT_EQ(1, ready_in(self->inner));
}

TEST_F(mixed, poll_and_select_see_through_both)
{
	struct pollfd pfd = { .fd = self->outer.fd, .events = POLLIN };
	int fd = new_eventfd(0);
	struct timeval now = {};
	fd_set set;

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	EXPECT_EQ(0, poll(&pfd, 1, 0));
	post(fd);
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	FD_ZERO(&set);
	FD_SET(self->outer.fd, &set);
	EXPECT_EQ(1, select(self->outer.fd + 1, &set, NULL, NULL, &now));
	drain(fd);
	EXPECT_EQ(0, poll(&pfd, 1, 0));
}

/*
 * Outer, inner, outer. With repoll between two instances of in-tree epoll its
 * readiness may be told too often, until somebody waits on it, never too seldom:
 * polled by the outer one, which holds its mutex, it cannot ask the bottom one.
 */
TEST_F(mixed, three_deep)
{
	struct instance bottom = create_by(variant->outer);
	int fd = new_eventfd(0);
	struct waiter w;

	ASSERT_LE(0, bottom.fd);
	ASSERT_EQ(0, add_to(bottom, fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->inner, bottom.fd, EPOLLIN));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN));
	for (int i = 0; i < 3; i++) {
		wait_in(&w, self->outer);
		post(fd);
		EXPECT_EQ(1, waiter_join(&w));
		EXPECT_EQ(1, ready_in(self->inner));
		EXPECT_EQ(1, ready_in(bottom));
		drain(fd);
		EXPECT_EQ(0, ready_in(bottom));
		EXPECT_EQ(0, ready_in(self->inner));
		EXPECT_EQ(0, ready_in(self->outer));
	}
}

TEST_F(mixed, event_under_load_is_not_lost)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_to(self->inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add_to(self->outer, self->inner.fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 300; i++) {
		struct waiter w;

		wait_in(&w, self->outer);
		post(fd);
		ASSERT_EQ(1, waiter_join(&w));
		ASSERT_EQ(1, ready_in(self->inner));
	}
}

TEST_HARNESS_MAIN
