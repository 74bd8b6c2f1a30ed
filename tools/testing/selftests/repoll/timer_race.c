// SPDX-License-Identifier: GPL-2.0
/* Timers that are set, cancelled and closed while they expire, by several threads. */
#include <pthread.h>

#include "many.h"
#include "timers.h"

REPOLL_FIXTURE(timer_race);

/* No more than so many, and no more than there is time for. */
enum { THREADS = 3, IDS = 6000, ROUNDS = 300, SECONDS = 10 };

static unsigned char events_of[THREADS * IDS];	/* how many were returned */
static bool cancelled[THREADS * IDS];
static long last[THREADS];			/* behind the last id of the thread */
static int64_t end;
static long set, returned;
static bool stop;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_ACQUIRE);
}

static void *run_set_and_cancel(void *arg)
{
	long first = (long)arg * IDS;
	unsigned int seed = first + 1;

	last[(long)arg] = first + IDS;
	for (long id = first; id < first + IDS; id++) {
		int ret;

		if (now_ns() > end) {
			last[(long)arg] = id;
			break;
		}
		MUST(result(repoll_timer_set(ep, id, rand_r(&seed) % 60000, 0)));
		for (int i = rand_r(&seed) % 200; i > 0; i--)
			__asm__ volatile("" ::: "memory");
		if (rand_r(&seed) % 4 == 0)
			sched_yield();
		ret = cancel_timer(id);
		cancelled[id] = !ret;
		errno = -ret;
		MUST(ret && ret != -ENOENT ? -1 : 0);
	}
	return NULL;
}

static void take(struct epoll_event *events, int n)
{
	MUST(n);
	for (int i = 0; i < n; i++)
		__atomic_add_fetch(&events_of[events[i].data.u64], 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&returned, n, __ATOMIC_RELAXED);
}

static void *run_harvest(void *arg)
{
	struct epoll_event events[8];

	while (!stopped()) {
		int n = arg ? repoll_wait_many(ep, events, 8, 4, NSEC_PER_MSEC, 2)
			    : repoll_wait(ep, events, 2, 2);

		take(events, n);
	}
	return NULL;
}

static void start_all(pthread_t *threads, void *(*run)(void *), bool numbered)
{
	for (long i = 0; i < THREADS; i++) {
		errno = pthread_create(&threads[i], NULL, run, (void *)(numbered ? i : i == 2));
		MUST(errno ? -1 : 0);
	}
}

static void join_all(pthread_t *threads)
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* A timer is cancelled, or its event is returned: never both, and never neither. */
TEST_F(timer_race, cancel_is_exact)
{
	pthread_t setters[THREADS], harvesters[THREADS];
	struct epoll_event events[64];
	int wrong = 0, fired = 0, all = 0;

	end = now_ns() + SECONDS * NSEC_PER_SEC;
	start_all(harvesters, run_harvest, false);
	start_all(setters, run_set_and_cancel, true);
	join_all(setters);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	join_all(harvesters);
	EXPECT_EQ(0, harvest(ep, events, ARRAY_SIZE(events), 0));
	for (long i = 0; i < THREADS; i++) {
		for (long id = i * IDS; id < last[i]; id++, all++) {
			wrong += events_of[id] != !cancelled[id];
			fired += events_of[id];
		}
	}
	EXPECT_EQ(0, wrong);
	TH_LOG("%d of %d fired", fired, all);
	EXPECT_LT(0, fired);
	EXPECT_GT(all, fired);
}

static void *run_set(void *arg)
{
	unsigned int seed = (long)arg;
	struct repoll_timer timers[20];

	for (int round = 0; round < ROUNDS && now_ns() < end; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(timers); i++) {
			timers[i] = (struct repoll_timer){
				.op = REPOLL_TIMER_SET,
				.clock = i % 3 ? i % 3 == 1 ? CLOCK_BOOTTIME : CLOCK_MONOTONIC
					       : CLOCK_REALTIME,
				.id = (long)arg * 10 + i,	/* half of them are others' too */
				.expiry_ns = rand_r(&seed) % 100000,
				.interval_ns = i % 4 ? 0 : 50000,
				.slack_ns = i % 5 ? 0 : 100000,
			};
		}
		MUST(result(repoll_timers(ep, timers, ARRAY_SIZE(timers))));
		__atomic_add_fetch(&set, ARRAY_SIZE(timers), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* None is lost: those that were set last all fire, and no more than were set. */
TEST_F(timer_race, rearmed_while_they_fire)
{
	pthread_t setters[THREADS], harvesters[THREADS];
	struct epoll_event events[64];
	long until;

	end = now_ns() + SECONDS * NSEC_PER_SEC;
	start_all(harvesters, run_harvest, false);
	start_all(setters, run_set, true);
	join_all(setters);
	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	join_all(harvesters);
	memset(events_of, 0, sizeof(events_of));
	for (int id = 0; id < 10 * THREADS + 10; id++)
		ASSERT_EQ(0, set_timer(id, id * 100000, 0, 0));
	until = returned + 10 * THREADS + 10;
	while (returned < until) {
		int n = harvest(ep, events, ARRAY_SIZE(events), 60000);

		ASSERT_LT(0, n);
		take(events, n);
	}
	for (int id = 0; id < 10 * THREADS + 10; id++)
		EXPECT_EQ(1, events_of[id]);
	EXPECT_EQ(0, ready(ep));
}

/* The instance goes while its timers are about to fire, or do, and a thread waits. */
TEST_F(timer_race, closed_while_armed)
{
	unsigned int seed = 1;

	end = now_ns() + SECONDS * NSEC_PER_SEC;
	for (int round = 0; round < ROUNDS && now_ns() < end; round++) {
		struct waiter w = {};
		bool waits = round % 10 == 0;
		int above = -1;

		close(ep);
		ep = create();
		ASSERT_LE(0, ep);
		if (round % 3 == 0) {
			above = create();
			ASSERT_EQ(0, add(above, ep, EPOLLIN));
		}
		if (waits)
			waiter_start(&w, ep, 20);
		for (int i = 0; i < 50; i++)
			ASSERT_EQ(0, set_timer(i, rand_r(&seed) % 100000, i % 2 ? 1000 : 0, 0));
		if (round % 2)
			ready(ep);
		if (waits) {
			close(MUST(dup(ep)));
			waiter_join(&w);
		}
		if (above >= 0)
			close(above);
	}
}

/* Setters are as many as can be, and each wait that sleeps is woken by what it should. */
TEST_F(timer_race, ping_pong)
{
	for (int i = 0; i < 2000; i++) {
		ASSERT_EQ(0, set_timer(i, i % 7 * 10000, 0, i % 3 * 1000));
		ASSERT_EQ(i, wait_data(60000));
	}
}

TEST_HARNESS_MAIN
