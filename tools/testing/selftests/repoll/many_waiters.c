// SPDX-License-Identifier: GPL-2.0
/* Threads that wait for several events, beside others: who gets what, and nothing is lost. */
#include "many.h"
#include "workers.h"

REPOLL_FIXTURE(many_waiters);

static const unsigned int any_policy[] = { 0, LIFO, FIFO, ROUND };

/* Whichever came first, and whoever is woken first by the policy. */
TEST_F(many_waiters, plain_waiter_comes_first)
{
	for (size_t i = 0; i < 2 * ARRAY_SIZE(any_policy); i++) {
		int fds[3];
		struct collector c;
		struct waiter w;

		for (int j = 0; j < 3; j++) {
			fds[j] = new_eventfd(0);
			ASSERT_EQ(0, add_policy(ep, fds[j], EPOLLIN | EPOLLET, any_policy[i / 2]));
		}
		if (i % 2)
			waiter_start(&w, ep, -1);
		collector_start(&c, ep, 2, FOR_EVER, -1);
		if (i % 2 == 0)
			waiter_start(&w, ep, -1);
		post(fds[0]);
		EXPECT_EQ(1, waiter_join(&w));
		EXPECT_EQ((uint64_t)fds[0], w.event.data.u64);
		post(fds[1]);
		EXPECT_TRUE(still_collects(&c));
		post(fds[2]);
		EXPECT_EQ(2, waiter_join(&c.w));
		for (int j = 0; j < 3; j++)
			close(fds[j]);
	}
}

/* Plain waiters get these wakeups; what they leave is there for the collector. */
TEST_F(many_waiters, what_others_leave_is_heard_of)
{
	struct collector c;
	struct waiter w[2];
	int fds[2];

	for (int i = 0; i < 2; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN));
	}
	collector_start(&c, ep, 2, FOR_EVER, -1);
	waiters_start(w, 2, ep, -1);
	post(fds[0]);
	post(fds[1]);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
	EXPECT_EQ(2, waiter_join(&c.w));
}

TEST_F(many_waiters, each_event_goes_to_one)
{
	struct collector c[2];
	int fds[4], seen = 0;

	for (int i = 0; i < 4; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i));
	}
	for (int i = 0; i < 2; i++)
		collector_start(&c[i], ep, 2, FOR_EVER, -1);
	post(fds[0]);
	post(fds[1]);
	while (!waiter_done(&c[0].w) && !waiter_done(&c[1].w))
		sleep_ms(1);
	settle();
	EXPECT_NE(waiter_done(&c[0].w), waiter_done(&c[1].w));
	post(fds[2]);
	settle();
	EXPECT_NE(waiter_done(&c[0].w), waiter_done(&c[1].w));
	post(fds[3]);
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(2, waiter_join(&c[i].w));
		for (int j = 0; j < 2; j++)
			seen |= 1 << c[i].events[j].data.u64;
	}
	EXPECT_EQ(0xf, seen);
}

/* Each has its own number and its own delay. */
TEST_F(many_waiters, the_less_patient_comes_first)
{
	struct collector few, many;
	int fds[3];

	for (int i = 0; i < 3; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLET));
	}
	collector_start(&many, ep, 3, FOR_EVER, -1);
	collector_start(&few, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	post(fds[1]);
	EXPECT_EQ(2, waiter_join(&few.w));
	collector_start(&few, ep, 3, 20 * NSEC_PER_MSEC, -1);
	post(fds[2]);
	EXPECT_EQ(1, waiter_join(&few.w));
	settle();
	EXPECT_FALSE(waiter_done(&many.w));
	for (int i = 0; i < 3; i++)
		post(fds[i]);
	EXPECT_EQ(3, waiter_join(&many.w));
}

/* Its instance has the event, for up to the delay, and nobody else is woken for it. */
TEST_F(many_waiters, exclusive_event_is_taken)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		int other = create(), fd = new_eventfd(0);
		struct collector c;
		struct waiter w;

		ASSERT_EQ(0, add_policy(ep, fd, EXCLUSIVE, policies[i]));
		ASSERT_EQ(0, add_policy(other, fd, EXCLUSIVE, policies[i]));
		waiter_start(&w, other, policies[i] == FIFO ? -1 : 300);
		collector_start(&c, ep, 2, 20 * NSEC_PER_MSEC, -1);
		if (policies[i] == FIFO) {
			/* The other one has been idle longer. */
			post(fd);
			EXPECT_EQ(1, waiter_join(&w));
			drain(fd);
			waiter_start(&w, other, 300);
			EXPECT_FALSE(waiter_done(&c.w));
		}
		post(fd);
		EXPECT_EQ(1, waiter_join(&c.w));
		drain(fd);
		EXPECT_EQ(0, waiter_join(&w));
		close(other);
		close(fd);
	}
}

enum { SOURCES = 16, STOP = SOURCES, ROUNDS = 100, CONSUMERS = 4 };

struct exchange {
	int fds[SOURCES + 1];
	int taken;
	pthread_t threads[CONSUMERS];
};

/* Returns false when the consumers are to stop. */
static bool take(struct exchange *x, const struct epoll_event *events, int n)
{
	for (int i = 0; i < n; i++) {
		uint64_t count;

		if (events[i].data.u32 == STOP)
			return false;
		if (read(x->fds[events[i].data.u32], &count, sizeof(count)) == sizeof(count))
			__atomic_add_fetch(&x->taken, count, __ATOMIC_RELAXED);
	}
	return true;
}

static void *take_many(void *arg)
{
	struct epoll_event events[SOURCES + 1];
	unsigned int min = 2;
	int n;

	do {
		min = min % SOURCES + 1;
		n = MUST(repoll_wait_many(ep, events, SOURCES + 1, min, NSEC_PER_MSEC, -1));
	} while (take(arg, events, n));
	return NULL;
}

static void *take_any(void *arg)
{
	struct epoll_event events[2];

	while (take(arg, events, MUST(repoll_wait(ep, events, 2, -1))))
		;
	return NULL;
}

/* Nothing else happens until a round has been taken: were an event lost, it would not end. */
TEST_F(many_waiters, nothing_is_lost)
{
	struct exchange x = {};

	for (int i = 0; i <= STOP; i++) {
		x.fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, x.fds[i],
				      EPOLLIN | (i % 2 ? EPOLLET : 0), i));
	}
	for (int i = 0; i < CONSUMERS; i++)
		ASSERT_EQ(0, pthread_create(&x.threads[i], NULL, i % 2 ? take_any : take_many, &x));
	for (int round = 1; round <= ROUNDS; round++) {
		/* From one event to one of each. */
		int n = round % SOURCES + 1, before = __atomic_load_n(&x.taken, __ATOMIC_RELAXED);

		for (int i = 0; i < n; i++)
			post(x.fds[i]);
		while (__atomic_load_n(&x.taken, __ATOMIC_RELAXED) != before + n)
			sched_yield();
	}
	post(x.fds[STOP]);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(x.threads[i], NULL);
}

TEST_HARNESS_MAIN
