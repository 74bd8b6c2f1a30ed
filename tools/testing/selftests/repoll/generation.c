// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_WAIT_GENERATION: events that tell which registration they are of; and the requests
 * of REPOLL_IOC_SYNC and of such waits, as a hostile caller passes them.
 */
#include <linux/time_types.h>

#include "batch.h"
#include "deleters.h"

REPOLL_FIXTURE(generation);

static struct repoll_wait wait_of(void *events, int maxevents)
{
	return (struct repoll_wait){
		.events = (uintptr_t)events,
		.maxevents = maxevents,
		.flags = REPOLL_WAIT_GENERATION,
	};
}

static int wait_for(void *events, int maxevents)
{
	struct repoll_wait wait = wait_of(events, maxevents);

	return result(ioctl(ep, REPOLL_IOC_WAIT, &wait));
}

TEST_F(generation, tells_registrations_apart)
{
	int fd = new_eventfd(1), other = new_eventfd(1), last = 0;
	struct repoll_event event[3];

	for (int i = 0; i < 5; i++) {
		int generation = add_sync(fd, EPOLLIN);

		EXPECT_LT(last, generation);
		last = generation;
		EXPECT_EQ(1, wait_for(event, 3));
		EXPECT_EQ(EPOLLIN, event[0].events);
		EXPECT_EQ(fd, event[0].data);
		EXPECT_EQ(generation, event[0].generation);
		/* MOD leaves it. */
		EXPECT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLOUT));
		EXPECT_EQ(1, wait_for(event, 3));
		EXPECT_EQ(EPOLLIN | EPOLLOUT, event[0].events);
		EXPECT_EQ(generation, event[0].generation);
		EXPECT_EQ(0, i % 2 ? del(ep, fd) : del_sync(fd));
	}
	/* Those without, and timers, have none. */
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	ASSERT_EQ(0, repoll_timer_set(ep, 77, 1, 0));
	while (wait_for(event, 3) < 2)
		sleep_ms(1);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(0, event[i].generation);
		EXPECT_TRUE(event[i].data == 77 || event[i].data == (uint64_t)other);
	}
}

TEST_F(generation, many_in_order)
{
	enum { MANY = 100 };
	struct epoll_event plain[MANY];
	struct repoll_event events[MANY];
	int generations[MANY], fds[MANY];

	for (int i = 0; i < MANY; i++) {
		fds[i] = new_eventfd(1);
		generations[i] = i % 3 ? add_sync(fds[i], EPOLLIN) : add(ep, fds[i], EPOLLIN);
		ASSERT_LE(0, generations[i]);
	}
	EXPECT_EQ(MANY, wait_for(events, MANY));
	for (int i = 0; i < MANY; i++) {
		EXPECT_EQ(fds[i], events[i].data);
		EXPECT_EQ(EPOLLIN, events[i].events);
		EXPECT_EQ(generations[i], events[i].generation);
	}
	EXPECT_EQ(MANY, harvest(ep, plain, MANY, 0));
	for (int i = 0; i < MANY; i++)
		EXPECT_EQ(fds[i], plain[i].data.u64);
}

/* Also of an instance that has no such registration. */
TEST_F(generation, waits_of_all_kinds_store_it)
{
	struct repoll_event events[2] = {};
	struct repoll_wait wait = wait_of(events, 2);
	struct repoll_wait_many many = { .min_events = 1 };
	struct repoll_batch batch = { .wait = (uintptr_t)&wait };
	int fd = new_eventfd(1), generation = 0;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int i = 0; i < 2; i++) {
		const struct repoll_event expected = {
			.events = EPOLLIN, .data = fd, .generation = generation,
		};

		for (int kind = 0; kind < 5; kind++) {
			int ret = -1;

			memset(events, 0xff, sizeof(events));
			many.wait = wait;
			switch (kind) {
			case 0:
				ret = ioctl(ep, REPOLL_IOC_WAIT, &wait);
				break;
			case 1:
				many.min_events = 1;
				ret = ioctl(ep, REPOLL_IOC_WAIT_MANY, &many);
				break;
			case 2:
				many.min_events = 2;
				many.delay_ns = 1000000;
				many.wait.timeout = -1;
				ret = ioctl(ep, REPOLL_IOC_WAIT_MANY, &many);
				break;
			case 3:
				ret = ioctl(ep, REPOLL_IOC_BATCH, &batch);
				break;
			case 4:
				ret = repoll_wait_generations(ep, events, 2, -1);
				break;
			}
			EXPECT_EQ(1, ret);
			EXPECT_EQ(0, memcmp(&expected, events, sizeof(expected)));
			/* Nothing behind it has been written to. */
			EXPECT_EQ(~0ULL, events[1].data);
		}
		EXPECT_EQ(0, del(ep, fd));
		generation = add_sync(fd, EPOLLIN);
		ASSERT_LT(0, generation);
	}
}

