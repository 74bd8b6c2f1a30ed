// SPDX-License-Identifier: GPL-2.0
/* REPOLL_IOC_TIMER: what it refuses, and what it answers. */
#include "bad_input.h"
#include "timers.h"

REPOLL_FIXTURE(timer_input);

static const int64_t HOUR = 3600 * NSEC_PER_SEC;

TEST_F(timer_input, bad_input_changes_nothing)
{
	static const struct repoll_timer bad[] = {
		{ .op = 0 },
		{ .op = 4 },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .flags = 2 },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .flags = 1U << 31 },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .expiry_ns = 1ULL << 63 },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .interval_ns = ~0ULL },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .slack_ns = 1ULL << 63 },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_PROCESS_CPUTIME_ID },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_TAI },
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_REALTIME_ALARM },
		{ .op = REPOLL_TIMER_SET, .clock = ~0U },
		{ .op = REPOLL_TIMER_CANCEL, .flags = REPOLL_TIMER_ABSOLUTE },
		{ .op = REPOLL_TIMER_GET, .flags = REPOLL_TIMER_ABSOLUTE },
	};
	struct repoll_timers request = {};
	struct repoll_timer timer;

	ASSERT_EQ(0, set_timer(0, HOUR, 0, 0));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		timer = bad[i];
		EXPECT_EQ(-EINVAL, timer_op(&timer));
	}
	timer = (struct repoll_timer){ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC };
	request = (struct repoll_timers){ .timers = (uintptr_t)&timer, .nr_timers = 1, .flags = 1 };
	EXPECT_EQ(-EINVAL, result(ioctl(ep, REPOLL_IOC_TIMER, &request)));
	request = (struct repoll_timers){ .timers = (uintptr_t)&timer,
					  .nr_timers = REPOLL_TIMERS_MAX + 1 };
	EXPECT_EQ(-E2BIG, result(ioctl(ep, REPOLL_IOC_TIMER, &request)));
	for (int kind = 0; kind < POINTERS; kind++) {
		struct repoll_timer *array = bad_pointer(kind);

		if (kind != READ_ONLY) {
			EXPECT_EQ(-EFAULT, result(ioctl(ep, REPOLL_IOC_TIMER, array)));
			EXPECT_EQ(-EFAULT, result(repoll_timers(ep, array, 1)));
			EXPECT_EQ(0, result(repoll_timers(ep, array, 0)));
		}
	}
	EXPECT_EQ(0, get_timer(0).result);
	EXPECT_EQ(-ETIME, wait_data(0));
	/* The longest times there are. */
	ASSERT_EQ(0, set_timer(1, INT64_MAX, INT64_MAX, INT64_MAX));
	ASSERT_EQ(0, set_timer_at(2, CLOCK_REALTIME, INT64_MAX));
	EXPECT_EQ(-ETIME, wait_data(20));
	ASSERT_EQ(0, set_timer(1, 0, INT64_MAX, 0));
	EXPECT_EQ(1, ready_data(ep));
	EXPECT_EQ(-ETIME, wait_data(20));
}

/* An operation that fails is no obstacle to the others. */
TEST_F(timer_input, each_has_its_result)
{
	struct repoll_timer timers[] = {
		{ .op = REPOLL_TIMER_SET, .clock = CLOCK_MONOTONIC, .id = 1, .expiry_ns = HOUR },
		{ .op = REPOLL_TIMER_CANCEL, .id = 2 },
		{ .op = 77, .id = 1 },
		{ .op = REPOLL_TIMER_GET, .id = 1, .clock = 77 },
		{ .op = REPOLL_TIMER_CANCEL, .id = 1 },
		{ .op = REPOLL_TIMER_GET, .id = 1 },
	};

	EXPECT_EQ(3, result(repoll_timers(ep, timers, ARRAY_SIZE(timers))));
	EXPECT_EQ(0, timers[0].result);
	EXPECT_EQ(-ENOENT, timers[1].result);
	EXPECT_EQ(-EINVAL, timers[2].result);
	EXPECT_EQ(0, timers[3].result);
	EXPECT_EQ(CLOCK_MONOTONIC, timers[3].clock);
	EXPECT_EQ(0, timers[4].result);
	EXPECT_EQ(-ENOENT, timers[5].result);
}

TEST_F(timer_input, calls_for_one)
{
	EXPECT_EQ(-ENOENT, result(repoll_timer_cancel(ep, 3)));
	EXPECT_EQ(0, result(repoll_timer_set(ep, 3, HOUR, 0)));
	EXPECT_EQ(0, result(repoll_timer_set(ep, 3, 0, 0)));
	EXPECT_EQ(3, ready_data(ep));
	EXPECT_EQ(-EINVAL, result(repoll_timer_set(ep, 3, 1ULL << 63, 0)));
	EXPECT_EQ(-EBADF, result(repoll_timer_set(-1, 3, 0, 0)));
	EXPECT_EQ(-EINVAL, result(repoll_timer_set(new_eventfd(0), 3, 0, 0)));
}

TEST_F(timer_input, layout_is_that_of_every_program)
{
	EXPECT_EQ(56, sizeof(struct repoll_timer));
	EXPECT_EQ(16, sizeof(struct repoll_timers));
	EXPECT_EQ(52, offsetof(struct repoll_timer, result));
	EXPECT_EQ(0x4010e908, REPOLL_IOC_TIMER);
}

TEST_HARNESS_MAIN
