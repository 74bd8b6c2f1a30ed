// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs that in-tree epoll or another implementation once had, one test each.
 *
 * Those that are plain behaviour have their test with their topic:
 *   failed ADD leaves the item (Starnix, gVisor)	ctl.failed_add_leaves_nothing
 *   keyed by file only (Starnix)			ctl.two_numbers_of_one_description...
 *   harvest before copy-out (Asterinas)		fault.keeps_an_edge
 *   false "nothing ready" at zero timeout		fairness.ready_fd_is_never_missed...
 *   wakeup lost when a waiter times out		timeout.waiter_that_times_out...
 *   two concurrent ADDs making a cycle			nesting.concurrent_adds...
 *   POLLFREE						pollfree
 *
 * The others are races and resource bugs: a test passes when the machine survives
 * and what was built meanwhile is as it should be. The kernel's log, which the
 * runner looks at after each program, is part of the result.
 */
#include <sys/resource.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(regressions);

/* Two threads that do one step each at the same time, many times. */
struct duel {
	pthread_barrier_t barrier;
	int rounds;
	void (*second)(struct duel *duel);
	int a, b, c;		/* of the round */
};

static void *duel_second(void *arg)
{
	struct duel *duel = arg;

	for (int i = 0; i < duel->rounds; i++) {
		pthread_barrier_wait(&duel->barrier);
		duel->second(duel);
		pthread_barrier_wait(&duel->barrier);
	}
	return NULL;
}

static void duel(struct duel *duel, int rounds, void (*prepare)(struct duel *duel),
		 void (*first)(struct duel *duel), void (*second)(struct duel *duel),
		 void (*finish)(struct duel *duel))
{
	pthread_t thread;

	duel->rounds = rounds;
	duel->second = second;
	pthread_barrier_init(&duel->barrier, NULL, 2);
	MUST(-pthread_create(&thread, NULL, duel_second, duel));
	for (int i = 0; i < rounds; i++) {
		prepare(duel);
		pthread_barrier_wait(&duel->barrier);
		first(duel);
		pthread_barrier_wait(&duel->barrier);
		finish(duel);
	}
	pthread_join(thread, NULL);
}

static int open_instance(void)
{
	return MUST(backend->create1(EPOLL_CLOEXEC));
}

static void must_add(int epfd, int fd, uint32_t events)
{
	errno = -add(epfd, fd, events);
	MUST(errno ? -1 : 0);
}

static void close_a(struct duel *d)
{
	close(d->a);
}

static void close_b(struct duel *d)
{
	close(d->b);
}

static void close_c(struct duel *d)
{
	close(d->c);
}

/* a: an instance. b: a file in it, and in c, another instance. */
static void watched_twice(struct duel *d)
{
	d->a = open_instance();
	d->c = open_instance();
	d->b = new_eventfd(1);
	must_add(d->a, d->b, EPOLLIN);
	must_add(d->c, d->b, EPOLLIN);
}

static int leftovers;

static void count_leftovers(struct duel *d)
{
	leftovers += registrations(d->c) + ready(d->c);
	close(d->c);
}

/*
 * CVE-2026-46242, a6dc643c6931: the end of an instance took a registration apart
 * while the last close of its file did, and touched the file after it was freed.
 */
TEST_F(regressions, instance_and_watched_file_close_at_once)
{
	struct duel d;

	duel(&d, 1500, watched_twice, close_a, close_b, count_leftovers);
	EXPECT_EQ(0, leftovers);
}

static void del_b_from_a(struct duel *d)
{
	int ret = del(d->a, d->b);

	/* Whichever was first: no other outcome. */
	MUST(ret == 0 || ret == -EBADF || ret == -ENOENT ? 0 : -1);
}

static void count_leftovers_of_both(struct duel *d)
{
	leftovers += registrations(d->a) + ready(d->a);
	close(d->a);
	count_leftovers(d);
}

/* The same from the other side: EPOLL_CTL_DEL against the last close. */
TEST_F(regressions, del_and_last_close_at_once)
{
	struct duel d;

	duel(&d, 1500, watched_twice, del_b_from_a, close_b, count_leftovers_of_both);
	EXPECT_EQ(0, leftovers);
}

