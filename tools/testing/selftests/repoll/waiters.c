// SPDX-License-Identifier: GPL-2.0
/* Many waiters of one instance: one event wakes one, and no event is left behind. */
#include "waiter.h"

EVENTPOLL_FIXTURE(waiters);

enum { WAITERS = 6 };

TEST_F(waiters, one_event_wakes_one)
{
	struct waiter w[WAITERS];
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	waiters_start(w, WAITERS, ep, -1);
	for (int count = 1; count <= WAITERS; count++) {
		post(fd);
		waiters_until_done(w, WAITERS, count);
		settle();
		EXPECT_EQ(count, waiters_done(w, WAITERS));
	}
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

TEST_F(waiters, each_of_many_events_wakes_another)
{
	struct waiter w[WAITERS];
	int fds[WAITERS];
	unsigned int seen = 0;

	for (int i = 0; i < WAITERS; i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN | EPOLLET, i));
	}
	waiters_start(w, WAITERS, ep, -1);
	for (int i = 0; i < WAITERS; i++)
		post(fds[i]);
	for (int i = 0; i < WAITERS; i++) {
		EXPECT_EQ(1, waiter_join(&w[i]));
		seen |= 1U << w[i].event.data.u64;
	}
	EXPECT_EQ((1U << WAITERS) - 1, seen);
}

/* One write makes many ready: the waiter that is woken takes one of them. */
TEST_F(waiters, a_waiter_that_leaves_passes_the_rest_on)
{
	struct waiter w[WAITERS];
	int copies[WAITERS], fd = new_eventfd(0);

	for (int i = 0; i < WAITERS; i++) {
		copies[i] = dup(fd);
		ASSERT_LE(0, copies[i]);
		ASSERT_EQ(0, add(ep, copies[i], EPOLLIN | EPOLLET));
	}
	waiters_start(w, WAITERS, ep, -1);
	post(fd);
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(waiters, level_event_wakes_all_in_turn)
{
	struct waiter w[WAITERS];
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiters_start(w, WAITERS, ep, -1);
	post(fd);
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

TEST_F(waiters, event_before_the_wait_needs_no_wakeup)
{
	struct waiter w;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	waiter_start(&w, ep, -1);
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_F(waiters, in_another_process_are_woken)
{
	int fd = new_eventfd(0), status;
	pid_t child;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct epoll_event event;

		_exit(harvest(ep, &event, 1, -1) != 1 || event.data.u64 != (uint64_t)fd);
	}
	while (!sleeps_in_wait(child, child, ep))
		sleep_ms(1);
	post(fd);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(waiters, of_two_instances_are_woken_independently)
{
	struct waiter first, second;
	int other = create(), fd = new_eventfd(0);

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(other, fd, EPOLLIN));
	waiter_start(&first, ep, -1);
	waiter_start(&second, other, -1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&first));
	EXPECT_EQ(1, waiter_join(&second));
}

TEST_F(waiters, sync_wakeups_arrive)
{
	struct waiter w;
	int sock[2];

	/* Pipes and AF_UNIX sockets wake with WF_SYNC. */
	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN | EPOLLET));
	for (int i = 0; i < 50; i++) {
		waiter_start(&w, ep, -1);
		put_bytes(sock[1], 1);
		ASSERT_EQ(1, waiter_join(&w));
	}
}

enum { FDS = 8, ROUNDS = 400 };

struct exchange {
	int fds[FDS];
	int taken[FDS];		/* events of each fd */
	int total;
};

static void *consume(void *arg)
{
	struct exchange *x = arg;
	struct epoll_event event;

	while (__atomic_load_n(&x->total, __ATOMIC_ACQUIRE) < FDS * ROUNDS) {
		if (harvest(ep, &event, 1, 100) != 1)
			continue;
		drain(x->fds[event.data.u64]);
		__atomic_fetch_add(&x->total, 1, __ATOMIC_ACQ_REL);
		__atomic_fetch_add(&x->taken[event.data.u64], 1, __ATOMIC_ACQ_REL);
	}
	return NULL;
}

