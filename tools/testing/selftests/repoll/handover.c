// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_CTL_HANDOVER: whoever is delivered the event of a registration has it to itself,
 * until its next wait.
 */
#include "batch.h"
#include "flagged.h"
#include "holders.h"
#include "workers.h"

REPOLL_FIXTURE(handover);

TEST_F(handover, is_armed_again_by_the_next_wait)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	/* Ready at each wait: as level-triggered, to a single thread. */
	for (int i = 0; i < 5; i++)
		EXPECT_EQ(EPOLLIN, revents(ep));
	drain(fd);
	EXPECT_EQ(0, revents(ep));
	post(fd);
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(1, registrations(ep));
}

TEST_F(handover, is_nobody_elses_meanwhile)
{
	int fd = new_eventfd(0);
	struct holder holder;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	post(fd);
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(fd, holder.event.data.fd);
	/* Neither what is there still nor what comes meanwhile. */
	EXPECT_EQ(0, ready(ep));
	post(fd);
	EXPECT_EQ(0, ready(ep));
	drain(fd);
	post(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, epfd_is_readable());
	/* What came is there at the next wait of the holder. */
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	drain(fd);
	EXPECT_EQ(0, holder_wait(&holder, 0));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	holder_stop(&holder);
}

TEST_F(handover, a_wait_that_sleeps_lets_others_have_it)
{
	int fd = new_eventfd(1), other = new_eventfd(0);
	struct epoll_event event;
	struct holder holder;
	struct waiter waiter;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, other, EPOLLIN | EPOLLET));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	drain(fd);
	waiter_start(&waiter, ep, -1);
	post(fd);
	settle();
	EXPECT_FALSE(waiter_done(&waiter));
	/* The holder asks for one event, and finds it: it holds it again. */
	EXPECT_EQ(1, holder_wait(&holder, -1));
	settle();
	EXPECT_EQ(0, harvest(ep, &event, 1, 0));
	post(other);
	EXPECT_EQ(1, waiter_join(&waiter));
	EXPECT_EQ(other, waiter.event.data.fd);
	holder_stop(&holder);
}

TEST_F(handover, what_the_holder_has_no_room_for_is_for_others)
{
	int fds[3] = { new_eventfd(1), new_eventfd(1), new_eventfd(1) };
	struct holder holder;
	struct waiter waiter;

	for (int i = 0; i < 3; i++)
		ASSERT_EQ(0, add_handover(fds[i], EPOLLIN));
	holder_start(&holder, 3);
	EXPECT_EQ(3, holder_wait(&holder, 0));
	waiter_start(&waiter, ep, -1);
	holder.maxevents = 1;
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(fds[0], holder.event.data.fd);
	EXPECT_EQ(1, waiter_join(&waiter));
	EXPECT_EQ(fds[1], waiter.event.data.fd);
	/* The waiter has exited since, so that its own is free, too. */
	until_ready(2);
	EXPECT_EQ(2, ready(ep));
	holder_stop(&holder);
}

TEST_F(handover, ends_when_the_holder_exits)
{
	int fd = new_eventfd(1);
	struct holder holder;
	struct waiter waiter;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	for (int i = 0; i < 10; i++) {
		holder_start(&holder, 1);
		ASSERT_EQ(1, holder_wait(&holder, 0));
		waiter_start(&waiter, ep, -1);
		EXPECT_TRUE(waiter_sleeps(&waiter));
		holder_stop(&holder);
		EXPECT_EQ(1, waiter_join(&waiter));
		EXPECT_EQ(fd, waiter.event.data.fd);
		/* And that one has exited. */
		while (!epfd_is_readable())
			sleep_ms(1);
	}
}

TEST_F(handover, ends_when_another_process_is_killed)
{
	int fd = new_eventfd(1), pipefd[2];
	struct waiter waiter;
	pid_t child;
	char byte;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	MUST(pipe(pipefd));
	child = MUST(fork());
	if (!child) {
		byte = ready(ep);
		MUST(write(pipefd[1], &byte, 1));
		pause();
		_exit(0);
	}
	MUST(read(pipefd[0], &byte, 1));
	EXPECT_EQ(1, byte);
	EXPECT_EQ(0, ready(ep));
	waiter_start(&waiter, ep, -1);
	EXPECT_TRUE(waiter_sleeps(&waiter));
	MUST(kill(child, SIGKILL));
	EXPECT_EQ(1, waiter_join(&waiter));
	MUST(waitpid(child, NULL, 0));
}

