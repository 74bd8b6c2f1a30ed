// SPDX-License-Identifier: GPL-2.0
/* Being told of events that no thread waits for, by an eventfd or a signal. */
#include <poll.h>

#include "bad_input.h"
#include "many.h"
#include "workers.h"

REPOLL_FIXTURE(notify);

enum { FDS = 4 };

static int efd;		/* what the instance tells by */

static int notify_by(int fd)
{
	return result(repoll_notify(ep, fd));
}

/* How often the eventfd has been signalled since it was read last, once it has been. */
static int64_t told(void)
{
	struct pollfd pfd = { .fd = efd, .events = POLLIN };
	uint64_t count;

	/* The signal comes from an interrupt of its own. */
	if (poll(&pfd, 1, 10000) != 1)
		return 0;
	MUST(read(efd, &count, sizeof(count)));
	return count;
}

static bool is_told(void)
{
	struct pollfd pfd = { .fd = efd, .events = POLLIN };

	settle();
	return poll(&pfd, 1, 0) == 1;
}

static void start(void)
{
	efd = new_eventfd(0);
	errno = -notify_by(efd);
	MUST(errno ? -1 : 0);
}

static void add_all(int *fds, uint32_t mask)
{
	for (int i = 0; i < FDS; i++) {
		fds[i] = new_eventfd(0);
		errno = -add(ep, fds[i], mask);
		MUST(errno ? -1 : 0);
	}
}

TEST_F(notify, once_until_somebody_looks)
{
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	start();
	EXPECT_FALSE(is_told());
	for (int i = 0; i < FDS; i++)
		post(fds[i]);
	EXPECT_EQ(1, told());
	post(fds[0]);
	EXPECT_FALSE(is_told());
	EXPECT_EQ(FDS, ready(ep));
	EXPECT_FALSE(is_told());
	post(fds[1]);
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
}

/* Whoever takes one at a time is told as long as there are more. */
TEST_F(notify, again_for_what_a_wait_leaves)
{
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	start();
	for (int i = 0; i < FDS; i++)
		post(fds[i]);
	for (int i = 0; i < FDS; i++) {
		EXPECT_EQ(1, told());
		EXPECT_EQ(fds[i], ready_data(ep));
	}
	EXPECT_FALSE(is_told());
}

/* What is level-triggered may still be ready: it is said so until a wait finds otherwise. */
TEST_F(notify, level_triggered)
{
	int fds[FDS];

	add_all(fds, EPOLLIN);
	start();
	post(fds[0]);
	for (int i = 0; i < 3; i++) {
		EXPECT_EQ(1, told());
		EXPECT_EQ(1, ready(ep));
	}
	EXPECT_EQ(1, told());
	drain(fds[0]);
	EXPECT_EQ(0, ready(ep));
	EXPECT_FALSE(is_told());
	post(fds[0]);
	EXPECT_EQ(1, told());
}

TEST_F(notify, of_what_is_there_already)
{
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	post(fds[0]);
	start();
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
	/* ADD and MOD find what is ready. */
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN | EPOLLET));
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, mod(ep, fds[1], EPOLLOUT | EPOLLET));
	EXPECT_EQ(1, told());
}

/* It was told of something that has gone, which nobody need look for. */
TEST_F(notify, armed_by_DEL_and_close)
{
	int fds[FDS];

	add_all(fds, EPOLLIN);
	start();
	post(fds[0]);
	EXPECT_EQ(1, told());
	ASSERT_EQ(0, del(ep, fds[0]));
	post(fds[1]);
	EXPECT_EQ(1, told());
	close(fds[1]);
	post(fds[2]);
	EXPECT_EQ(1, told());
	EXPECT_EQ(fds[2], ready_data(ep));
}

TEST_F(notify, other_eventfd_or_none)
{
	int fds[FDS], first;

	add_all(fds, EPOLLIN | EPOLLET);
	start();
	first = efd;
	start();
	post(fds[0]);
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, notify_by(-1));
	ASSERT_EQ(0, notify_by(-1));
	post(fds[1]);
	EXPECT_FALSE(is_told());
	efd = first;
	EXPECT_FALSE(is_told());
	EXPECT_EQ(1, ready(ep));
	/* Nobody has it open any more. */
	start();
	close(efd);
	post(fds[0]);
	EXPECT_EQ(1, ready(ep));
}