static void *generation_waiter(void *arg)
{
	static struct repoll_event event;
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->ret = repoll_wait_generations(ep, &event, 1, -1);
	w->event.data.u64 = event.generation;
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

TEST_F(generation, of_a_wait_that_sleeps)
{
	int fd = new_eventfd(0), generation = add_sync(fd, EPOLLIN);
	struct waiter waiter = { .epfd = ep };

	ASSERT_LT(0, generation);
	waiter_run(&waiter, generation_waiter);
	EXPECT_SLEEPS(&waiter);
	post(fd);
	EXPECT_EQ(1, waiter_join(&waiter));
	EXPECT_EQ(generation, waiter.event.data.u64);
}

/* An event that cannot be stored is not lost, and nobody is at work with it. */
TEST_F(generation, faulting_store)
{
	struct repoll_event *end = (struct repoll_event *)edge_of_page();
	int fds[40];

	for (int i = 0; i < 40; i++) {
		fds[i] = new_eventfd(1);
		ASSERT_LT(0, add_sync(fds[i], EPOLLIN | EPOLLONESHOT));
	}
	EXPECT_EQ(-EFAULT, wait_for(end, 2));
	EXPECT_EQ(-EFAULT, wait_for((char *)end - 12, 2));
	EXPECT_EQ(35, wait_for(end - 35, 40));
	EXPECT_EQ(fds[34], end[-1].data);
	EXPECT_EQ(5, wait_for(end - 5, 5));
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(fds[35 + i], end[i - 5].data);
	EXPECT_EQ(0, wait_for(end - 5, 5));
	for (int kind = 0; kind < POINTERS; kind++) {
		EXPECT_EQ(0, mod(ep, fds[0], EPOLLIN | EPOLLONESHOT));
		EXPECT_EQ(-EFAULT, wait_for(bad_pointer(kind), 1));
	}
	EXPECT_EQ(1, wait_for(end - 1, 1));
}

TEST_F(generation, limits_of_a_wait)
{
	static struct repoll_event event;
	struct repoll_wait wait = wait_of(&event, 1);

	for (int maxevents = -1; maxevents <= 0; maxevents++)
		EXPECT_EQ(-EINVAL, wait_for(&event, maxevents));
	EXPECT_EQ(-EINVAL, wait_for(&event, INT_MAX));
	EXPECT_EQ(-EINVAL, wait_for(&event, INT_MAX / 16 + 1));
	EXPECT_EQ(-EINVAL, wait_for(&event, INT_MAX / 12));
	/* The address space of a 32-bit program ends where that of the kernel does not begin. */
	EXPECT_EQ(sizeof(long) == 8 ? -EFAULT : 0,
		  wait_for((void *)(~0UL - 64 * 1024), INT_MAX / 16));
	wait.flags |= 1U << 2;
	EXPECT_EQ(-EINVAL, result(ioctl(ep, REPOLL_IOC_WAIT, &wait)));
	wait.flags = REPOLL_WAIT_GENERATION;
	wait.reserved = 1;
	EXPECT_EQ(-EINVAL, result(ioctl(ep, REPOLL_IOC_WAIT, &wait)));
	EXPECT_EQ(0, wait_for(&event, 1));
}

static int call_sync(int64_t timeout, uint32_t flags, uint32_t reserved)
{
	struct repoll_sync sync = { .timeout = timeout, .flags = flags, .reserved = reserved };

	return result(ioctl(ep, REPOLL_IOC_SYNC, &sync));
}

TEST_F(generation, input_of_sync)
{
	struct __kernel_timespec time = { .tv_nsec = 20000000 };
	int64_t at = (uintptr_t)&time;
	int fd = new_eventfd(1);
	struct waiter syncer;
	struct holder holder;

	for (int round = 0; round < 2; round++) {
		for (int bit = 1; bit < 32; bit++)
			EXPECT_EQ(-EINVAL, call_sync(0, 1U << bit, 0));
		EXPECT_EQ(-EINVAL, call_sync(0, 0, 1));
		time.tv_nsec = 1000000000;
		EXPECT_EQ(-EINVAL, call_sync(at, REPOLL_SYNC_TIMESPEC, 0));
		time.tv_nsec = 20000000;
		for (int kind = UNMAPPED; kind <= KERNEL; kind++) {
			int64_t bad = (uintptr_t)bad_pointer(kind);

			EXPECT_EQ(-EFAULT, call_sync(bad, REPOLL_SYNC_TIMESPEC, 0));
			EXPECT_EQ(-EFAULT, result(ioctl(ep, REPOLL_IOC_SYNC, bad_pointer(kind))));
		}
		/* At first of an instance that never had such a registration. */
		EXPECT_EQ(0, call_sync(-1, 0, 0));
		EXPECT_EQ(0, call_sync(0, REPOLL_SYNC_TIMESPEC, 0));
		EXPECT_LE(0, add_sync(fd, EPOLLIN));
		if (round)
			break;
		EXPECT_EQ(0, del(ep, fd));
	}
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(-ETIMEDOUT, call_sync(0, 0, 0));
	EXPECT_EQ(-ETIMEDOUT, call_sync(20, 0, 0));
	EXPECT_EQ(-ETIMEDOUT, call_sync(at, REPOLL_SYNC_TIMESPEC, 0));
	EXPECT_EQ(-EINVAL, result(repoll_sync(fd, 0)));
	EXPECT_EQ(-EBADF, result(repoll_sync(-1, 0)));
	syncer_start(&syncer, INT_MAX);
	EXPECT_SLEEPS(&syncer);
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&syncer));
}

/* It ends at its timeout, and not before. */
TEST_F(generation, timeout_of_sync)
{
	struct timespec from, to;
	int fd = new_eventfd(1);
	struct holder holder;
	long ms;

	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	clock_gettime(CLOCK_MONOTONIC, &from);
	EXPECT_EQ(-ETIMEDOUT, sync_ms(100));
	clock_gettime(CLOCK_MONOTONIC, &to);
	ms = (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000;
	EXPECT_LE(99, ms);
	holder_stop(&holder);
}

TEST_F(generation, info_tells_of_it)
{
	struct repoll_info info;

	MUST(ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_NE(0, info.features & REPOLL_FEATURE_SYNC);
	EXPECT_NE(0, info.ctl_flags & REPOLL_CTL_SYNC);
	EXPECT_EQ(REPOLL_WAIT_TIMESPEC | REPOLL_WAIT_GENERATION, info.wait_flags);
	EXPECT_EQ(16U, sizeof(struct repoll_event));
	EXPECT_EQ(16U, sizeof(struct repoll_sync));
}

TEST_HARNESS_MAIN
