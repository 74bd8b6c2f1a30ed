// SPDX-License-Identifier: GPL-2.0
/* Statistics, and registrations of every kind. */
#include <poll.h>

#include "flagged.h"
#include "batch.h"
#include "many.h"
#include "stats.h"

REPOLL_FIXTURE(stats_mixed);

TEST_F(stats_mixed, flags_and_masks_of_every_kind_are_counted)
{
	static const struct { uint32_t events; unsigned int flags; } kinds[] = {
		{ EPOLLIN, REPOLL_CTL_BIND },
		{ EPOLLIN, REPOLL_CTL_TOKEN },
		{ EPOLLIN, REPOLL_CTL_BIND | REPOLL_CTL_TOKEN },
		{ EPOLLIN, REPOLL_CTL_WAKE_FIFO },
		{ EPOLLIN, REPOLL_CTL_WAKE_ROUND_ROBIN },
		{ EPOLLIN | EPOLLEXCLUSIVE, 0 },
		{ EPOLLIN | EPOLLEXCLUSIVE, REPOLL_CTL_WAKE_FIFO },
		{ EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT, REPOLL_CTL_WAKE_ROUND_ROBIN },
		{ EPOLLIN | EPOLLWAKEUP, 0 },
		{ EPOLLIN | EPOLLET, 0 },
	};

	/* Added before they are switched on, and after that. */
	for (int on = 0; on < 2; on++) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			int fd = new_eventfd(0);

			if (on)
				ASSERT_LE(0, repoll_stats_on(ep));
			ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, fd, kinds[i].events, i + 1,
					       kinds[i].flags));
			ASSERT_LE(0, repoll_stats_on(ep));
			post(fd);
			post(fd);
			EXPECT_EQ(1, ready(ep)) {
				TH_LOG("kind %zu", i);
			}
			EXPECT_COUNTS(fd, 2, 1, 0, 1, 0);
			ASSERT_EQ(0, del(ep, fd));
			EXPECT_EQ(0, record_of(fd).id);
			ASSERT_EQ(0, repoll_stats_off(ep));
		}
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(stats_mixed, record_ends_with_the_number_it_is_bound_to)
{
	int fd = new_eventfd(0), copy = MUST(fcntl(fd, F_DUPFD_CLOEXEC, 100));

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, bind_fd(fd, EPOLLIN));
	close(fd);
	post(copy);
	EXPECT_EQ(0, instance_stats().registrations);
	ASSERT_EQ(0, add(ep, copy, EPOLLIN));
	EXPECT_COUNTS(copy, 0, 0, 0, 0, 0);
}

TEST_F(stats_mixed, batches_are_counted)
{
	enum { FDS = 50 };
	struct repoll_op ops[FDS];

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int atomic = 0; atomic < 2; atomic++) {
		for (int i = 0; i < FDS; i++)
			ops[i] = ADD(new_eventfd(0), EPOLLIN | EPOLLET);
		ASSERT_EQ(FDS, batch(ops, FDS, atomic ? REPOLL_BATCH_ATOMIC : 0));
		EXPECT_EQ(FDS, instance_stats().registrations);
		for (int i = 0; i < FDS; i++)
			post(ops[i].fd);
		EXPECT_EQ(FDS, ready(ep));
		for (int i = 0; i < FDS; i++) {
			EXPECT_COUNTS(ops[i].fd, 1, 0, 0, 1, 0);
			ops[i] = DEL(ops[i].fd);
		}
		ASSERT_EQ(FDS, batch(ops, FDS, atomic ? REPOLL_BATCH_ATOMIC : 0));
		EXPECT_EQ(0, instance_stats().registrations);
	}
	/* One that fails leaves none behind. */
	ops[0] = ADD(new_eventfd(0), EPOLLIN);
	ops[1] = DEL(new_eventfd(0));
	ASSERT_EQ(0, batch(ops, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(0, instance_stats().registrations);
}

TEST_F(stats_mixed, waits_for_several_are_counted)
{
	int fds[3];
	struct epoll_event events[8];
	struct collector c;

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < 3; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLET));
	}
	EXPECT_EQ(0, wait_many(events, 8, 3, FOR_EVER, 10));
	EXPECT_EQ(1, instance_stats().empty);
	collector_start(&c, ep, 3, FOR_EVER, -1);
	for (int i = 0; i < 3; i++)
		post(fds[i]);
	EXPECT_EQ(3, waiter_join(&c.w));
	/* The batch of three; the sleep of that wait, and that of the one before. */
	EXPECT_EQ(1, instance_stats().batches[1]);
	EXPECT_EQ(2, instance_stats().sleeps);
	EXPECT_EQ(0, instance_stats().in_vain);
	for (int i = 0; i < 3; i++)
		EXPECT_COUNTS(fds[i], 1, 0, 0, 1, 0);
	/* What a look that finds too little takes off the list was woken in vain. */
	post(fds[0]);
	drain(fds[0]);
	EXPECT_EQ(0, wait_many(events, 8, 3, FOR_EVER, 10));
	/* The read made it writable, which nobody asked for. */
	EXPECT_COUNTS(fds[0], 2, 0, 1, 1, 1);
}

