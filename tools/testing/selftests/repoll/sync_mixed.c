// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_CTL_SYNC beside all else: other ways to delete, other flags, instances, batches;
 * and what it is not for.
 */
#include "batch.h"
#include "deleters.h"

REPOLL_FIXTURE(sync_mixed);

/* One that has the event of a registration, which is deleted while it has. */
#define EXPECT_DELETION_WAITS(holder, del) do {					\
	struct waiter deleter;							\
	EXPECT_EQ(1, holder_wait(holder, 0));					\
	del;									\
	syncer_start(&deleter, -1);						\
	EXPECT_SLEEPS(&deleter);						\
	EXPECT_EQ(0, holder_wait(holder, 0));					\
	EXPECT_EQ(0, waiter_join(&deleter));					\
} while (0)

TEST_F(sync_mixed, deleted_in_other_ways)
{
	int fd = new_eventfd(1), copy;
	struct repoll_op op = DEL(fd);
	struct holder holder;

	holder_start(&holder, 1);
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	EXPECT_DELETION_WAITS(&holder, EXPECT_EQ(0, del(ep, fd)));
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	EXPECT_DELETION_WAITS(&holder, EXPECT_EQ(1, batch(&op, 1, 0)));
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	EXPECT_DELETION_WAITS(&holder, EXPECT_EQ(1, batch(&op, 1, REPOLL_BATCH_ATOMIC)));
	/* The number is closed, the file is not. */
	copy = MUST(fcntl(fd, F_DUPFD_CLOEXEC, 100));
	ASSERT_LT(0, add_sync_flags(fd, EPOLLIN, REPOLL_CTL_BIND));
	EXPECT_DELETION_WAITS(&holder, close(fd));
	ASSERT_LT(0, add_sync(copy, EPOLLIN));
	EXPECT_DELETION_WAITS(&holder, close(copy));
	EXPECT_EQ(0, registrations(ep));
	holder_stop(&holder);
}

TEST_F(sync_mixed, with_other_flags)
{
	static const struct {
		unsigned int flags;
		uint32_t events;
	} kinds[] = {
		{ REPOLL_CTL_HANDOVER, EPOLLIN },
		{ REPOLL_CTL_TOKEN, EPOLLIN },
		{ REPOLL_CTL_BIND, EPOLLIN },
		{ REPOLL_CTL_HANDOVER | REPOLL_CTL_BIND | REPOLL_CTL_TOKEN, EPOLLIN },
		{ REPOLL_CTL_WAKE_FIFO, EPOLLIN | EPOLLEXCLUSIVE },
		{ REPOLL_CTL_WAKE_ROUND_ROBIN, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT },
		{ 0, EPOLLIN | EPOLLEXCLUSIVE },
		{ 0, EPOLLIN | EPOLLONESHOT },
		{ 0, EPOLLIN | EPOLLET },
		{ 0, EPOLLIN | EPOLLWAKEUP },
	};
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	holder_start(&holder, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++) {
		unsigned int flags = kinds[i].flags;

		ASSERT_LT(0, add_sync_flags(fd, kinds[i].events, flags));
		EXPECT_EQ(1, holder_wait(&holder, 0));
		if (flags & REPOLL_CTL_HANDOVER)
			EXPECT_EQ(0, ready(ep));
		deleter_start(&deleter, fd);
		EXPECT_SLEEPS(&deleter);
		EXPECT_EQ(0, holder_wait(&holder, 0));
		EXPECT_EQ(0, waiter_join(&deleter));
		EXPECT_EQ(0, registrations(ep));
	}
	/* By its token. */
	ASSERT_LT(0, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, 7,
			       REPOLL_CTL_SYNC | REPOLL_CTL_TOKEN));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(-ENOENT, ctl_flags(EPOLL_CTL_DEL, -1, 0, 8,
				     REPOLL_CTL_SYNC | REPOLL_CTL_TOKEN));
	EXPECT_EQ(0, holder_wait(&holder, 0) - 1);
	EXPECT_EQ(-ETIMEDOUT, sync_ms(0));
	holder_stop(&holder);
	EXPECT_EQ(0, ctl_flags(EPOLL_CTL_DEL, -1, 0, 7, REPOLL_CTL_SYNC | REPOLL_CTL_TOKEN));
	EXPECT_EQ(0, registrations(ep));
}

