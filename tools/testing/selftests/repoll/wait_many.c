// SPDX-License-Identifier: GPL-2.0
/* Waiting for several events: when it ends, and with what. */
#include <linux/time_types.h>
#include <poll.h>

#include "bad_input.h"
#include "many.h"

REPOLL_FIXTURE(wait_many);

enum { FDS = 4 };

static struct epoll_event events[8];

/* Watches FDS files that are not ready. */
static void add_all(int *fds, uint32_t mask)
{
	for (int i = 0; i < FDS; i++) {
		fds[i] = new_eventfd(0);
		errno = -add(ep, fds[i], mask);
		MUST(errno ? -1 : 0);
	}
}

TEST_F(wait_many, ends_when_there_are_enough)
{
	struct collector c;
	int fds[FDS];
	long sleeps;

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 3, FOR_EVER, -1);
	sleeps = sleeps_of(&c);
	post(fds[0]);
	post(fds[1]);
	EXPECT_TRUE(still_collects(&c));
	/* Nor was it woken. */
	EXPECT_EQ(sleeps, sleeps_of(&c));
	post(fds[2]);
	EXPECT_EQ(3, waiter_join(&c.w));
	for (int i = 0; i < 3; i++)
		EXPECT_TRUE(has_event(c.events, 3, fds[i]));
}

/* An event is what one registration is ready for, however much that is. */
TEST_F(wait_many, counts_a_registration_once)
{
	struct collector c;
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	collector_start(&c, ep, 2, FOR_EVER, -1);
	for (int i = 0; i < 5; i++)
		post(fds[0]);
	EXPECT_TRUE(still_collects(&c));
	post(fds[1]);
	EXPECT_EQ(2, waiter_join(&c.w));
}

TEST_F(wait_many, ends_some_time_after_the_first)
{
	const uint64_t delay = 60 * NSEC_PER_MSEC;
	struct collector c;
	int64_t start;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 3, delay, -1);
	start = now_ns();
	post(fds[0]);
	EXPECT_EQ(1, waiter_join(&c.w));
	EXPECT_LE(delay, now_ns() - start);
	EXPECT_EQ((uint64_t)fds[0], c.events[0].data.u64);
}

/* The second event does not make the first one wait longer. */
TEST_F(wait_many, delay_is_that_of_the_first)
{
	struct collector c;
	int64_t start, ns;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 3, NSEC_PER_SEC, -1);
	start = now_ns();
	post(fds[0]);
	sleep_ms(800);
	post(fds[1]);
	EXPECT_EQ(2, waiter_join(&c.w));
	ns = now_ns() - start;
	EXPECT_LE(NSEC_PER_SEC, ns);
	EXPECT_GT(NSEC_PER_SEC + 800 * NSEC_PER_MSEC, ns);
}

TEST_F(wait_many, timeout_comes_before_the_delay)
{
	int64_t start = now_ns();
	int fds[FDS];

	add_all(fds, EPOLLIN);
	EXPECT_EQ(0, wait_many(events, 8, 2, FOR_EVER, 30));
	EXPECT_LE(30 * NSEC_PER_MSEC, now_ns() - start);
	post(fds[0]);
	start = now_ns();
	EXPECT_EQ(1, wait_many(events, 8, 2, FOR_EVER, 30));
	EXPECT_LE(30 * NSEC_PER_MSEC, now_ns() - start);
	start = now_ns();
	EXPECT_EQ(1, wait_many(events, 8, 2, 1000 * NSEC_PER_SEC, 30));
	EXPECT_LE(30 * NSEC_PER_MSEC, now_ns() - start);
}

/* What arrives while it sleeps, and not enough, when the timeout expires. */
TEST_F(wait_many, timeout_takes_what_came_meanwhile)
{
	struct collector c;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 3, FOR_EVER, 300);
	post(fds[2]);
	EXPECT_EQ(1, waiter_join(&c.w));
}

TEST_F(wait_many, zero_timeout_takes_what_there_is)
{
	int fds[FDS];

	add_all(fds, EPOLLIN);
	EXPECT_EQ(0, wait_many(events, 8, 2, FOR_EVER, 0));
	post(fds[0]);
	EXPECT_EQ(1, wait_many(events, 8, 2, FOR_EVER, 0));
}

TEST_F(wait_many, what_is_there_counts)
{
	int64_t start;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	post(fds[0]);
	post(fds[1]);
	EXPECT_EQ(2, wait_many(events, 8, 2, FOR_EVER, -1));
	/* It is level-triggered, so it counts again, and the delay begins with the call. */
	start = now_ns();
	EXPECT_EQ(2, wait_many(events, 8, 3, 40 * NSEC_PER_MSEC, -1));
	EXPECT_LE(40 * NSEC_PER_MSEC, now_ns() - start);
	/* What has been read is ready no more. */
	drain(fds[0]);
	EXPECT_EQ(1, wait_many(events, 8, 2, FOR_EVER, 20));
}