/* A thread that waits is woken, and nobody is told, by any policy. */
TEST_F(notify, waiters_come_first)
{
	static const unsigned int any_policy[] = { 0, LIFO, FIFO, ROUND };

	start();
	for (size_t i = 0; i < ARRAY_SIZE(any_policy); i++) {
		int fd = new_eventfd(0);
		struct waiter w;

		ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN | EPOLLET, any_policy[i]));
		waiter_start(&w, ep, -1);
		post(fd);
		EXPECT_EQ(1, waiter_join(&w));
		EXPECT_FALSE(is_told());
		post(fd);
		EXPECT_EQ(1, told());
		EXPECT_EQ(fd, ready_data(ep));
		close(fd);
	}
}

/* The same where it has got on the queue behind them in time. */
TEST_F(notify, waiters_that_were_there_come_first)
{
	int fd = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	waiter_start(&w, ep, -1);
	start();
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_FALSE(is_told());
}

TEST_F(notify, waiter_leaves_the_rest_to_it)
{
	struct waiter w;
	int fd = new_eventfd(0), copy = MUST(fcntl(fd, F_DUPFD_CLOEXEC, 0));

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, copy, EPOLLIN | EPOLLET));
	start();
	waiter_start(&w, ep, -1);
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	/* By the second wakeup, if the thread was gone by then, and by what it left. */
	EXPECT_LE(1, told());
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ready(ep));
}

/* It keeps no event from who collects, nor the other way around. */
TEST_F(notify, beside_a_collector)
{
	struct collector c;
	int fds[FDS];

	add_all(fds, EPOLLIN | EPOLLET);
	start();
	collector_start(&c, ep, 2, FOR_EVER, -1);
	post(fds[0]);
	EXPECT_EQ(1, told());
	EXPECT_FALSE(waiter_done(&c.w));
	post(fds[1]);
	EXPECT_EQ(2, waiter_join(&c.w));
	EXPECT_EQ(0, ready(ep));
}