/* What a thread holds by REPOLL_CTL_HANDOVER it keeps, also when it deletes another one. */
TEST_F(sync_mixed, does_not_arm_what_is_handed_over)
{
	int fd = new_eventfd(1), other = new_eventfd(0);
	struct holder holder;

	ASSERT_LT(0, add_sync_flags(fd, EPOLLIN, REPOLL_CTL_HANDOVER));
	ASSERT_LT(0, add_sync(other, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del_sync(other));
	EXPECT_EQ(0, sync_ms(0));
	holder_start(&holder, 1);
	EXPECT_EQ(0, holder_wait(&holder, 0));
	EXPECT_EQ(1, ready(ep));
	holder_stop(&holder);
}

TEST_F(sync_mixed, of_instances)
{
	int inner[2] = { create(), MUST(epoll_create1(EPOLL_CLOEXEC)) }, outer = create();
	struct epoll_event event = { .events = EPOLLIN };
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	ASSERT_EQ(0, add(inner[0], fd, EPOLLIN));
	ASSERT_EQ(0, epoll_ctl(inner[1], EPOLL_CTL_ADD, fd, &event));
	holder_start(&holder, 1);
	for (int i = 0; i < 2; i++) {
		ASSERT_LT(0, add_sync(inner[i], EPOLLIN));
		EXPECT_EQ(1, holder_wait(&holder, 0));
		EXPECT_EQ(inner[i], holder.event.data.fd);
		deleter_start(&deleter, inner[i]);
		EXPECT_SLEEPS(&deleter);
		EXPECT_EQ(0, holder_wait(&holder, 0));
		EXPECT_EQ(0, waiter_join(&deleter));
	}
	/* A wait on an instance above is none on this one, nor does it deliver. */
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	ASSERT_EQ(0, add(outer, ep, EPOLLIN));
	EXPECT_EQ(1, ready(outer));
	EXPECT_EQ(0, sync_ms(0));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	deleter_start(&deleter, fd);
	EXPECT_EQ(0, ready(outer));
	EXPECT_SLEEPS(&deleter);
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&deleter));
	close(outer);
}

/* The call keeps the instance; its number is closed meanwhile. */
TEST_F(sync_mixed, instance_is_closed_meanwhile)
{
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	deleter_start(&deleter, fd);
	EXPECT_SLEEPS(&deleter);
	close(ep);
	settle();
	EXPECT_FALSE(waiter_done(&deleter));
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&deleter));
	/* And closed at work. */
	ep = create();
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	close(ep);
	holder_stop(&holder);
	ep = create();
}

TEST_F(sync_mixed, in_a_batch)
{
	int fd = new_eventfd(1);
	struct repoll_op op = ADD(fd, EPOLLIN), sync = DEL(fd);
	struct repoll_event event;

	op.flags = REPOLL_CTL_SYNC;
	sync.flags = REPOLL_CTL_SYNC;
	EXPECT_EQ(0, batch(&op, 1, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EINVAL, op.result);
	EXPECT_EQ(1, batch(&op, 1, 0));
	EXPECT_LT(0, op.result);
	EXPECT_EQ(1, repoll_wait_generations(ep, &event, 1, 0));
	EXPECT_EQ(op.result, event.generation);
	EXPECT_EQ(0, batch(&sync, 1, 0));
	EXPECT_EQ(-EINVAL, sync.result);
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(0, del_sync(fd));
}

TEST_F(sync_mixed, beside_what_else_looks)
{
	struct repoll_stats_record record = {};
	int fd = new_eventfd(1), told = new_eventfd(0);
	struct waiter deleter;
	struct holder holder;
	uint32_t cursor = 0;

	MUST(repoll_stats_on(ep));
	MUST(repoll_notify(ep, told));
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	ASSERT_EQ(0, repoll_timer_set(ep, 7, 1, 0));
	holder_start(&holder, 8);
	while (holder_wait(&holder, 0) != 2)
		sleep_ms(1);
	EXPECT_EQ(1, repoll_stats_read(ep, NULL, &record, 1, &cursor));
	EXPECT_LE(1U, record.deliveries);
	deleter_start(&deleter, fd);
	EXPECT_SLEEPS(&deleter);
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&deleter));
}

TEST_F(sync_mixed, errnos)
{
	int fd = new_eventfd(1), plain = new_eventfd(0);
	char before[1024], after[1024];

	/* There has been none of its kind. */
	EXPECT_EQ(0, sync_ms(-1));
	ASSERT_EQ(0, add(ep, plain, EPOLLIN));
	EXPECT_EQ(-EINVAL, del_sync(plain));
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	snapshot(ep, before, sizeof(before));
	EXPECT_EQ(-EINVAL, del_sync(plain));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_MOD, fd, EPOLLIN, fd, REPOLL_CTL_SYNC));
	EXPECT_EQ(-EINVAL, ctl_flags(4, fd, EPOLLIN, fd, REPOLL_CTL_SYNC));
	EXPECT_EQ(-EEXIST, add_sync(fd, EPOLLIN));
	EXPECT_EQ(-EPERM, add_sync(new_regular_file(), EPOLLIN));
	EXPECT_EQ(-EINVAL, add_sync(ep, EPOLLIN));
	EXPECT_EQ(-EBADF, add_sync(-1, EPOLLIN));
	EXPECT_EQ(-EBADF, del_sync(-1));
	EXPECT_EQ(-ENOENT, del_sync(new_eventfd(0)));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_DEL, -1, 0, 0,
				     REPOLL_CTL_SYNC | REPOLL_CTL_HANDOVER));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_DEL, fd, 0, 0,
				     REPOLL_CTL_SYNC | REPOLL_CTL_BIND));
	snapshot(ep, after, sizeof(after));
	EXPECT_STREQ(before, after);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del(ep, fd));
}

TEST_HARNESS_MAIN
