// SPDX-License-Identifier: GPL-2.0
/* Timers beside all else that an instance has: nesting, threads, other waits, limits. */
#include <poll.h>

#include "many.h"
#include "timers.h"
#include "workers.h"

REPOLL_FIXTURE(timer_mixed);

enum { TIMEOUT = 60000 };

static const int64_t HOUR = 3600 * NSEC_PER_SEC;

static int set_ms(uint64_t id, int ms)
{
	return set_timer(id, ms * NSEC_PER_MSEC, 0, 0);
}

/* Not before the test is where it wants to be. */
static void fire(uint64_t id)
{
	errno = -set_timer(id, 0, 0, 0);
	MUST(errno ? -1 : 0);
}

/* An instance that is watched, in-tree or by another one, and polled. */
TEST_F(timer_mixed, nested)
{
	const struct backend *outer[] = { &backend_epoll, &backend_repoll };
	struct pollfd pfd = { .fd = ep, .events = POLLIN };
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 7 };

	for (int i = 0; i < 4; i++) {
		const struct backend *by = outer[i % 2];
		int above = MUST(by->create1(EPOLL_CLOEXEC));

		event.events = i < 2 ? EPOLLIN : EPOLLIN | EPOLLET;
		MUST(by->ctl(above, EPOLL_CTL_ADD, ep, &event));
		EXPECT_EQ(0, by->wait(above, &event, 1, 0));
		ASSERT_EQ(0, set_ms(1, 10));
		EXPECT_EQ(1, by->wait(above, &event, 1, TIMEOUT));
		EXPECT_EQ(7, event.data.u64);
		EXPECT_EQ(1, poll(&pfd, 1, 0));
		EXPECT_EQ(i < 2, by->wait(above, &event, 1, 0));
		EXPECT_EQ(1, ready_data(ep));
		EXPECT_EQ(0, by->wait(above, &event, 1, 0));
		EXPECT_EQ(0, poll(&pfd, 1, 0));
		fire(2);
		EXPECT_EQ(1, by->wait(above, &event, 1, 0));
		/* Cancelled: the poll finds nothing, and arms it for what is to come. */
		ASSERT_EQ(0, set_ms(3, 10));
		ASSERT_EQ(0, cancel_timer(2));
		EXPECT_LE(0, by->wait(above, &event, 1, 0));
		EXPECT_EQ(1, poll(&pfd, 1, TIMEOUT));
		EXPECT_EQ(1, by->wait(above, &event, 1, TIMEOUT));
		EXPECT_EQ(3, ready_data(ep));
		close(above);
	}
}

static int worker_woken_by_timer(void)
{
	int nothing = new_eventfd(1), worker;

	fire(1);
	worker = woken_worker(nothing);
	close(nothing);
	return worker;
}

/* Each timer wakes a thread of its own, and the last to come first, or the first. */
TEST_F(timer_mixed, wakes_in_the_order_of_the_policy)
{
	int fd = new_eventfd(0);

	for (int fifo = 0; fifo < 2; fifo++) {
		if (fifo)
			ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN, FIFO));
		for (int i = 0; i < WORKERS; i++) {
			eps[i] = ep;
			start_worker(i);
		}
		for (int i = 0; i < WORKERS; i++)
			EXPECT_EQ(fifo ? i : WORKERS - 1 - i, worker_woken_by_timer());
	}
}

TEST_F(timer_mixed, as_many_threads_as_timers_are_woken)
{
	struct waiter w[WORKERS];
	int64_t due;
	int seen = 0;

	waiters_start(w, WORKERS, ep, -1);
	due = now_ns() + 30 * NSEC_PER_MSEC;
	for (int i = 0; i < WORKERS; i++)
		ASSERT_EQ(0, set_timer_at(i, CLOCK_MONOTONIC, due));
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_EQ(1, waiter_join(&w[i]));
		seen |= 1 << w[i].event.data.u64;
	}
	EXPECT_EQ((1 << WORKERS) - 1, seen);
}

/* One who waits for several events counts each timer as one, and needs no fewer. */
TEST_F(timer_mixed, wait_many_counts_timers)
{
	struct collector c;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	collector_start(&c, ep, 4, FOR_EVER, -1);
	fire(1);
	settle();
	post(fd);
	settle();
	ASSERT_EQ(0, set_ms(2, 5));
	EXPECT_TRUE(still_collects(&c));
	ASSERT_EQ(0, set_ms(3, 5));
	EXPECT_EQ(4, waiter_join(&c.w));
	EXPECT_TRUE(has_event(c.events, 4, 1) && has_event(c.events, 4, 2) &&
		    has_event(c.events, 4, 3) && has_event(c.events, 4, fd));

	/* Those that expire while it waits, with nobody who does anything. */
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, set_ms(i, 20 + 20 * i));
	collector_start(&c, ep, 4, FOR_EVER, -1);
	EXPECT_EQ(4, waiter_join(&c.w));

	/* The delay after the first; and the end of the time. */
	ASSERT_EQ(0, set_ms(1, 10));
	EXPECT_EQ(1, wait_many(c.events, 8, 4, 20 * NSEC_PER_MSEC, TIMEOUT));
	ASSERT_EQ(0, set_ms(1, 10));
	EXPECT_EQ(1, wait_many(c.events, 8, 4, FOR_EVER, 50));
	ASSERT_EQ(0, set_timer(1, HOUR, 0, 0));
	EXPECT_EQ(0, wait_many(c.events, 8, 4, FOR_EVER, 20));
}

