// SPDX-License-Identifier: GPL-2.0
/* Timers: when their events come, in which order, how many, and by which waits. */
#include <poll.h>
#include <sys/timerfd.h>

#include "bad_input.h"
#include "timers.h"

REPOLL_FIXTURE(timer);

enum { MANY = 10000, TIMEOUT = 60000 };

static const int64_t HOUR = 3600 * NSEC_PER_SEC;

TEST_F(timer, event_comes_once)
{
	struct epoll_event event = {};

	ASSERT_EQ(0, set_timer(0x123456789abcdef0, 5 * NSEC_PER_MSEC, 0, 0));
	EXPECT_EQ(1, harvest(ep, &event, 1, TIMEOUT));
	EXPECT_EQ(EPOLLIN, event.events);
	EXPECT_EQ(0x123456789abcdef0, event.data.u64);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(-ENOENT, get_timer(0x123456789abcdef0).result);
	EXPECT_EQ(-ENOENT, cancel_timer(0x123456789abcdef0));
}

/* Never early, and no later than what a busy machine takes: a timerfd's own lateness beside it. */
TEST_F(timer, accuracy)
{
	int fd = MUST(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
	int64_t best = HOUR, best_fd = HOUR;

	for (int i = 0; i < 50; i++) {
		struct itimerspec spec = { .it_value.tv_nsec = 3 * NSEC_PER_MSEC };
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int64_t due, late;

		ASSERT_EQ(0, set_timer(i, 3 * NSEC_PER_MSEC, 0, 0));
		due = get_timer(i).expiry_ns;
		ASSERT_EQ(i, wait_data(TIMEOUT));
		late = now_ns() - due;
		EXPECT_LE(0, late);
		best = late < best ? late : best;

		due = now_ns() + 3 * NSEC_PER_MSEC;
		MUST(timerfd_settime(fd, 0, &spec, NULL));
		ASSERT_EQ(1, poll(&pfd, 1, TIMEOUT));
		late = now_ns() - due;
		best_fd = late < best_fd ? late : best_fd;
	}
	EXPECT_GT(best_fd + NSEC_PER_MSEC, best);
}

TEST_F(timer, in_order_of_expiry)
{
	static const int ms[] = { 40, 10, 30, 20, 10 };
	static const int order[] = { 1, 4, 3, 2, 0 };
	struct epoll_event events[ARRAY_SIZE(ms)];
	int64_t now = now_ns();

	for (size_t i = 0; i < ARRAY_SIZE(ms); i++)
		ASSERT_EQ(0, set_timer_at(i, CLOCK_MONOTONIC, now + ms[i] * NSEC_PER_MSEC));
	sleep_ms(60);
	ASSERT_EQ(ARRAY_SIZE(ms), harvest(ep, events, ARRAY_SIZE(events), 0));
	for (size_t i = 0; i < ARRAY_SIZE(ms); i++)
		EXPECT_EQ(order[i], events[i].data.u64);
}

/* Each wait that comes when it is due, in every way of waiting. */
TEST_F(timer, every_wait_returns_it)
{
	struct repoll_op op = { .op = EPOLL_CTL_ADD, .fd = new_eventfd(0), .events = EPOLLIN };
	struct timespec minute = { .tv_sec = 60 };
	struct epoll_event events[4];

	for (int way = 0; way < 5; way++) {
		int n = -1;

		events[0].data.u64 = ~0ULL;
		ASSERT_EQ(0, set_timer(way, 10 * NSEC_PER_MSEC, 0, 0));
		switch (way) {
		case 0:
			n = backend->wait(ep, events, 4, TIMEOUT);
			break;
		case 1:
			n = backend->pwait(ep, events, 4, TIMEOUT, NULL);
			break;
		case 2:
			n = backend->pwait2(ep, events, 4, &minute, NULL);
			break;
		case 3:
			n = repoll_batch_pwait(ep, &op, 1, 0, events, 4, TIMEOUT, NULL);
			break;
		case 4:
			n = advise(ep, (uintptr_t)events, REPOLL_FADVISE_WAIT | 4, TIMEOUT);
			break;
		}
		EXPECT_EQ(1, n);
		EXPECT_EQ(way, events[0].data.u64);
	}
}

TEST_F(timer, what_has_passed_fires_at_once)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		ASSERT_EQ(0, set_timer_at(i, clocks[i], now_by(clocks[i]) - 1));
		EXPECT_EQ(i, ready_data(ep));
		ASSERT_EQ(0, set_timer_at(i, clocks[i], 0));
		EXPECT_EQ(i, ready_data(ep));
		EXPECT_EQ(0, ready(ep));
	}
	ASSERT_EQ(0, set_timer(7, 0, 0, 0));
	EXPECT_EQ(7, ready_data(ep));
}

