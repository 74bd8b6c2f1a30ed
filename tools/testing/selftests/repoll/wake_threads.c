// SPDX-License-Identifier: GPL-2.0
/*
 * Wake policies: the order in which threads of one instance are woken; and what is
 * left of it when queues go away, and when threads race.
 */
#include <poll.h>

#include "workers.h"

REPOLL_FIXTURE(wake_threads);

static void start_threads(void)
{
	for (int i = 0; i < WORKERS; i++) {
		eps[i] = ep;
		start_worker(i);
	}
}

TEST_F(wake_threads, orders_threads_of_one_instance)
{
	static const unsigned int all[] = { 0, LIFO, FIFO, ROUND };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		bool newest = all[i] == 0 || all[i] == LIFO;
		int fd = new_eventfd(0);

		ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN | EPOLLET, all[i]));
		start_threads();
		for (int j = 0; j < 2 * WORKERS; j++) {
			int next = newest ? WORKERS - 1 : j % WORKERS;

			EXPECT_NEXT_WORKER(next, fd);
			start_worker(next);
		}
		for (int j = 0; j < WORKERS; j++)
			EXPECT_NEXT_WORKER(newest ? WORKERS - 1 - j : j, fd);
		ASSERT_EQ(0, del(ep, fd));
	}
}

TEST_F(wake_threads, is_that_of_each_registration)
{
	int old = new_eventfd(0), new = new_eventfd(0);

	ASSERT_EQ(0, add_policy(ep, old, EPOLLIN | EPOLLET, FIFO));
	ASSERT_EQ(0, add(ep, new, EPOLLIN | EPOLLET));
	start_threads();
	EXPECT_NEXT_WORKER(0, old);
	EXPECT_NEXT_WORKER(3, new);
	EXPECT_NEXT_WORKER(1, old);
	EXPECT_NEXT_WORKER(2, new);
}

TEST_F(wake_threads, holds_for_what_is_ready_at_add_and_mod)
{
	int fd = new_eventfd(1);

	start_threads();
	ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN | EPOLLET, FIFO));
	EXPECT_EQ(1, waiter_join(&workers[0]));
	ASSERT_EQ(0, mod_policy(ep, fd, EPOLLIN | EPOLLET, ROUND));
	EXPECT_EQ(1, waiter_join(&workers[1]));
	ASSERT_EQ(0, mod(ep, fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(1, waiter_join(&workers[3]));
	/* A level event goes on to the next of them. */
	ASSERT_EQ(0, mod_policy(ep, fd, EPOLLIN, FIFO));
	EXPECT_EQ(1, waiter_join(&workers[2]));
}

TEST_F(wake_threads, of_a_nested_instance_orders_threads_above)
{
	int inner = create(), fd = new_eventfd(0);

	ASSERT_LE(0, inner);
	ASSERT_EQ(0, add(inner, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add_policy(ep, inner, EPOLLIN | EPOLLET, FIFO));
	start_threads();
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_NEXT_WORKER(i, fd);
		EXPECT_EQ(0, ready(inner));
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

/* A signal has woken the longest waiter: the event is for the next. */
TEST_F(wake_threads, event_goes_past_an_interrupted_thread)
{
	struct waiter w[2];
	int fd = new_eventfd(0);

	signal(SIGUSR1, on_signal);
	ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN | EPOLLET, FIFO));
	for (int round = 0; round < 100; round++) {
		int events = 0;

		waiter_start(&w[0], ep, -1);
		waiter_start(&w[1], ep, -1);
		pthread_kill(w[0].thread, SIGUSR1);
		post(fd);
		/* It may have been quick enough to take the event first. */
		if (waiter_join(&w[0]) == 1)
			post(fd), events++;
		events += waiter_join(&w[1]);
		ASSERT_EQ(w[0].ret == 1 ? 2 : 1, events);
		while (ready(ep))
			;
	}
}

/* A signalfd's queue is that of the process that added it, see pollfree.c. */
TEST_F(wake_threads, hooks_that_POLLFREE_took_off_do_not_move)
{
	struct epoll_event event;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		int fd = new_signalfd(SIGUSR1);
		pid_t child;

		for (int j = 0; j < WORKERS; j++)
			eps[j] = MUST(backend->create1(EPOLL_CLOEXEC));
		child = MUST(fork());
		if (!child) {
			for (int j = 0; j < WORKERS; j++)
				add_policy(eps[j], fd, EXCLUSIVE, policies[i]);
			_exit(0);
		}
		MUST(waitpid(child, NULL, 0));
		kill(getpid(), SIGUSR1);
		for (int j = 0; j < WORKERS; j++) {
			EXPECT_EQ(1, registrations(eps[j]));
			/* Delivered, and then waited for again. */
			EXPECT_EQ(0, mod_policy(eps[j], fd, EXCLUSIVE | EPOLLONESHOT,
						policies[i]));
			EXPECT_EQ(1, harvest(eps[j], &event, 1, 0));
			EXPECT_EQ(0, harvest(eps[j], &event, 1, 1));
			close(eps[j]);
		}
		empty(fd);
		close(fd);
	}
}