/* The first thread of a process, which is told apart from others where exits are seen. */
TEST_F(handover, ends_when_the_first_thread_exits_before_others)
{
	int fd = new_eventfd(1), pipefd[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	MUST(pipe(pipefd));
	child = MUST(fork());
	if (!child) {
		static struct holder other;

		holder_start(&other, 1);
		byte = ready(ep);
		MUST(write(pipefd[1], &byte, 1));
		syscall(SYS_exit, 0);
	}
	MUST(read(pipefd[0], &byte, 1));
	EXPECT_EQ(1, byte);
	until_ready(1);
	EXPECT_EQ(0, kill(child, SIGKILL));
	MUST(waitpid(child, NULL, 0));
}

TEST_F(handover, mod_ends_it)
{
	int fd = new_eventfd(1);
	struct holder holder;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, mod_handover(fd, EPOLLIN | EPOLLOUT));
	EXPECT_EQ(EPOLLIN | EPOLLOUT, revents(ep));
	/* It is this thread's now: the other one's wait does not arm it. */
	EXPECT_EQ(0, holder_wait(&holder, 0));
	/* Without the flag it is any other. */
	EXPECT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, mod_handover(fd, EPOLLIN));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	holder_stop(&holder);
}

TEST_F(handover, del_ends_it)
{
	int fd = new_eventfd(1), other = new_eventfd(1), third = new_eventfd(1);
	struct holder holder;

	/* The first, the last and the middle one of what is held. */
	for (int i = 0; i < 3; i++) {
		int which = i == 0 ? fd : i == 1 ? other : third;

		ASSERT_EQ(0, add_handover(fd, EPOLLIN));
		ASSERT_EQ(0, add_handover(other, EPOLLIN));
		ASSERT_EQ(0, add_handover(third, EPOLLIN));
		holder_start(&holder, 3);
		EXPECT_EQ(3, holder_wait(&holder, 0));
		EXPECT_EQ(0, del(ep, which));
		EXPECT_EQ(0, add(ep, which, EPOLLIN | EPOLLET));
		EXPECT_EQ(1, ready(ep));
		EXPECT_EQ(2, holder_wait(&holder, 0));
		EXPECT_EQ(0, ready(ep));
		EXPECT_EQ(0, del(ep, fd) | del(ep, other) | del(ep, third));
		EXPECT_EQ(0, holder_wait(&holder, 0));
		holder_stop(&holder);
	}
}

TEST_F(handover, last_close_ends_it)
{
	struct holder holder;
	int fd = start_holding(&holder);

	close(fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, holder_wait(&holder, 0));
	holder_stop(&holder);
}

/* The instance goes first. */
TEST_F(handover, holder_survives_the_instance)
{
	struct holder holder;
	int fd = start_holding(&holder);

	close(ep);
	holder_stop(&holder);
	ep = create();
	EXPECT_EQ(0, add_handover(fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(handover, faulting_store_hands_nothing_over)
{
	int fds[2] = { new_eventfd(1), new_eventfd(1) };
	struct epoll_event *last = edge_of_page() - 1;
	struct holder holder;

	ASSERT_EQ(0, add_handover(fds[0], EPOLLIN));
	ASSERT_EQ(0, add_handover(fds[1], EPOLLIN));
	EXPECT_EQ(-EFAULT, harvest(ep, last + 1, 2, 0));
	EXPECT_EQ(1, harvest(ep, last, 2, 0));
	holder_start(&holder, 2);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(fds[1], holder.event.data.fd);
	holder_stop(&holder);
}

TEST_F(handover, waits_of_all_kinds_arm_it)
{
	struct epoll_event events[2];
	int fd = new_eventfd(1);
	struct repoll_op none[1];

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, result(repoll_wait(ep, events, 2, 0)));
	EXPECT_EQ(1, result(repoll_pwait2(ep, events, 2, NULL, NULL)));
	EXPECT_EQ(1, result(repoll_batch_pwait(ep, none, 0, 0, events, 2, -1, NULL)));
	EXPECT_EQ(1, result(repoll_wait_many(ep, events, 2, 2, 1000000, 0)));
	EXPECT_EQ(1, result(repoll_wait_many(ep, events, 2, 2, 1000000, -1)));
	/* And poll() is none. */
	EXPECT_EQ(0, epfd_is_readable());
	EXPECT_EQ(1, ready(ep));
}

TEST_F(handover, holder_is_notified_of_what_it_arms)
{
	int outer = create(), fd = new_eventfd(1), told = new_eventfd(0);
	struct holder holder;

	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	ASSERT_EQ(0, add(outer, ep, EPOLLIN));
	EXPECT_EQ(1, ready(outer));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(outer));
	MUST(repoll_notify(ep, told));
	/* The instance has an event again when its holder has gone. */
	holder_stop(&holder);
	until_ready(1);
	drain(told);
	close(outer);
}

TEST_F(handover, with_other_flags)
{
	int fd = new_eventfd(1), copy = MUST(fcntl(fd, F_DUPFD_CLOEXEC, 100));
	struct holder holder;

	holder_start(&holder, 1);
	/* By token, and bound: its end is that of the hold. */
	ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, 7,
			       REPOLL_CTL_HANDOVER | REPOLL_CTL_TOKEN | REPOLL_CTL_BIND));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ctl_flags(EPOLL_CTL_MOD, -1, EPOLLIN, 7,
			       REPOLL_CTL_HANDOVER | REPOLL_CTL_TOKEN));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	/* MOD without the flag keeps token and binding. */
	EXPECT_EQ(0, mod_token(EPOLLIN, 7));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, ctl_flags(EPOLL_CTL_MOD, -1, EPOLLIN, 7,
			       REPOLL_CTL_HANDOVER | REPOLL_CTL_TOKEN));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	close(fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, holder_wait(&holder, 0));
	/* Wake policies: as with one-shot, it is exclusive with one, and only with one. */
	EXPECT_EQ(-EINVAL, add_handover(copy, EPOLLIN | EPOLLEXCLUSIVE));
	ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, copy, EPOLLIN | EPOLLEXCLUSIVE, 8,
			       REPOLL_CTL_HANDOVER | REPOLL_CTL_WAKE_ROUND_ROBIN));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, del(ep, copy));
	ASSERT_EQ(0, add_handover(copy, EPOLLIN | EPOLLWAKEUP));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	holder_stop(&holder);
}