TEST_F(timer, each_clock)
{
	static const clockid_t clocks[] = { CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		int64_t due = now_by(clocks[i]) + 10 * NSEC_PER_MSEC;

		ASSERT_EQ(0, set_timer_at(i, clocks[i], due));
		EXPECT_EQ(clocks[i], get_timer(i).clock);
		EXPECT_EQ(due, get_timer(i).expiry_ns);
		EXPECT_EQ(i, wait_data(TIMEOUT));
		EXPECT_LE(due, now_by(clocks[i]));
	}
}

/* An absolute timer keeps to a clock that is set, a relative one does not know of it. */
TEST_F(timer, when_the_clock_is_set)
{
	struct timespec ts;

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, set_timer_at(1, CLOCK_REALTIME, now_by(CLOCK_REALTIME) + HOUR));
	struct repoll_timer relative = {
		.op = REPOLL_TIMER_SET, .clock = CLOCK_REALTIME, .id = 2, .expiry_ns = HOUR,
	};
	ASSERT_EQ(0, timer_op(&relative));
	EXPECT_EQ(CLOCK_MONOTONIC, get_timer(2).clock);
	MUST(clock_gettime(CLOCK_REALTIME, &ts));
	ts.tv_sec += 2 * 3600;
	MUST(clock_settime(CLOCK_REALTIME, &ts));
	EXPECT_EQ(1, wait_data(TIMEOUT));
	EXPECT_EQ(0, ready(ep));
	/* Back again: what was due by the later time is not by the earlier. */
	ASSERT_EQ(0, set_timer_at(3, CLOCK_REALTIME, now_by(CLOCK_REALTIME) - 1));
	MUST(clock_gettime(CLOCK_REALTIME, &ts));
	ts.tv_sec -= 2 * 3600;
	MUST(clock_settime(CLOCK_REALTIME, &ts));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, cancel_timer(3));
}

/* What was missed is counted, and one event says it all. */
TEST_F(timer, periodic_overruns_are_counted)
{
	struct repoll_timer timer;
	int64_t start = now_ns();

	ASSERT_EQ(0, set_timer(5, NSEC_PER_MSEC, NSEC_PER_MSEC, 0));
	sleep_ms(30);
	EXPECT_LE(30, get_timer(5).expirations + 1);
	EXPECT_EQ(1, ready(ep));
	timer = get_timer(5);
	EXPECT_EQ(0, timer.result);
	EXPECT_LE(29, timer.expirations);
	EXPECT_GE((now_ns() - start) / NSEC_PER_MSEC, timer.expirations);
	EXPECT_LT(start, timer.expiry_ns);
	EXPECT_EQ(NSEC_PER_MSEC, timer.interval_ns);
	/* No drift: the times are those of the beginning. */
	EXPECT_EQ(0, (get_timer(5).expiry_ns - timer.expiry_ns) % NSEC_PER_MSEC);
	for (int i = 0; i < 10; i++)
		EXPECT_EQ(5, wait_data(TIMEOUT));
	/* The first of them may have been due, and counted, already. */
	EXPECT_LE(timer.expirations + 9, get_timer(5).expirations);
	EXPECT_EQ(0, cancel_timer(5));
	sleep_ms(5);
	EXPECT_EQ(0, ready(ep));
}

/* However short the interval, a harvest has it once, and is not kept by it. */
TEST_F(timer, shortest_interval)
{
	ASSERT_EQ(0, set_timer(1, 0, 1, 0));
	ASSERT_EQ(0, set_timer(2, 0, 1, 0));
	ASSERT_EQ(0, set_timer(3, 0, 0, HOUR));
	EXPECT_EQ(3, ready(ep));
	EXPECT_EQ(2, ready(ep));
	EXPECT_LE(1, get_timer(1).expirations);
}

TEST_F(timer, set_anew)
{
	ASSERT_EQ(0, set_timer(1, HOUR, 0, 0));
	ASSERT_EQ(0, set_timer(1, 5 * NSEC_PER_MSEC, 0, 0));
	EXPECT_EQ(1, wait_data(TIMEOUT));
	ASSERT_EQ(0, set_timer(1, 5 * NSEC_PER_MSEC, 0, 0));
	ASSERT_EQ(0, set_timer(1, HOUR, 0, 0));
	sleep_ms(20);
	EXPECT_EQ(0, ready(ep));
	/* Also when it is due, by another clock, and from periodic to once. */
	ASSERT_EQ(0, set_timer(1, 0, 1000, 0));
	ASSERT_EQ(0, set_timer_at(1, CLOCK_BOOTTIME, now_by(CLOCK_BOOTTIME) + HOUR));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, get_timer(1).expirations);
	ASSERT_EQ(0, set_timer_at(1, CLOCK_REALTIME, 1));
	EXPECT_EQ(1, ready_data(ep));
	EXPECT_EQ(-ENOENT, cancel_timer(1));
}

TEST_F(timer, cancelled_in_time)
{
	ASSERT_EQ(0, set_timer(1, 0, 0, 0));
	ASSERT_EQ(0, set_timer(2, 0, 0, 0));
	ASSERT_EQ(0, cancel_timer(1));
	EXPECT_EQ(2, ready_data(ep));
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, set_timer(1, 5 * NSEC_PER_MSEC, 0, 0));
	ASSERT_EQ(0, cancel_timer(1));
	EXPECT_EQ(-ETIME, wait_data(20));
}

