// SPDX-License-Identifier: GPL-2.0
/* Statistics that are switched on and off, and read, while everything else goes on. */
#include <pthread.h>

#include "stats.h"

enum { FDS = 70 };	/* more than one chunk of records */

static int fds[FDS];
static bool stop;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

REPOLL_FIXTURE(stats_race);

static void *write_to_all(void *unused)
{
	while (!stopped()) {
		for (int i = 0; i < FDS; i++)
			post(fds[i]);
	}
	return unused;
}

static void *take_events(void *unused)
{
	struct epoll_event events[16];
	uint64_t count;

	while (!stopped()) {
		int n = harvest(ep, events, ARRAY_SIZE(events), 1);

		MUST(n);
		for (int i = 0; i < n; i++) {
			if (read(events[i].data.fd, &count, sizeof(count)) < 0)
				MUST(errno == EAGAIN ? 0 : -1);
		}
	}
	return unused;
}

static void *end_and_begin_registrations(void *unused)
{
	while (!stopped()) {
		for (int i = 0; i < FDS; i += 3) {
			MUST(del(ep, fds[i]) ? -1 : 0);
			MUST(add(ep, fds[i], EPOLLIN) ? -1 : 0);
		}
	}
	return unused;
}

static void *switch_on_and_off(void *unused)
{
	while (!stopped()) {
		MUST(repoll_stats_on(ep));
		sched_yield();
		MUST(repoll_stats_off(ep));
	}
	return unused;
}

static void *read_all(void *unused)
{
	struct repoll_stats_record records[FDS];
	struct repoll_stats_instance instance;

	while (!stopped()) {
		int n = repoll_stats_read(ep, &instance, records, FDS, NULL);

		/* What is read is whole, whatever else goes on. */
		for (int i = 0; i < n; i++) {
			MUST(records[i].merged <= records[i].wakes ? 0 : -1);
			MUST(records[i].queued <= records[i].deliveries ? 0 : -1);
			MUST(records[i].waker == REPOLL_WAKER_NONE ||
			     records[i].waker_pid == getpid() ? 0 : -1);
		}
		if (n < 0)
			MUST(errno == ENODATA ? 0 : -1);
	}
	return unused;
}

/* Runs them, and others that write and that take events, for a while. */
static void run(struct __test_metadata *_metadata, void *(*const *threads)(void *), int n)
{
	pthread_t ids[8], writer, taker;

	for (int i = 0; i < FDS; i++)
		ASSERT_EQ(0, add(ep, fds[i] = new_eventfd(0), EPOLLIN));
	ASSERT_EQ(0, pthread_create(&writer, NULL, write_to_all, NULL));
	ASSERT_EQ(0, pthread_create(&taker, NULL, take_events, NULL));
	for (int i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, threads[i], NULL));
	sleep_ms(1500);
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		pthread_join(ids[i], NULL);
	pthread_join(writer, NULL);
	pthread_join(taker, NULL);
}

static void take_all(void)
{
	while (ready(ep)) {
		for (int i = 0; i < FDS; i++)
			empty(fds[i]);
	}
}

TEST_F(stats_race, switched_and_read_under_load)
{
	static void *(*const threads[])(void *) = {
		switch_on_and_off, switch_on_and_off, read_all, end_and_begin_registrations,
	};

	run(_metadata, threads, ARRAY_SIZE(threads));
	/* All is in order: what is counted now is exact. */
	take_all();
	repoll_stats_off(ep);
	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < FDS; i++) {
		post(fds[i]);
		EXPECT_EQ(1, ready(ep));
		drain(fds[i]);
		EXPECT_EQ(0, ready(ep));
		EXPECT_COUNTS(fds[i], 1, 0, 1, 1, 0);
	}
	EXPECT_EQ(FDS, instance_stats().registrations);
}

TEST_F(stats_race, no_wakeup_is_missed_while_on)
{
	static void *(*const threads[])(void *) = { read_all };
	uint64_t wakes = 0, deliveries = 0, queued = 0;
	struct repoll_stats_instance instance;

	ASSERT_EQ(0, repoll_stats_on(ep));
	run(_metadata, threads, ARRAY_SIZE(threads));
	take_all();
	for (int i = 0; i < FDS; i++) {
		struct repoll_stats_record record = record_of(fds[i]);

		/* Each wakeup came to an end in one of these ways. */
		EXPECT_EQ(record.wakes, record.merged + record.queued + record.spurious);
		wakes += record.wakes;
		deliveries += record.deliveries;
		queued += record.queued;
	}
	instance = instance_stats();
	EXPECT_LT(0, wakes);
	EXPECT_LE(queued, deliveries);
	EXPECT_EQ(queued, sum(instance.latencies, REPOLL_STATS_LATENCIES));
}

TEST_HARNESS_MAIN