TEST_F(handover, in_a_batch)
{
	int fd = new_eventfd(1);
	struct repoll_op op = ADD(fd, EPOLLIN), mod = MOD(fd, EPOLLIN), del = DEL(fd);
	struct holder holder;

	op.flags = REPOLL_CTL_HANDOVER;
	mod.flags = REPOLL_CTL_HANDOVER;
	EXPECT_EQ(0, batch(&op, 1, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EINVAL, op.result);
	EXPECT_EQ(1, batch(&op, 1, 0));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(1, batch(&mod, 1, 0));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(0, ready(ep));
	/* All or nothing knows no flags: it takes this one away. */
	mod.flags = 0;
	EXPECT_EQ(1, batch(&mod, 1, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(1, ready(ep));
	mod.flags = REPOLL_CTL_HANDOVER;
	EXPECT_EQ(1, batch(&mod, 1, 0));
	EXPECT_EQ(1, holder_wait(&holder, 0));
	EXPECT_EQ(1, batch(&del, 1, REPOLL_BATCH_ATOMIC));
	holder_stop(&holder);
}

TEST_F(handover, counts_what_is_delivered)
{
	struct repoll_stats_record record = {};
	uint32_t cursor = 0;
	int fd = new_eventfd(1);

	MUST(repoll_stats_on(ep));
	ASSERT_EQ(0, add_handover(fd, EPOLLIN));
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, repoll_stats_read(ep, NULL, &record, 1, &cursor));
	EXPECT_EQ(3U, record.deliveries);
	EXPECT_EQ(0, del(ep, fd));
}

TEST_F(handover, errnos)
{
	int fd = new_eventfd(1), inner[2] = { create(), MUST(epoll_create1(EPOLL_CLOEXEC)) };
	char before[1024], after[1024];

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLONESHOT));
	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, add(ep, inner[i], EPOLLIN));
	snapshot(ep, before, sizeof(before));
	for (int i = 0; i < 2; i++) {
		EXPECT_EQ(-EINVAL, mod_handover(inner[i], EPOLLIN));
		EXPECT_EQ(-EINVAL, add_handover(inner[i], EPOLLIN));
	}
	EXPECT_EQ(-EINVAL, mod_handover(fd, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(-EINVAL, mod_handover(fd, EPOLLIN | EPOLLET));
	EXPECT_EQ(-EINVAL, mod_handover(fd, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_DEL, fd, 0, 0, REPOLL_CTL_HANDOVER));
	EXPECT_EQ(-EEXIST, add_handover(fd, EPOLLIN));
	EXPECT_EQ(-EPERM, add_handover(new_regular_file(), EPOLLIN));
	EXPECT_EQ(-EINVAL, add_handover(ep, EPOLLIN));
	EXPECT_EQ(-EBADF, add_handover(-1, EPOLLIN));
	EXPECT_EQ(-ENOENT, mod_handover(new_eventfd(0), EPOLLIN));
	snapshot(ep, after, sizeof(after));
	EXPECT_STREQ(before, after);
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(0, del(ep, inner[i]));
	for (int i = 0; i < 2; i++)
		EXPECT_EQ(-EINVAL, add_handover(inner[i], EPOLLIN));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, revents(ep));
}

