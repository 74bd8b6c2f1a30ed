// SPDX-License-Identifier: GPL-2.0
/* Consumers and producers of one ready ring, all at once. */

#include <poll.h>

#include "rings.h"
#include "waiter.h"

enum { FDS = 16, CONSUMERS = 3, PRODUCERS = 2, POSTS = 3000 };

static int fds[FDS];
static long taken[FDS];		/* what consumers have read, by all of them */
static bool stop;

REPOLL_FIXTURE(ring_race);

static void take(const struct epoll_event *event)
{
	uint64_t count;

	/* Somebody else may have read it: an event is as old as its wakeup. */
	if (read(fds[event->data.u64], &count, sizeof(count)) == sizeof(count))
		__atomic_add_fetch(&taken[event->data.u64], count, __ATOMIC_RELAXED);
}

static void *consume(void *arg)
{
	struct epoll_event events[4];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		int n = repoll_ring_wait(&ring, events, ARRAY_SIZE(events), 20);

		for (int i = 0; i < n; i++)
			take(&events[i]);
	}
	return arg;
}

static void *produce(void *arg)
{
	for (int i = 0; i < POSTS; i++)
		post(fds[i % FDS]);
	return arg;
}

static long all_taken(void)
{
	long sum = 0;

	for (int i = 0; i < FDS; i++)
		sum += __atomic_load_n(&taken[i], __ATOMIC_RELAXED);
	return sum;
}

/* All that is written is told of, and so is read: also if the ring is too small. */
static void no_event_is_lost(struct __test_metadata *_metadata, unsigned int entries,
			     uint32_t flags)
{
	pthread_t threads[CONSUMERS + PRODUCERS];

	new_ring(entries);
	for (int i = 0; i < FDS; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | flags, i));
	}
	for (int i = 0; i < CONSUMERS + PRODUCERS; i++) {
		errno = pthread_create(&threads[i], NULL, i < CONSUMERS ? consume : produce, NULL);
		MUST(errno ? -1 : 0);
	}
	for (int i = CONSUMERS; i < CONSUMERS + PRODUCERS; i++)
		pthread_join(threads[i], NULL);
	/* The harness limits the time. */
	while (all_taken() < PRODUCERS * POSTS)
		sleep_ms(1);
	EXPECT_EQ(PRODUCERS * POSTS, all_taken());
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, enter(0));
}

TEST_F(ring_race, edge)
{
	no_event_is_lost(_metadata, 16, EPOLLET);
}

TEST_F(ring_race, edge_in_a_small_ring)
{
	no_event_is_lost(_metadata, 8, EPOLLET);
}

TEST_F(ring_race, level)
{
	no_event_is_lost(_metadata, 16, 0);
}

TEST_F(ring_race, level_in_a_small_ring)
{
	no_event_is_lost(_metadata, 8, 0);
}

/* Each event is one consumer's. */
static long pops[FDS];

static void *pop_each(void *arg)
{
	struct epoll_event event;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		while (repoll_ring_pop(&ring, &event))
			__atomic_add_fetch(&pops[event.data.u64], 1, __ATOMIC_RELAXED);
	return arg;
}

TEST_F(ring_race, each_event_is_taken_once)
{
	enum { ROUNDS = 500 };
	pthread_t threads[CONSUMERS];

	new_ring(FDS);
	for (int i = 0; i < FDS; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i));
	}
	for (int i = 0; i < CONSUMERS; i++) {
		errno = pthread_create(&threads[i], NULL, pop_each, NULL);
		MUST(errno ? -1 : 0);
	}
	for (int round = 1; round <= ROUNDS; round++) {
		for (int i = 0; i < FDS; i++)
			post(fds[i]);
		for (int i = 0; i < FDS; i++)
			while (__atomic_load_n(&pops[i], __ATOMIC_RELAXED) < round)
				sched_yield();
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < CONSUMERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < FDS; i++)
		EXPECT_EQ(ROUNDS, pops[i]);
}

/* After DEL has returned, nobody takes an event of it. */
static uint64_t dead;	/* registrations up to this one have ended */
static long stale;

static void *pop_live(void *arg)
{
	struct epoll_event event;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t ended = __atomic_load_n(&dead, __ATOMIC_ACQUIRE);

		while (repoll_ring_pop(&ring, &event)) {
			if (event.data.u64 <= ended)
				__atomic_add_fetch(&stale, 1, __ATOMIC_RELAXED);
			ended = __atomic_load_n(&dead, __ATOMIC_ACQUIRE);
		}
	}
	return arg;
}

static void *post_always(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		post(fds[0]);
	return arg;
}

TEST_F(ring_race, del_is_final)
{
	enum { DELS = 5000 };
	pthread_t threads[3];

	new_ring(8);
	fds[0] = new_eventfd(0);
	for (int i = 0; i < 3; i++) {
		errno = pthread_create(&threads[i], NULL, i ? pop_live : post_always, NULL);
		MUST(errno ? -1 : 0);
	}
	for (uint64_t i = 1; i <= DELS; i++) {
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[0], EPOLLIN, i));
		ASSERT_EQ(0, del(ep, fds[0]));
		__atomic_store_n(&dead, i, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, stale);
	EXPECT_EQ(0, enter(0));
}

TEST_HARNESS_MAIN