/*
 * CVE-2025-38349: the last reference to an instance was dropped with its own
 * mutex held, by whichever of two files' last closes came second.
 */
static void two_files(struct duel *d)
{
	int epfd = open_instance();

	d->a = new_eventfd(1);
	d->b = new_eventfd(1);
	must_add(epfd, d->a, EPOLLIN);
	must_add(epfd, d->b, EPOLLIN);
	d->c = epfd;
}

static void close_c_and_a(struct duel *d)
{
	close(d->c);
	close(d->a);
}

static void nothing(struct duel *d)
{
	(void)d;
}

TEST_F(regressions, last_closes_of_two_files_and_of_the_instance_at_once)
{
	struct duel d;

	duel(&d, 1500, two_files, close_c_and_a, close_b, nothing);
	/* It was the only owner of all of them. */
	EXPECT_EQ(0, ready(ep));
}

/* a, an instance that watches b, an instance; c is to be put below b. */
static void outer_and_inner(struct duel *d)
{
	d->a = open_instance();
	d->b = open_instance();
	d->c = open_instance();
	must_add(d->a, d->b, EPOLLIN);
}

static void add_c_to_b(struct duel *d)
{
	must_add(d->b, d->c, EPOLLIN);
}

static void close_b_and_c(struct duel *d)
{
	close_b(d);
	close_c(d);
}

/*
 * CVE-2026-43074: the depth above an instance was measured under RCU while an
 * instance on that way up was freed without waiting for readers.
 */
TEST_F(regressions, outer_instance_closes_during_the_depth_check)
{
	struct duel d;

	duel(&d, 1500, outer_and_inner, add_c_to_b, close_a, close_b_and_c);
	EXPECT_EQ(0, ready(ep));
}

/*
 * f2e467a48287, fdcfce93073d: the depth check looked in one direction only, so
 * that a chain put together from pieces grew without bound, and with it the
 * recursion of each wakeup; and a counter of it overflowed.
 */
TEST_F(regressions, chain_cannot_grow_by_pieces)
{
	enum { PIECES = 20 };
	int head[PIECES], tail[PIECES], joined = 0;

	for (int i = 0; i < PIECES; i++) {
		int middle = open_instance();

		head[i] = open_instance();
		tail[i] = open_instance();
		ASSERT_EQ(0, add(head[i], middle, EPOLLIN));
		ASSERT_EQ(0, add(middle, tail[i], EPOLLIN));
	}
	/* Two links each: no two of them fit together, in whatever order. */
	for (int step = 1; step < PIECES; step *= 2)
		for (int i = 0; i + step < PIECES; i++)
			joined += !add(tail[i], head[i + step], EPOLLIN);
	EXPECT_EQ(0, joined);
	for (int i = 0; i + 1 < PIECES; i++)
		ASSERT_EQ(-ELOOP, add(tail[i + 1], head[i], EPOLLIN));
}

/* Many instances below one another many times over: the walk must not repeat. */
TEST_F(regressions, loop_check_of_a_dense_graph_ends)
{
	enum { LEVELS = 4, WIDTH = 12 };
	int eps[LEVELS][WIDTH];
	int64_t start = now_ns();

	for (int level = 0; level < LEVELS; level++) {
		for (int i = 0; i < WIDTH; i++) {
			eps[level][i] = open_instance();
			for (int j = 0; level && j < WIDTH; j++)
				ASSERT_EQ(0, add(eps[level][i], eps[level - 1][j], EPOLLIN));
		}
	}
	for (int i = 0; i < WIDTH; i++)
		EXPECT_EQ(-ELOOP, add(eps[0][i], eps[LEVELS - 1][i], EPOLLIN));
	EXPECT_GT(20 * NSEC_PER_SEC, now_ns() - start);
}

/*
 * 28d82dc1c4ed: a graph with many paths from a file to the top was accepted, and
 * each wakeup, or the check itself, took minutes.
 */