/* A thread may hold something of as many instances. */
TEST_F(handover, holds_of_many_instances)
{
	enum { MOST = 1024 };
	static int eps[MOST + 1];
	struct rlimit files;
	int fd = new_eventfd(1), i;

	MUST(getrlimit(RLIMIT_NOFILE, &files));
	files.rlim_cur = files.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &files));
	if (files.rlim_cur < MOST + 100)
		SKIP(return, "too few files may be open");
	for (i = 0; i <= MOST; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		eps[i] = create();
		ASSERT_LE(0, eps[i]);
		ASSERT_EQ(0, repoll_ctl_flags(eps[i], EPOLL_CTL_ADD, fd, &event,
					      REPOLL_CTL_HANDOVER));
		EXPECT_EQ(i < MOST ? 1 : -ENOSPC, ready(eps[i]));
	}
	/* Nothing is lost: there is room again. */
	close(eps[0]);
	EXPECT_EQ(1, ready(eps[MOST]));
}

/* What a thread holds is set free when it exits, whichever of its instances are closed before. */
TEST_F(handover, exit_after_some_instances_were_closed)
{
	enum { INSTANCES = 3, THREADS = 3, ALL = (1 << INSTANCES) - 1 };
	struct holder holders[THREADS];
	int first = ep, eps[INSTANCES];

	for (int closed = 0; closed < ALL; closed++) {
		for (int i = 0; i < INSTANCES; i++) {
			eps[i] = create();
			ep = eps[i];
			for (int thread = 0; thread < THREADS; thread++) {
				ASSERT_EQ(0, add_handover(new_eventfd(1), EPOLLIN));
				if (i == 0)
					holder_start(&holders[thread], 1);
				ASSERT_EQ(1, holder_wait(&holders[thread], 0));
			}
		}
		for (int i = 0; i < INSTANCES; i++)
			if (closed & 1 << i)
				close(eps[i]);
		for (int thread = 0; thread < THREADS; thread++) {
			holder_stop(&holders[thread]);
			for (int i = 0; i < INSTANCES; i++) {
				ep = eps[i];
				if (!(closed & 1 << i))
					until_ready(thread + 1);
			}
		}
		for (int i = 0; i < INSTANCES; i++)
			if (!(closed & 1 << i))
				close(eps[i]);
	}
	ep = first;
}

/* Threads that take events, and exit with what they hold, or go on. */

enum { RACERS = 4, FDS = 8, LIVES = 60, WAITS = 8 };

static bool taken[FDS];
static int twice;

static void *racer(void *arg)
{
	struct epoll_event events[FDS / 2];

	for (int wait = 0; wait < WAITS; wait++) {
		int n = harvest(ep, events, ARRAY_SIZE(events), 1);

		for (int i = 0; i < n; i++)
			if (__atomic_exchange_n(&taken[events[i].data.u64], true, __ATOMIC_ACQUIRE))
				__atomic_add_fetch(&twice, 1, __ATOMIC_RELAXED);
		sched_yield();
		/* From the next wait on they are anybody's; so they are when it exits. */
		for (int i = 0; i < n; i++)
			__atomic_store_n(&taken[events[i].data.u64], false, __ATOMIC_RELEASE);
	}
	return arg;
}

TEST_F(handover, threads_that_race)
{
	pthread_t threads[RACERS];
	int i;

	for (i = 0; i < FDS; i++)
		ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, new_eventfd(1), EPOLLIN, i,
				       REPOLL_CTL_HANDOVER));
	for (int life = 0; life < LIVES; life++) {
		for (i = 0; i < RACERS; i++)
			ASSERT_EQ(0, pthread_create(&threads[i], NULL, racer, NULL));
		for (i = 0; i < RACERS; i++)
			pthread_join(threads[i], NULL);
	}
	EXPECT_EQ(0, twice);
	/* None is lost. */
	until_ready(FDS);
}

TEST_HARNESS_MAIN