/* An instance whose owner can be told takes the event as one with a waiter. */
TEST_F(notify, exclusive_event_is_taken_once)
{
	int other = create(), fd = new_eventfd(0);
	struct waiter w;

	ASSERT_EQ(0, add(ep, fd, EXCLUSIVE));
	ASSERT_EQ(0, add(other, fd, EXCLUSIVE));
	start();
	waiter_start(&w, other, -1);
	post(fd);
	EXPECT_EQ(1, told());
	EXPECT_FALSE(waiter_done(&w));
	/* It has been told, and does not look: the next one is another's. */
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_F(notify, its_own_eventfd_may_be_in_the_set)
{
	int fd = new_eventfd(0);

	start();
	ASSERT_EQ(0, add(ep, efd, EPOLLIN));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(efd);
	EXPECT_EQ(2, told());
	EXPECT_EQ(0, ready(ep));
	post(fd);
	while (!is_told())
		sleep_ms(1);
	EXPECT_EQ(2, ready(ep));
}

/* Each tells the other, and would for ever if one could be told from within a wakeup. */
TEST_F(notify, circle_of_two_instances)
{
	int other = create(), fd = new_eventfd(0), back = new_eventfd(0);

	start();
	ASSERT_EQ(0, add(other, efd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, result(repoll_notify(other, back)));
	ASSERT_EQ(0, add(ep, back, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	for (int i = 0; i < 20; i++) {
		sleep_ms(1);
		ready(ep);
		ready(other);
	}
	EXPECT_TRUE(is_told());
}

TEST_F(notify, events_of_nested_instances)
{
	struct epoll_event in = { .events = EPOLLIN };
	int inner = create(), foreign = MUST(epoll_create1(EPOLL_CLOEXEC));
	int a = new_eventfd(0), b = new_eventfd(0);

	ASSERT_EQ(0, add(inner, a, EPOLLIN));
	MUST(epoll_ctl(foreign, EPOLL_CTL_ADD, b, &in));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	ASSERT_EQ(0, add(ep, foreign, EPOLLIN));
	EXPECT_EQ(0, ready(ep));
	start();
	EXPECT_FALSE(is_told());
	post(a);
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
	drain(a);
	while (ready(ep) || is_told())
		told();
	post(b);
	EXPECT_LE(1, told());
	EXPECT_EQ(1, ready(ep));
}

static volatile sig_atomic_t signals;

static void count_signal(int sig)
{
	(void)sig;
	signals++;
}

static bool is_signalled(int times)
{
	for (int i = 0; i < 10000 && signals < times; i++)
		sleep_ms(1);
	settle();
	return signals == times;
}

TEST_F(notify, by_a_signal)
{
	struct sigaction action = { .sa_handler = count_signal, .sa_flags = SA_RESTART };
	int fds[FDS], flags = MUST(fcntl(ep, F_GETFL));

	MUST(sigaction(SIGIO, &action, NULL));
	add_all(fds, EPOLLIN | EPOLLET);
	post(fds[0]);
	MUST(fcntl(ep, F_SETOWN, getpid()));
	EXPECT_TRUE(is_signalled(0));
	MUST(fcntl(ep, F_SETFL, flags | O_ASYNC));
	EXPECT_TRUE(is_signalled(1));
	EXPECT_EQ(1, ready(ep));
	for (int i = 0; i < FDS; i++)
		post(fds[i]);
	EXPECT_TRUE(is_signalled(2));
	EXPECT_EQ(FDS, ready(ep));
	/* Both ways at once. */
	start();
	post(fds[0]);
	EXPECT_TRUE(is_signalled(3));
	EXPECT_EQ(1, told());
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, notify_by(-1));
	MUST(fcntl(ep, F_SETFL, flags));
	post(fds[0]);
	EXPECT_TRUE(is_signalled(3));
	EXPECT_FALSE(is_told());
	EXPECT_EQ(1, ready(ep));
	/* It may be closed with O_ASYNC set. */
	MUST(fcntl(ep, F_SETFL, flags | O_ASYNC));
}

static int call(const void *request)
{
	return result(ioctl(ep, REPOLL_IOC_NOTIFY, request));
}

TEST_F(notify, bad_input_gives_its_errno_and_changes_nothing)
{
	struct repoll_notify request;
	struct repoll_info info = {};
	int fds[FDS], pipe[2];
	const struct { int fd, want; } bad[] = {
		{ -2, -EBADF }, { INT_MIN, -EBADF }, { INT_MAX, -EBADF }, { AT_FDCWD, -EBADF },
		{ ep, -EINVAL }, { new_regular_file(), -EINVAL },
		{ MUST(open("/", O_PATH | O_CLOEXEC)), -EBADF },
	};

	MUST(ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_TRUE(info.features & REPOLL_FEATURE_NOTIFY);
	add_all(fds, EPOLLIN | EPOLLET);
	start();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_EQ(bad[i].want, notify_by(bad[i].fd));
	new_pipe(pipe);
	EXPECT_EQ(-EINVAL, notify_by(pipe[0]));
	for (int bit = 0; bit < 32; bit++) {
		request = (struct repoll_notify){ .fd = -1, .flags = 1U << bit };
		EXPECT_EQ(-EINVAL, call(&request));
	}
	for (int kind = 0; kind < READ_ONLY; kind++)
		EXPECT_EQ(-EFAULT, call(bad_pointer(kind)));
	/* The eventfd is still the one. */
	post(fds[0]);
	EXPECT_EQ(1, told());
	EXPECT_EQ(-EINVAL, result(repoll_notify(pipe[0], efd)));
	EXPECT_EQ(-EBADF, result(repoll_notify(-1, efd)));
}

enum { ROUNDS = 300 };

static void *make_ready(void *arg)
{
	int *fds = arg;

	for (int round = 0; round < ROUNDS; round++) {
		post(fds[round % FDS]);
		if (round % 8 == 0)
			sleep_ms(1);
	}
	return NULL;
}

/* Who looks only when told sees everything. Were a notification lost, it would not end. */
TEST_F(notify, nothing_is_missed)
{
	int fds[FDS], taken = 0;
	pthread_t thread;

	add_all(fds, EPOLLIN | EPOLLET);
	start();
	ASSERT_EQ(0, pthread_create(&thread, NULL, make_ready, fds));
	while (taken < ROUNDS) {
		struct epoll_event event;
		uint64_t count;

		if (!told())
			break;
		if (harvest(ep, &event, 1, 0) == 1 &&
		    read(event.data.fd, &count, sizeof(count)) == sizeof(count))
			taken += count;
	}
	pthread_join(thread, NULL);
	EXPECT_EQ(ROUNDS, taken);
}

TEST_HARNESS_MAIN