TEST_F(stats_mixed, notified_instances_are_counted)
{
	int fd = new_eventfd(0), efd = new_eventfd(0);

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, repoll_notify(ep, efd));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 1; i < 4; i++) {
		struct pollfd told = { .fd = efd, .events = POLLIN };

		post(fd);
		EXPECT_EQ(1, poll(&told, 1, 10000));
		drain(efd);
		EXPECT_EQ(1, ready(ep));
		EXPECT_COUNTS(fd, i, 0, 0, i, 0);
	}
}

TEST_F(stats_mixed, failed_add_leaves_no_record)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, repoll_stats_on(ep));
	EXPECT_EQ(-EPERM, add(ep, new_regular_file(), EPOLLIN));
	EXPECT_EQ(-EINVAL, add(ep, ep, EPOLLIN));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, instance_stats().registrations);
}

/* An instance that is watched: its own members, and itself as a member. */
TEST_F(stats_mixed, nested_instances_are_counted)
{
	int outer = ep, inner = create(), fd = new_eventfd(0);

	ASSERT_EQ(0, add(inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(outer, inner, EPOLLIN));
	ASSERT_EQ(0, repoll_stats_on(outer));
	ASSERT_EQ(0, repoll_stats_on(inner));
	post(fd);
	EXPECT_EQ(1, ready(outer));
	EXPECT_COUNTS(inner, 1, 0, 0, 1, 0);
	ep = inner;
	EXPECT_COUNTS(fd, 1, 0, 0, 0, 0);
	EXPECT_EQ(1, ready(inner));
	EXPECT_COUNTS(fd, 1, 0, 0, 1, 0);
	/* It is the outer instance that finds out that there is nothing. */
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(outer));
	EXPECT_COUNTS(fd, 2, 0, 1, 1, 1);
	ep = outer;
	EXPECT_COUNTS(inner, 2, 0, 0, 1, 1);
	close(inner);
}

TEST_F(stats_mixed, in_tree_instances_are_counted)
{
	int in_tree = MUST(epoll_create1(EPOLL_CLOEXEC)), fd = new_eventfd(0);
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, epoll_ctl(in_tree, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, add(ep, in_tree, EPOLLIN));
	EXPECT_EQ(0, ready(ep));
	EXPECT_COUNTS(in_tree, 0, 0, 0, 0, 0);
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(in_tree, 1, 0, 0, 1, 0);
	ASSERT_EQ(0, repoll_stats_off(ep));
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, repoll_stats_on(ep));
	EXPECT_EQ(1, ready(ep));
	EXPECT_COUNTS(in_tree, 0, 0, 0, 1, 0);
}

/* A file with two wait queues: a wakeup of either is one of its. */
TEST_F(stats_mixed, both_ends_of_a_pipe_are_counted)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, repoll_stats_on(ep));
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, fds[1], EPOLLOUT | EPOLLET));
	EXPECT_EQ(1, ready(ep));
	put_bytes(fds[1], 1);
	EXPECT_EQ(1, record_of(fds[0]).wakes);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, record_of(fds[0]).deliveries);
	EXPECT_EQ(1, record_of(fds[1]).deliveries);
}

TEST_HARNESS_MAIN
