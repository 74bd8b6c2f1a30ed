// SPDX-License-Identifier: GPL-2.0
/*
 * Bound registrations, REPOLL_CTL_BIND, whose numbers are closed while other threads
 * close, open, register, wait and exit.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "flagged.h"

REPOLL_FIXTURE(fd_races);

/* Enough also for a kernel that checks each access to memory. */
enum { SECONDS = 10 };

static bool stop;

static bool stopped(void)
{
	return __atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void start(struct __test_metadata *_metadata, pthread_t *threads, int n,
		  void *(*main)(void *), int arg)
{
	for (int i = 0; i < n; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, main, (void *)(intptr_t)arg));
}

static void join(pthread_t *threads, int n)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void *keep_waiting(void *arg)
{
	struct epoll_event events[8];

	while (!stopped())
		harvest(ep, events, 8, 1);
	return arg;
}

static void *keep_rearming(void *arg)
{
	while (!stopped())
		mod_token(EPOLLIN, (intptr_t)arg);
	return arg;
}

/*
 * Duplicates of @arg are bound, and their numbers closed. None of them is a number of
 * the test's own: the same file back at a number is as if that had not been closed.
 */
static void *bind_and_close_copies(void *arg)
{
	while (!stopped()) {
		int fd = fcntl((intptr_t)arg, F_DUPFD_CLOEXEC, 500);

		if (fd < 0)
			continue;
		bind_fd(fd, EPOLLOUT | EPOLLEXCLUSIVE);
		close(fd);
	}
	return arg;
}

TEST_F(fd_races, nothing_is_delivered_after_close_returned)
{
	enum { TOKEN = 1 << 20 };
	int64_t end = now_ns() + SECONDS * NSEC_PER_SEC;
	int keep = new_eventfd(1);
	struct epoll_event events[8];
	pthread_t threads[5];

	/* Others harvest, re-arm it, and close other numbers of the same file meanwhile. */
	start(_metadata, threads, 2, keep_waiting, 0);
	start(_metadata, threads + 2, 1, keep_rearming, TOKEN);
	start(_metadata, threads + 3, 2, bind_and_close_copies, keep);
	for (int i = 0; i < 1500 && now_ns() < end; i++) {
		int fd = dup(keep), n;

		ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, TOKEN,
				       REPOLL_CTL_BIND | REPOLL_CTL_TOKEN));
		close(fd);
		n = harvest(ep, events, 8, 0);
		while (n > 0)
			ASSERT_NE(TOKEN, events[--n].data.u64);
	}
	join(threads, ARRAY_SIZE(threads));
	EXPECT_EQ(0, registrations(ep));
}

enum { NUMBERS = 8, FIRST = 200 };

/* Any of a few numbers is opened, closed, replaced, registered, deleted: all at once. */
static void *churn(void *arg)
{
	int keep = (intptr_t)arg;
	unsigned int seed = gettid();

	while (!stopped()) {
		int fd = FIRST + rand_r(&seed) % NUMBERS;

		switch (rand_r(&seed) % 6) {
		case 0:
			dup2(keep, fd);
			break;
		case 1:
			dup3(keep, fd, O_CLOEXEC);
			break;
		case 2:
			close(fd);
			break;
		case 3:
			del(ep, fd);
			break;
		default:
			bind_fd(fd, EPOLLIN);
		}
	}
	return NULL;
}

static void *exit_with_copies(void *arg)
{
	while (!stopped()) {
		pid_t child = fork();

		if (!child) {
			for (int fd = FIRST; fd < FIRST + NUMBERS; fd++)
				bind_fd(fd, EPOLLIN);
			_exit(0);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	return arg;
}

TEST_F(fd_races, threads_that_race)
{
	int64_t end = now_ns() + SECONDS * NSEC_PER_SEC;
	int keep = new_eventfd(1), other = new_eventfd(1);
	pthread_t threads[6];

	start(_metadata, threads, 2, churn, keep);
	start(_metadata, threads + 2, 2, churn, other);
	start(_metadata, threads + 4, 1, keep_waiting, 0);
	start(_metadata, threads + 5, 1, exit_with_copies, 0);
	for (int i = 0; i < 100 && now_ns() < end; i++) {
		int instance = create();
		struct epoll_event event = { .events = EPOLLIN };

		for (int fd = FIRST; fd < FIRST + NUMBERS; fd++)
			repoll_ctl_flags(instance, EPOLL_CTL_ADD, fd, &event, REPOLL_CTL_BIND);
		sleep_ms(10);
		close(instance);
	}
	join(threads, ARRAY_SIZE(threads));
	close_range(FIRST, FIRST + NUMBERS, 0);
	/* Both files are still open. */
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_HARNESS_MAIN
