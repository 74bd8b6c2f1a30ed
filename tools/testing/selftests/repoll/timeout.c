// SPDX-License-Identifier: GPL-2.0
/* Timeouts: of milliseconds and of nanoseconds, never early, never losing an event. */
#include "waiter.h"

EVENTPOLL_FIXTURE(timeout);

/* epoll_pwait2() */
static int harvest_ns(struct epoll_event *event, int64_t sec, long nsec)
{
	struct timespec ts = { .tv_sec = sec, .tv_nsec = nsec };

	return result(backend->pwait2(ep, event, 1, &ts, NULL));
}

TEST_F(timeout, zero_does_not_sleep)
{
	struct epoll_event event;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	/* Would sleep for good if it slept. */
	for (int i = 0; i < 100; i++) {
		ASSERT_EQ(0, harvest(ep, &event, 1, 0));
		ASSERT_EQ(0, harvest_ns(&event, 0, 0));
	}
}

TEST_F(timeout, zero_returns_what_is_ready)
{
	struct epoll_event event;
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, harvest(ep, &event, 1, 0));
	EXPECT_EQ(1, harvest_ns(&event, 0, 0));
}

TEST_F(timeout, milliseconds_are_never_short)
{
	static const int timeouts[] = { 1, 2, 3, 5, 10, 17, 50, 100 };
	struct epoll_event event;

	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		int64_t start = now_ns();

		ASSERT_EQ(0, harvest(ep, &event, 1, timeouts[i]));
		EXPECT_LE(timeouts[i] * NSEC_PER_MSEC, now_ns() - start);
	}
}

TEST_F(timeout, nanoseconds_are_never_short)
{
	static const long timeouts[] = {
		1, 999, 1000, 50 * 1000, 999999, 1000001, 1500000, 10000001, 99999999,
	};
	struct epoll_event event;

	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		int64_t start = now_ns();

		ASSERT_EQ(0, harvest_ns(&event, 0, timeouts[i]));
		EXPECT_LE(timeouts[i], now_ns() - start);
	}
}

TEST_F(timeout, seconds_and_nanoseconds_add_up)
{
	struct epoll_event event;
	int64_t start = now_ns();

	ASSERT_EQ(0, harvest_ns(&event, 1, 1000001));
	EXPECT_LE(NSEC_PER_SEC + 1000001, now_ns() - start);
}

TEST_F(timeout, sub_millisecond_is_not_rounded_to_zero)
{
	struct epoll_event event;
	int64_t start = now_ns();

	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, harvest_ns(&event, 0, 500 * 1000));
	EXPECT_LE(20 * 500 * 1000, now_ns() - start);
}

TEST_F(timeout, any_negative_is_no_limit)
{
	static const int timeouts[] = { -1, -2, -1000, INT_MIN };
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		struct waiter w;

		waiter_start(&w, ep, timeouts[i]);
		settle();
		EXPECT_FALSE(waiter_done(&w));
		post(fd);
		EXPECT_EQ(1, waiter_join(&w));
		drain(fd);
	}
}

TEST_F(timeout, longest_of_milliseconds_waits)
{
	struct waiter w;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiter_start(&w, ep, INT_MAX);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
}

struct timed {
	const struct timespec *timeout;
	pid_t tid;
	int ret;
};

static void *wait_timespec(void *arg)
{
	struct timed *t = arg;
	struct epoll_event event;

	__atomic_store_n(&t->tid, gettid(), __ATOMIC_RELEASE);
	t->ret = result(backend->pwait2(ep, &event, 1, t->timeout, NULL));
	return NULL;
}

/* A pwait2() that must sleep, and end by an event. */
static int sleeps_until_event(int fd, const struct timespec *timeout)
{
	struct timed t = { .timeout = timeout };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_timespec, &t);
	while (!__atomic_load_n(&t.tid, __ATOMIC_ACQUIRE) ||
	       !sleeps_in_wait(getpid(), t.tid, ep))
		sleep_ms(1);
	post(fd);
	pthread_join(thread, NULL);
	drain(fd);
	return t.ret;
}

TEST_F(timeout, no_timespec_is_no_limit)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, sleeps_until_event(fd, NULL));
}