TEST_F(regressions, number_of_wakeup_paths_does_not_explode)
{
	enum { LEVELS = 4, WIDTH = 12 };
	int eps[LEVELS][WIDTH], fd = new_eventfd(0), refused = 0;
	int64_t start = now_ns();

	for (int level = 0; level < LEVELS; level++) {
		for (int i = 0; i < WIDTH; i++) {
			eps[level][i] = open_instance();
			if (!level)
				ASSERT_EQ(0, add(eps[0][i], fd, EPOLLIN));
			for (int j = 0; level && j < WIDTH; j++) {
				int ret = add(eps[level][i], eps[level - 1][j], EPOLLIN);

				ASSERT_TRUE(!ret || ret == -EINVAL);
				refused += !!ret;
			}
		}
	}
	EXPECT_LT(0, refused);
	for (int i = 0; i < 100; i++)
		post(fd);
	EXPECT_EQ(1, ready(eps[LEVELS - 1][0]) + ready(eps[0][0]) > 0);
	EXPECT_GT(20 * NSEC_PER_SEC, now_ns() - start);
}

struct crowd {
	int epfd;
	bool stop;
};

static void *harvest_crowd(void *arg)
{
	struct crowd *c = arg;
	struct epoll_event events[8];

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		struct pollfd pfd = { .fd = c->epfd, .events = POLLIN };

		harvest(c->epfd, events, 8, 0);
		poll(&pfd, 1, 0);
	}
	return NULL;
}

/*
 * 4efaa5acf0a1: a harvest called a file's poll method after the last reference
 * to the file was gone.
 */
TEST_F(regressions, harvest_meets_files_that_close)
{
	struct crowd crowd = { .epfd = ep };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, harvest_crowd, &crowd));
	for (int i = 0; i < 1000; i++) {
		int fds[2], sock[2];

		/* Of kinds whose poll method looks at what release frees. */
		new_pipe(fds);
		new_socketpair(sock, SOCK_STREAM);
		must_add(ep, fds[0], EPOLLIN);
		must_add(ep, sock[0], EPOLLIN | EPOLLOUT);
		put_bytes(fds[1], 1);
		put_bytes(sock[1], 1);
		close(fds[0]);
		close(sock[0]);
		close(sock[1]);
		close(fds[1]);
	}
	__atomic_store_n(&crowd.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, registrations(ep));
}

/*
 * d9ec73301099: a timeout that was over before the thread could sleep did not
 * count as over: the wait spun in the kernel for good.
 */
TEST_F(regressions, timeout_that_expires_at_once_ends_the_wait)
{
	struct timespec tiny = { .tv_nsec = 1 };
	struct epoll_event event;

	ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	for (int i = 0; i < 500; i++)
		ASSERT_EQ(0, result(backend->pwait2(ep, &event, 1, &tiny, NULL)));
}

static void *wake_crowd(void *arg)
{
	struct crowd *c = arg;

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		post(c->epfd);
		drain(c->epfd);
	}
	return NULL;
}

/*
 * CVE-2022-49443: the ready list was read without its lock while wakeups and
 * another harvest changed it.
 */
TEST_F(regressions, ready_list_is_used_from_all_sides)
{
	struct crowd harvesters = { .epfd = ep }, wakers[2] = {};
	pthread_t threads[4];
	int quiet = new_eventfd(1);

	for (int i = 0; i < 2; i++) {
		wakers[i].epfd = new_eventfd(0);
		must_add(ep, wakers[i].epfd, i ? EPOLLIN : EPOLLIN | EPOLLET);
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, wake_crowd, &wakers[i]));
		ASSERT_EQ(0, pthread_create(&threads[2 + i], NULL, harvest_crowd, &harvesters));
	}
	for (int i = 0; i < 1500; i++) {
		ASSERT_EQ(0, add(ep, quiet, EPOLLIN));
		ASSERT_EQ(0, mod(ep, quiet, EPOLLIN | EPOLLET));
		ASSERT_EQ(0, mod(ep, wakers[i % 2].epfd, EPOLLIN));
		ASSERT_EQ(0, del(ep, quiet));
	}
	for (int i = 0; i < 2; i++)
		__atomic_store_n(&wakers[i].stop, true, __ATOMIC_RELAXED);
	__atomic_store_n(&harvesters.stop, true, __ATOMIC_RELAXED);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	/* The lists are whole: each fd is reported, once. */
	post(wakers[0].epfd);
	post(wakers[1].epfd);
	EXPECT_EQ(2, ready(ep));
}

TEST_HARNESS_MAIN