TEST_F(wake_threads, moves_race_with_POLLFREE)
{
	struct epoll_event event;

	for (int round = 0; round < 40; round++) {
		unsigned int policy = policies[1 + round % 2];
		int fd = new_signalfd(SIGUSR1), added = new_eventfd(0);
		struct pollfd is_added = { .fd = added, .events = POLLIN };
		pid_t child;

		eps[0] = MUST(backend->create1(EPOLL_CLOEXEC));
		child = MUST(fork());
		if (!child) {
			add_policy(eps[0], fd, EXCLUSIVE, policy);
			post(added);
			_exit(0);
		}
		kill(getpid(), SIGUSR1);
		while (poll(&is_added, 1, 0) != 1)
			sched_yield();
		for (int i = 0; i < 50; i++) {
			mod_policy(eps[0], fd, EXCLUSIVE | EPOLLONESHOT, policy);
			harvest(eps[0], &event, 1, 0);
			harvest(eps[0], &event, 1, i % 10 == 9);
		}
		MUST(waitpid(child, NULL, 0));
		empty(fd);
		close(eps[0]);
		close(fd);
		close(added);
	}
}

enum { RACING_FDS = 4, RACE_MS = 500 };

struct race {
	int fds[RACING_FDS];
	bool stop;
};

static bool race_goes_on(struct race *race)
{
	return !__atomic_load_n(&race->stop, __ATOMIC_RELAXED);
}

static void *race_wait(void *arg)
{
	struct epoll_event event;
	struct race *race = arg;

	for (unsigned int i = gettid(); race_goes_on(race); i++) {
		if (harvest(eps[i % WORKERS], &event, 1, 1) == 1)
			empty(event.data.u64);
	}
	return NULL;
}

static void *race_post(void *arg)
{
	struct race *race = arg;
	uint64_t one = 1;

	for (unsigned int i = 0; race_goes_on(race); i++)
		MUST(write(race->fds[i % RACING_FDS], &one, sizeof(one)));
	return NULL;
}

static void *race_ctl(void *arg)
{
	static const uint32_t kinds[] = {
		EXCLUSIVE, EXCLUSIVE | EPOLLET, EXCLUSIVE | EPOLLONESHOT, EPOLLIN,
	};
	struct race *race = arg;

	for (unsigned int i = gettid(); race_goes_on(race); i = i * 1664525 + 1013904223) {
		int epfd = eps[i >> 8 & 3], fd = race->fds[i >> 10 & 3];
		uint32_t events = kinds[i >> 12 & 3];
		unsigned int policy = i >> 14 & 3;

		switch (i >> 16 & 3) {
		case 0:
			del(epfd, fd);
			break;
		case 1:
			mod_policy(epfd, fd, events, policy);
			break;
		default:
			add_policy(epfd, fd, events, policy);
		}
	}
	return NULL;
}

/* An instance, and a number of one of the files, that come and go. */
static void *race_close(void *arg)
{
	struct race *race = arg;

	for (unsigned int i = 0; race_goes_on(race); i++) {
		int epfd = MUST(backend->create1(EPOLL_CLOEXEC));
		int fd = new_eventfd(1);
		struct epoll_event event;

		add_policy(epfd, race->fds[i % RACING_FDS], EXCLUSIVE, policies[i % 3]);
		add_policy(epfd, fd, EXCLUSIVE, policies[i % 3]);
		add_policy(eps[i % WORKERS], fd, EXCLUSIVE, policies[i % 3]);
		harvest(epfd, &event, 1, 0);
		if (i & 1) {
			close(fd);
			close(epfd);
		} else {
			close(epfd);
			close(fd);
		}
	}
	return NULL;
}

TEST_F(wake_threads, survives_threads_that_race)
{
	static void *(*const racers[])(void *) = {
		race_wait, race_wait, race_post, race_ctl, race_ctl, race_close,
	};
	pthread_t threads[ARRAY_SIZE(racers)];
	struct race race = {};
	int fd;

	for (int i = 0; i < RACING_FDS; i++)
		race.fds[i] = new_eventfd(0);
	for (int i = 0; i < WORKERS; i++)
		eps[i] = MUST(backend->create1(EPOLL_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, racers[i], &race));
	sleep_ms(RACE_MS);
	__atomic_store_n(&race.stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_SIZE(racers); i++)
		pthread_join(threads[i], NULL);
	/* What is left works as what is new. */
	fd = new_eventfd(0);
	for (int i = 0; i < WORKERS; i++) {
		for (int j = 0; j < RACING_FDS; j++)
			del(eps[i], race.fds[j]);
		EXPECT_EQ(0, registrations(eps[i]));
		EXPECT_EQ(0, add_policy(eps[i], fd, EXCLUSIVE | EPOLLET, ROUND));
	}
	start_workers();
	for (int i = 0; i < WORKERS; i++)
		EXPECT_NEXT_WORKER(i, fd);
}

TEST_HARNESS_MAIN