TEST_F(timeout, huge_timespecs_wait)
{
	static const struct timespec huge[] = {
		{ .tv_sec = INT_MAX },
		{ .tv_sec = INT64_MAX / NSEC_PER_SEC, .tv_nsec = 999999999 },
		{ .tv_sec = INT64_MAX / NSEC_PER_SEC + 1 },
		{ .tv_sec = INT64_MAX - 1, .tv_nsec = 999999999 },
		{ .tv_sec = INT64_MAX, .tv_nsec = 999999999 },
	};
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(huge); i++)
		EXPECT_EQ(1, sleeps_until_event(fd, &huge[i]));
}

TEST_F(timeout, invalid_timespec_gives_EINVAL)
{
	struct epoll_event event;
	int fd = new_eventfd(1);

	/* Whether or not anything is ready. */
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, harvest_ns(&event, -1, 0));
		EXPECT_EQ(-EINVAL, harvest_ns(&event, INT64_MIN, 0));
		EXPECT_EQ(-EINVAL, harvest_ns(&event, 0, -1));
		EXPECT_EQ(-EINVAL, harvest_ns(&event, 0, 1000000000));
		EXPECT_EQ(-EINVAL, harvest_ns(&event, 0, LONG_MAX));
		EXPECT_EQ(-EINVAL, harvest_ns(&event, 0, LONG_MIN));
		ASSERT_EQ(0, i ? 0 : add(ep, fd, EPOLLIN));
	}
}

TEST_F(timeout, timespec_is_not_written)
{
	struct timespec ts = { .tv_nsec = 3000000 };
	struct epoll_event event;
	int fd = new_eventfd(0);

	EXPECT_EQ(0, result(backend->pwait2(ep, &event, 1, &ts, NULL)));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	post(fd);
	EXPECT_EQ(1, result(backend->pwait2(ep, &event, 1, &ts, NULL)));
	EXPECT_EQ(0, ts.tv_sec);
	EXPECT_EQ(3000000, ts.tv_nsec);
}

TEST_F(timeout, unwanted_wakeups_do_not_shorten_it)
{
	struct waiter w;
	int64_t start;
	int fd = new_eventfd(0);

	/* Each post wakes the waiter, which then finds nothing. */
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	start = now_ns();
	waiter_start(&w, ep, 300);
	while (!waiter_done(&w)) {
		uint64_t count;

		post(fd);
		if (read(fd, &count, sizeof(count)) < 0)
			break;
		usleep(2000);
	}
	/* The waiter may have been quick enough to see one: not an early end. */
	if (!waiter_join(&w))
		EXPECT_LE(300 * NSEC_PER_MSEC, now_ns() - start);
}

static void *post_after(void *arg)
{
	int *args = arg;

	usleep(args[1]);
	post(args[0]);
	return NULL;
}

TEST_F(timeout, event_that_races_it_is_returned_or_kept)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 300; i++) {
		int args[] = { fd, 500 + i % 30 * 50 };
		struct epoll_event event;
		pthread_t thread;
		int n;

		ASSERT_EQ(0, pthread_create(&thread, NULL, post_after, args));
		n = harvest(ep, &event, 1, 1);
		pthread_join(thread, NULL);
		/* One edge, one event: by this wait or by the next. */
		ASSERT_EQ(1, n + ready(ep));
	}
}

/*
 * A wakeup goes to one waiter. When it is spent on a waiter whose time runs out
 * at that moment, that one must harvest, or another must be woken.
 */
TEST_F(timeout, waiter_that_times_out_does_not_swallow_a_wakeup)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int i = 0; i < 150; i++) {
		int args[] = { fd, i % 30 * 50 };
		struct waiter patient, timed;
		pthread_t thread;

		waiter_start(&patient, ep, -1);
		timed = (struct waiter){ .epfd = ep, .timeout = 1 };
		ASSERT_EQ(0, pthread_create(&timed.thread, NULL, waiter_main, &timed));
		ASSERT_EQ(0, pthread_create(&thread, NULL, post_after, args));
		pthread_join(thread, NULL);
		if (waiter_join(&timed) == 1)
			post(fd);
		/* A swallowed wakeup sleeps here until the harness ends the test. */
		ASSERT_EQ(1, waiter_join(&patient));
		ASSERT_EQ(0, ready(ep));
	}
}

TEST_HARNESS_MAIN