/* A timer that was cancelled, or taken, in between is none. */
TEST_F(timer_mixed, wait_many_looks_again)
{
	struct collector c;

	collector_start(&c, ep, 2, FOR_EVER, -1);
	fire(1);
	settle();
	ASSERT_EQ(0, cancel_timer(1));
	fire(2);
	settle();
	EXPECT_EQ(2, ready_data(ep));
	fire(3);
	EXPECT_TRUE(still_collects(&c));
	fire(4);
	EXPECT_EQ(2, waiter_join(&c.w));
	EXPECT_EQ(3, c.events[0].data.u64);
	EXPECT_EQ(4, c.events[1].data.u64);
}

/* Somebody before it is woken for three timers that expire together, and takes one. */
TEST_F(timer_mixed, wait_many_hears_of_what_others_leave)
{
	struct collector c;
	struct waiter w;
	int64_t due;

	collector_start(&c, ep, 2, FOR_EVER, -1);
	waiter_start(&w, ep, -1);
	due = now_ns() + 30 * NSEC_PER_MSEC;
	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, set_timer_at(i, CLOCK_MONOTONIC, due));
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ(2, waiter_join(&c.w));
}

TEST_F(timer_mixed, notifies)
{
	int efd = new_eventfd(0);
	struct pollfd pfd = { .fd = efd, .events = POLLIN };

	ASSERT_EQ(0, result(repoll_notify(ep, efd)));
	for (int i = 0; i < 3; i++) {
		ASSERT_EQ(0, set_ms(i, 10));
		EXPECT_EQ(1, poll(&pfd, 1, TIMEOUT));
		drain(efd);
		EXPECT_EQ(i, ready_data(ep));
		EXPECT_EQ(0, poll(&pfd, 1, 20));
	}
}

TEST_F(timer_mixed, beside_statistics)
{
	struct repoll_stats_instance stats;
	unsigned int cursor = 0;

	ASSERT_EQ(0, result(repoll_stats_on(ep)));
	fire(1);
	EXPECT_EQ(1, ready_data(ep));
	ASSERT_EQ(0, result(repoll_stats_read(ep, &stats, NULL, 0, &cursor)));
	EXPECT_EQ(0, stats.registrations);
	EXPECT_EQ(1, stats.batches[0]);
}

/* Ids are no tokens, and no fds. */
TEST_F(timer_mixed, ids_are_their_own)
{
	int fd = new_eventfd(1);
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 5 };

	ASSERT_EQ(0, result(repoll_ctl_flags(ep, EPOLL_CTL_ADD, fd, &event, REPOLL_CTL_TOKEN)));
	ASSERT_EQ(0, set_timer(5, HOUR, 0, 0));
	EXPECT_EQ(-ENOENT, cancel_timer(fd == 5 ? 6 : fd));
	ASSERT_EQ(0, cancel_timer(5));
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, set_timer(5, HOUR, 0, 0));
	ASSERT_EQ(0, result(repoll_ctl_flags(ep, EPOLL_CTL_DEL, -1, &event, REPOLL_CTL_TOKEN)));
	EXPECT_EQ(0, get_timer(5).result);
	EXPECT_EQ(0, ready(ep));
}

/* A timer is of the instance: it survives the fd it was set by, and the process. */
TEST_F(timer_mixed, belongs_to_the_instance)
{
	int copy = MUST(dup(ep)), status;
	pid_t pid = MUST(fork());

	if (!pid) {
		close(copy);
		fire(1);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	close(ep);
	ep = copy;
	EXPECT_EQ(1, ready_data(ep));
}

#define SYSCTL	"/proc/sys/fs/repoll/max_user_watches"

enum { LIMIT = 8, USER = 64323 };

static void write_limit(long limit)
{
	FILE *file = fopen(SYSCTL, "we");

	MUST(file ? fprintf(file, "%ld\n", limit) : -1);
	MUST(fclose(file));
}

FIXTURE(timer_quota) {
	long limit;
};

FIXTURE_SETUP(timer_quota)
{
	FILE *file = fopen(SYSCTL, "re");

	backend = &backend_repoll;
	MUST(file && fscanf(file, "%ld", &self->limit) == 1 ? fclose(file) : -1);
	ASSERT_EQ(0, setresuid(USER, 0, 0));
	write_limit(LIMIT);
	ep = create();
	ASSERT_LE(0, ep);
}

/* By the parent: also when the test was killed. */
FIXTURE_TEARDOWN_PARENT(timer_quota)
{
	write_limit(self->limit);
}

static int set_until_refused(struct __test_metadata *_metadata)
{
	for (int i = 0; i <= LIMIT; i++) {
		int ret = set_timer(i, HOUR, 0, 0);

		if (ret) {
			EXPECT_EQ(-ENOSPC, ret);
			return i;
		}
	}
	return LIMIT + 1;
}

/* The clock is one watch, each timer another; all are given back. */
TEST_F(timer_quota, timers_are_watches)
{
	for (int how = 0; how < 4; how++) {
		ASSERT_EQ(LIMIT - 1, set_until_refused(_metadata)) {
			TH_LOG("way %d did not give back", how - 1);
		}
		EXPECT_EQ(-ENOSPC, add(ep, new_eventfd(0), EPOLLIN));
		EXPECT_EQ(-ENOENT, get_timer(LIMIT - 1).result);
		/* Those that are there can be set anew. */
		for (int i = 0; i < LIMIT - 1; i++)
			ASSERT_EQ(0, set_timer(i, how ? 0 : HOUR, 0, 0));
		switch (how) {
		case 0:
			for (int i = 0; i < LIMIT - 1; i++)
				ASSERT_EQ(0, cancel_timer(i));
			break;
		case 1:
			EXPECT_EQ(LIMIT - 1, ready(ep));
			break;
		default:
			close(ep);
			ep = create();
			ASSERT_LE(0, ep);
		}
	}
}

TEST_HARNESS_MAIN