/*
 * An fd is posted again when its last event was taken: a lost wakeup cannot be
 * made up for by a later one, and a doubled one finds the eventfd empty.
 */
TEST_F(waiters, no_event_is_lost_or_doubled_under_load)
{
	struct exchange x = {};
	pthread_t threads[FDS];

	for (int i = 0; i < FDS; i++) {
		x.fds[i] = new_eventfd(0);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, x.fds[i], EPOLLIN | EPOLLET, i));
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, consume, &x));
	}
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < FDS; i++) {
			while (__atomic_load_n(&x.taken[i], __ATOMIC_ACQUIRE) < round)
				sched_yield();
			post(x.fds[i]);
		}
	}
	for (int i = 0; i < FDS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(FDS * ROUNDS, x.total);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(waiters, ctl_does_not_wait_for_them)
{
	struct waiter w[WAITERS];
	int fd = new_eventfd(0), other = new_eventfd(0);

	waiters_start(w, WAITERS, ep, -1);
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, add(ep, other, EPOLLIN));
	EXPECT_EQ(0, mod(ep, fd, EPOLLOUT | EPOLLET | EPOLLONESHOT));
	EXPECT_EQ(0, del(ep, fd));
	post(other);
	for (int i = 0; i < WAITERS; i++)
		EXPECT_EQ(1, waiter_join(&w[i]));
}

/* All on one CPU: who is woken does not run before the waker sleeps. */
static void use_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	MUST(sched_setaffinity(0, sizeof(cpus), &cpus));
}

/* A child that waits, at a priority that lets it run only when we do not. */
static pid_t waiting_child(void)
{
	pid_t child = MUST(fork());

	if (!child) {
		struct sched_param param = {};
		struct epoll_event event;

		sched_setscheduler(0, SCHED_IDLE, &param);
		_exit(harvest(ep, &event, 1, -1) != 1);
	}
	while (!sleeps_in_wait(child, child, ep))
		sleep_ms(1);
	return child;
}

TEST_F(waiters, event_of_a_killed_waiter_is_not_lost)
{
	struct waiter w;
	int fd = new_eventfd(0), status;
	pid_t child;

	use_one_cpu();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	/* Whichever end of the queue is woken first. */
	for (int child_last = 0; child_last < 2; child_last++) {
		if (!child_last)
			child = waiting_child();
		waiter_start(&w, ep, -1);
		if (child_last)
			child = waiting_child();
		post(fd);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		/* It may have been quick enough to take the event first. */
		if (WIFEXITED(status))
			post(fd);
		/*
		 * In-tree epoll keeps the event, but the killed waiter takes the
		 * wakeup with it: only a new one finds it. repoll passes it on.
		 */
		if (!on_repoll()) {
			settle();
			if (!waiter_done(&w))
				post(fd);
		}
		EXPECT_EQ(1, waiter_join(&w));
	}
	EXPECT_EQ(0, ready(ep));
}

static void interrupted(int sig)
{
	(void)sig;
}

TEST_F(waiters, event_of_an_interrupted_waiter_is_not_lost)
{
	struct waiter w[2];
	int fd = new_eventfd(0);

	signal(SIGUSR1, interrupted);
	use_one_cpu();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int round = 0; round < 100; round++) {
		int events = 0;

		waiters_start(w, 2, ep, -1);
		post(fd);
		pthread_kill(w[round % 2].thread, SIGUSR1);
		/* One gets the event, or the one that was not interrupted does. */
		if (waiter_join(&w[round % 2]) == 1)
			post(fd), events++;
		events += waiter_join(&w[!(round % 2)]);
		ASSERT_EQ(w[round % 2].ret == 1 ? 2 : 1, events);
		while (ready(ep))
			;
	}
}

TEST_HARNESS_MAIN