/* What there is no room for is for the next wait, and fds have their turn. */
TEST_F(timer, more_than_there_is_room_for)
{
	struct epoll_event events[3];
	int fd = new_eventfd(1), timers = 0, fds = 0;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int i = 0; i < 100; i++)
		ASSERT_EQ(0, set_timer(1000 + i, 0, 0, 0));
	for (int i = 0; i < 60; i++) {
		int n = harvest(ep, events, ARRAY_SIZE(events), 0);

		ASSERT_LE(1, n);
		for (int k = 0; k < n; k++) {
			if (events[k].data.u64 == (uint64_t)fd)
				fds++;
			else
				EXPECT_EQ(1000 + timers++, events[k].data.u64);
		}
	}
	EXPECT_EQ(100, timers);
	EXPECT_LE(40, fds);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(timer, nobody_starves)
{
	int fd = new_eventfd(1), fds = 0;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, set_timer(1000, 0, 1, 0));
	ASSERT_EQ(0, set_timer(1001, 0, 1, 0));
	for (int i = 0; i < 30; i++)
		fds += ready_data(ep) == fd;
	EXPECT_LE(10, fds);
	EXPECT_GE(20, fds);
}

/* Those that have not been stored are as if nobody had looked. */
TEST_F(timer, fault_loses_none)
{
	struct epoll_event *edge = edge_of_page();
	uint64_t seen = 0;

	for (int i = 0; i < 40; i++)
		ASSERT_EQ(0, set_timer(i, 0, i % 2 ? NSEC_PER_SEC : 0, 0));
	EXPECT_EQ(-EFAULT, harvest(ep, edge, 40, 0));
	EXPECT_EQ(35, harvest(ep, edge - 35, 40, 0));
	for (int i = 0; i < 35; i++)
		seen |= 1ULL << edge[i - 35].data.u64;
	for (int64_t id; (id = ready_data(ep)) >= 0 && id < 40;)
		seen |= 1ULL << id;
	EXPECT_EQ((1ULL << 40) - 1, seen);
}

/* Ten thousand, in one call; all at one instant, so that one interrupt has to do. */
TEST_F(timer, ten_thousand_at_once)
{
	struct repoll_timer *timers = calloc(MANY, sizeof(*timers));
	struct epoll_event *events = calloc(MANY, sizeof(*events));
	int64_t due = now_ns() + 200 * NSEC_PER_MSEC;
	int fd = new_eventfd(0), seen = 0;

	for (int i = 0; i < MANY; i++) {
		timers[i] = (struct repoll_timer){
			.op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .id = i,
			.flags = REPOLL_TIMER_ABSOLUTE, .expiry_ns = due, .result = 1,
		};
	}
	ASSERT_EQ(MANY, result(repoll_timers(ep, timers, MANY)));
	/* No fd was used, and nothing is registered. */
	EXPECT_EQ(fd + 1, new_eventfd(0));
	EXPECT_EQ(0, registrations(ep));
	/* One call to re-arm. */
	ASSERT_EQ(MANY, result(repoll_timers(ep, timers, MANY)));
	while (seen < MANY) {
		int n = harvest(ep, events, MANY, TIMEOUT);

		ASSERT_LT(0, n);
		EXPECT_LE(due, now_ns());
		for (int i = 0; i < n; i++)
			ASSERT_EQ(seen++, events[i].data.u64);
	}
	EXPECT_EQ(0, ready(ep));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, timers[i].result);
}

/* Timers whose slack meets are one wakeup, those without slack one each. */
TEST_F(timer, slack_brings_them_together)
{
	struct epoll_event events[20];

	for (int slack = 0; slack < 2; slack++) {
		int64_t begin = now_ns() + 20 * NSEC_PER_MSEC;
		int waits = 0, seen = 0;

		for (int i = 0; i < 20; i++) {
			struct repoll_timer timer = {
				.op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .id = i,
				.flags = REPOLL_TIMER_ABSOLUTE,
				.expiry_ns = begin + i * 10 * NSEC_PER_MSEC,
				.slack_ns = slack ? 600 * NSEC_PER_MSEC : 0,
			};

			ASSERT_EQ(0, timer_op(&timer));
		}
		for (; seen < 20; waits++) {
			int n = harvest(ep, events, ARRAY_SIZE(events), TIMEOUT);

			ASSERT_LT(0, n);
			for (int i = 0; i < n; i++)
				EXPECT_LE(begin + (int64_t)events[i].data.u64 * 10 * NSEC_PER_MSEC,
					  now_ns());
			seen += n;
		}
		TH_LOG("slack %d: %d waits", slack, waits);
		EXPECT_TRUE(slack ? waits <= 3 : waits >= 8);
		EXPECT_GE(begin + 1500 * NSEC_PER_MSEC, now_ns());
	}
}

TEST_HARNESS_MAIN