TEST_F(wait_many, without_delay_it_is_a_plain_wait)
{
	struct collector c;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 3, 0, -1);
	post(fds[0]);
	EXPECT_EQ(1, waiter_join(&c.w));
	collector_start(&c, ep, 1, FOR_EVER, -1);
	EXPECT_EQ(1, waiter_join(&c.w));
}

TEST_F(wait_many, room_limits_how_many_are_waited_for)
{
	int fds[FDS];

	add_all(fds, EPOLLIN);
	post(fds[0]);
	post(fds[1]);
	EXPECT_EQ(2, wait_many(events, 2, UINT32_MAX, FOR_EVER, -1));
	EXPECT_EQ(1, wait_many(events, 1, 2, FOR_EVER, -1));
}

TEST_F(wait_many, ready_at_ADD_and_MOD_counts)
{
	struct collector c;
	int in = new_eventfd(0), late = new_eventfd(1);

	ASSERT_EQ(0, add(ep, in, EPOLLIN | EPOLLET));
	collector_start(&c, ep, 2, FOR_EVER, -1);
	ASSERT_EQ(0, add(ep, late, EPOLLIN | EPOLLET));
	EXPECT_TRUE(still_collects(&c));
	ASSERT_EQ(0, mod(ep, in, EPOLLOUT | EPOLLET));
	EXPECT_EQ(2, waiter_join(&c.w));
}

/* A thread waits for two. It has heard of two: of the first, which has been read since. */
static void collect_after_a_rumour(struct collector *c, int *fds)
{
	add_all(fds, EPOLLIN | EPOLLET);
	collector_start(c, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	drain(fds[0]);
	post(fds[1]);
}

TEST_F(wait_many, what_has_gone_does_not_count)
{
	struct collector c;
	int fds[FDS];

	/* Read, deleted, closed: of each it has heard. */
	collect_after_a_rumour(&c, fds);
	EXPECT_TRUE(still_collects(&c));
	ASSERT_EQ(0, del(ep, fds[1]));
	post(fds[2]);
	EXPECT_TRUE(still_collects(&c));
	close(fds[2]);
	post(fds[3]);
	EXPECT_TRUE(still_collects(&c));
	post(fds[0]);
	EXPECT_EQ(2, waiter_join(&c.w));
	EXPECT_TRUE(has_event(c.events, 2, fds[0]));
	EXPECT_TRUE(has_event(c.events, 2, fds[3]));
}

/* As many as it waits for, but not all are there: it looks, and sleeps again. */
TEST_F(wait_many, what_was_heard_is_forgotten_by_a_look)
{
	struct collector c;
	int fds[FDS];

	collect_after_a_rumour(&c, fds);
	settle();
	for (int i = 0; i < 100 && !waiter_sleeps(&c.w); i++)
		sleep_ms(1);
	EXPECT_TRUE(waiter_sleeps(&c.w));
	post(fds[2]);
	EXPECT_EQ(2, waiter_join(&c.w));
}

/* A delay that began with what turned out to be nothing begins anew. */
TEST_F(wait_many, delay_over_without_an_event)
{
	struct collector c;
	int fds[FDS];

	add_all(fds, EPOLLIN);
	collector_start(&c, ep, 2, 20 * NSEC_PER_MSEC, -1);
	for (int i = 0; i < 3; i++) {
		post(fds[0]);
		drain(fds[0]);
		settle();
		EXPECT_FALSE(waiter_done(&c.w));
	}
	post(fds[0]);
	EXPECT_EQ(1, waiter_join(&c.w));
}

TEST_F(wait_many, takes_nothing_before_it_ends)
{
	struct collector c;
	struct pollfd pfd = { .fd = ep, .events = POLLIN };
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLONESHOT);
	collector_start(&c, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	settle();
	EXPECT_EQ(1, poll(&pfd, 1, 0));
	/* It is whoever's who asks. */
	EXPECT_EQ(fds[0], ready_data(ep));
	post(fds[1]);
	EXPECT_TRUE(still_collects(&c));
	post(fds[2]);
	EXPECT_EQ(2, waiter_join(&c.w));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(wait_many, fault_loses_nothing)
{
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	post(fds[0]);
	post(fds[1]);
	EXPECT_EQ(-EFAULT, wait_many(bad_pointer(READ_ONLY), 8, 2, FOR_EVER, -1));
	EXPECT_EQ(2, wait_many(events, 8, 2, FOR_EVER, -1));
}

static void interrupt(const struct collector *c)
{
	MUST(syscall(SYS_tgkill, getpid(), c->w.tid, SIGUSR1));
}

TEST_F(wait_many, signal_ends_it_with_what_there_is)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct collector c;
	int fds[FDS];

	MUST(sigaction(SIGUSR1, &action, NULL));
	add_all(fds, EPOLLIN | EPOLLET);
	collector_start(&c, ep, 2, FOR_EVER, -1);
	interrupt(&c);
	EXPECT_EQ(-EINTR, waiter_join(&c.w));
	collector_start(&c, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	EXPECT_TRUE(still_collects(&c));
	interrupt(&c);
	EXPECT_EQ(1, waiter_join(&c.w));
}

TEST_F(wait_many, signal_mask_is_that_of_the_wait)
{
	struct sigaction action = { .sa_handler = on_alarm };
	sigset_t set, none, now;
	int fds[FDS];

	MUST(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	add_all(fds, EPOLLIN);
	MUST(raise(SIGUSR1));
	EXPECT_EQ(-EINTR, result(repoll_pwait_many(ep, events, 8, 2, FOR_EVER, -1, &none)));
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
	MUST(raise(SIGUSR1));
	post(fds[0]);
	EXPECT_EQ(1, result(repoll_pwait_many(ep, events, 8, 2, FOR_EVER, -1, &none)));
}

TEST_F(wait_many, nested_instances_count_once)
{
	struct epoll_event in = { .events = EPOLLIN };
	struct collector c;
	int inner = create(), foreign = MUST(epoll_create1(EPOLL_CLOEXEC)), fds[FDS];

	add_all(fds, EPOLLIN);
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, add(inner, fds[i], EPOLLIN));
	MUST(epoll_ctl(foreign, EPOLL_CTL_ADD, fds[2], &in));
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, del(ep, fds[i]));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	ASSERT_EQ(0, add(ep, foreign, EPOLLIN));
	collector_start(&c, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	post(fds[1]);
	EXPECT_TRUE(still_collects(&c));
	post(fds[2]);
	EXPECT_EQ(2, waiter_join(&c.w));
	EXPECT_TRUE(has_event(c.events, 2, inner));
	EXPECT_TRUE(has_event(c.events, 2, foreign));
}

static struct repoll_wait_many good_request(void)
{
	return (struct repoll_wait_many){
		.wait = { .events = (uintptr_t)events, .maxevents = 8 }, .min_events = 2,
	};
}

static int call(const struct repoll_wait_many *request)
{
	return result(ioctl(ep, REPOLL_IOC_WAIT_MANY, request));
}

TEST_F(wait_many, bad_input_gives_its_errno_and_changes_nothing)
{
	static const struct __kernel_timespec negative = { -1, 0 };
	struct repoll_wait_many bad[10];
	uint64_t mask = 0;
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	post(fds[0]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good_request();
	bad[0].min_events = 0;
	bad[1].reserved = 1;
	bad[2].wait.reserved = 1;
	bad[3].wait.flags = ~REPOLL_WAIT_TIMESPEC;
	bad[4].wait.maxevents = 0;
	bad[5].wait.flags = REPOLL_WAIT_TIMESPEC;
	bad[5].wait.timeout = (uintptr_t)&negative;
	bad[6].wait.sigmask = (uintptr_t)&mask;
	bad[6].wait.sigsetsize = 1;
	bad[7].wait.flags = REPOLL_WAIT_TIMESPEC;
	bad[7].wait.timeout = (uintptr_t)bad_pointer(NO_ACCESS);
	bad[8].wait.sigmask = (uintptr_t)bad_pointer(NO_ACCESS);
	bad[8].wait.sigsetsize = SIGSET_SIZE;
	bad[9].wait.events = (uintptr_t)bad_pointer(KERNEL);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(i < 7 ? -EINVAL : -EFAULT, call(&bad[i])) {
			TH_LOG("request %zu", i);
		}
	}
	for (int kind = 0; kind < READ_ONLY; kind++)
		EXPECT_EQ(-EFAULT, call(bad_pointer(kind)));
	/* Zeros: room for nothing, and nothing to wait for. */
	EXPECT_EQ(-EINVAL, call(bad_pointer(READ_ONLY)));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(wait_many, numbers_of_any_size)
{
	static const uint64_t delays[] = {
		1, NSEC_PER_SEC, UINT32_MAX, INT64_MAX - 1, INT64_MAX,
		(uint64_t)INT64_MAX + 1, UINT64_MAX - 1, UINT64_MAX,
	};
	static const uint32_t counts[] = { 2, INT32_MAX, (uint32_t)INT32_MAX + 1, UINT32_MAX };
	int fds[FDS];

	add_all(fds, EPOLLIN);
	post(fds[0]);
	for (size_t i = 0; i < ARRAY_SIZE(delays); i++) {
		for (size_t j = 0; j < ARRAY_SIZE(counts); j++) {
			struct repoll_wait_many request = good_request();

			request.wait.timeout = 2;
			request.min_events = counts[j];
			request.delay_ns = delays[i];
			EXPECT_EQ(1, call(&request));
		}
	}
}

TEST_F(wait_many, info_and_library)
{
	struct repoll_info info = {};
	int fd = new_eventfd(0);

	MUST(ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_TRUE(info.features & REPOLL_FEATURE_WAIT_MANY);
	EXPECT_EQ(-EINVAL, wait_many(events, 8, 0, 0, 0));
	EXPECT_EQ(-EINVAL, result(repoll_wait_many(fd, events, 8, 1, 0, 0)));
	EXPECT_EQ(-EBADF, result(repoll_wait_many(-1, events, 8, 1, 0, 0)));
}

TEST_HARNESS_MAIN
