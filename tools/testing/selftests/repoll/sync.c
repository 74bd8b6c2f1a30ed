// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_CTL_SYNC: a deletion that returns when no other thread has the registration's
 * event still.
 */
#include "bad_input.h"
#include "deleters.h"

REPOLL_FIXTURE(sync);

TEST_F(sync, does_not_wait_when_nobody_is_at_work)
{
	int fd = new_eventfd(1), other = new_eventfd(0);

	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	EXPECT_EQ(0, del_sync(fd));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	/* Who deletes does not wait for itself. */
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	ASSERT_LT(0, add_sync(other, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del_sync(fd));
	EXPECT_EQ(0, del_sync(other));
	EXPECT_EQ(0, sync_ms(0));
}

TEST_F(sync, waits_for_who_has_the_event)
{
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	holder_start(&holder, 1);
	for (int i = 0; i < 3; i++) {
		ASSERT_LT(0, add_sync(fd, EPOLLIN));
		EXPECT_EQ(1, holder_wait(&holder, 0));
		deleter_start(&deleter, fd);
		EXPECT_SLEEPS(&deleter);
		/* It is deleted already: nobody gets its event from here on. */
		EXPECT_EQ(0, registrations(ep));
		EXPECT_EQ(0, ready(ep));
		EXPECT_EQ(0, holder_wait(&holder, 0));
		EXPECT_EQ(0, waiter_join(&deleter));
	}
	holder_stop(&holder);
}

TEST_F(sync, a_wait_that_sleeps_has_come_back)
{
	int fd = new_eventfd(1), other = new_eventfd(0);
	struct waiter deleter;
	struct holder holder;

	ASSERT_LT(0, add_sync(fd, EPOLLIN | EPOLLET));
	ASSERT_LT(0, add_sync(other, EPOLLIN | EPOLLET));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	deleter_start(&deleter, fd);
	EXPECT_SLEEPS(&deleter);
	holder.timeout = -1;
	sem_post(&holder.go);
	EXPECT_EQ(0, waiter_join(&deleter));
	/* And it is at work again as soon as it has something. */
	post(other);
	sem_wait(&holder.done);
	deleter_start(&deleter, other);
	EXPECT_SLEEPS(&deleter);
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&deleter));
}

/* Neither earlier nor later work with something else is waited for. */
TEST_F(sync, does_not_wait_for_work_with_others)
{
	int fds[3] = { new_eventfd(0), new_eventfd(0), new_eventfd(0) };
	struct holder holders[3];
	struct waiter deleter;

	for (int i = 0; i < 3; i++) {
		ASSERT_LT(0, add_sync(fds[i], EPOLLIN | EPOLLET));
		holder_start(&holders[i], 1);
		post(fds[i]);
		EXPECT_EQ(1, holder_wait(&holders[i], 0));
		EXPECT_EQ(fds[i], holders[i].event.data.fd);
	}
	deleter_start(&deleter, fds[1]);
	EXPECT_SLEEPS(&deleter);
	EXPECT_EQ(0, holder_wait(&holders[1], 0));
	EXPECT_EQ(0, waiter_join(&deleter));
	/* Those two are at work still. */
	EXPECT_EQ(-ETIMEDOUT, sync_ms(0));
	deleter_start(&deleter, fds[0]);
	EXPECT_SLEEPS(&deleter);
	EXPECT_EQ(0, holder_wait(&holders[0], 0));
	EXPECT_EQ(0, waiter_join(&deleter));
	EXPECT_EQ(-ETIMEDOUT, sync_ms(0));
	/* Work with what has no generation is none. */
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN));
	EXPECT_EQ(1, holder_wait(&holders[2], 0));
	EXPECT_EQ(0, sync_ms(0));
	EXPECT_EQ(0, del_sync(fds[2]));
	for (int i = 0; i < 3; i++)
		holder_stop(&holders[i]);
}

TEST_F(sync, waits_for_all_that_have_it)
{
	enum { THREADS = 4 };
	struct holder holders[THREADS], late;
	int fd = new_eventfd(1), other = new_eventfd(1);
	struct waiter deleters[2];

	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	for (int i = 0; i < THREADS; i++) {
		holder_start(&holders[i], 1);
		EXPECT_EQ(1, holder_wait(&holders[i], 0));
	}
	ASSERT_LT(0, add_sync(other, EPOLLIN));
	deleter_start(&deleters[0], fd);
	syncer_start(&deleters[1], -1);
	/* This one begins its work after the calls, and is not waited for. */
	holder_start(&late, 1);
	EXPECT_EQ(1, holder_wait(&late, 0));
	/* The last to be delivered it is the first to come back. */
	for (int i = THREADS - 1; i >= 0; i--) {
		EXPECT_SLEEPS(&deleters[0]);
		EXPECT_SLEEPS(&deleters[1]);
		EXPECT_EQ(1, holder_wait(&holders[i], 0));
	}
	EXPECT_EQ(0, waiter_join(&deleters[0]));
	EXPECT_EQ(0, waiter_join(&deleters[1]));
	EXPECT_EQ(-ETIMEDOUT, sync_ms(0));
	for (int i = 0; i < THREADS; i++)
		holder_stop(&holders[i]);
	holder_stop(&late);
}

TEST_F(sync, exit_is_a_return)
{
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	for (int i = 0; i < 10; i++) {
		ASSERT_LT(0, add_sync(fd, EPOLLIN));
		holder_start(&holder, 1);
		ASSERT_EQ(1, holder_wait(&holder, 0));
		deleter_start(&deleter, fd);
		EXPECT_TRUE(waiter_sleeps(&deleter));
		holder_stop(&holder);
		EXPECT_EQ(0, waiter_join(&deleter));
	}
}

/* The instance is shared with a child, which is killed at work. */
TEST_F(sync, kill_of_another_process_is_a_return)
{
	int fd = new_eventfd(1), pipefd[2];
	struct waiter deleter;
	pid_t child;
	char byte;

	ASSERT_LT(0, add_sync(fd, EPOLLIN));
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
	deleter_start(&deleter, fd);
	EXPECT_SLEEPS(&deleter);
	MUST(kill(child, SIGKILL));
	EXPECT_EQ(0, waiter_join(&deleter));
	MUST(waitpid(child, NULL, 0));
}

TEST_F(sync, signal_ends_the_wait_not_the_deletion)
{
	struct sigaction action = { .sa_handler = on_alarm };
	int fd = new_eventfd(1);
	struct waiter deleter;
	struct holder holder;

	MUST(sigaction(SIGUSR1, &action, NULL));
	ASSERT_LT(0, add_sync(fd, EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	deleter_start(&deleter, fd);
	EXPECT_SLEEPS(&deleter);
	EXPECT_EQ(0, pthread_kill(deleter.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, waiter_join(&deleter));
	EXPECT_EQ(-ENOENT, del_sync(fd));
	EXPECT_EQ(0, registrations(ep));
	syncer_start(&deleter, -1);
	EXPECT_SLEEPS(&deleter);
	EXPECT_EQ(0, pthread_kill(deleter.thread, SIGUSR1));
	EXPECT_EQ(-EINTR, waiter_join(&deleter));
	EXPECT_EQ(-ETIMEDOUT, sync_ms(10));
	EXPECT_EQ(0, holder_wait(&holder, 0));
	EXPECT_EQ(0, sync_ms(0));
	holder_stop(&holder);
}

/* Who closes it meanwhile closes it for good. */
TEST_F(sync, deletion_keeps_no_file_open)
{
	struct waiter deleter;
	struct holder holder;
	int pipe[2];

	signal(SIGPIPE, SIG_IGN);
	new_pipe(pipe);
	put_bytes(pipe[1], 1);
	ASSERT_LT(0, add_sync(pipe[0], EPOLLIN));
	holder_start(&holder, 1);
	EXPECT_EQ(1, holder_wait(&holder, 0));
	deleter_start(&deleter, pipe[0]);
	EXPECT_SLEEPS(&deleter);
	close(pipe[0]);
	EXPECT_EQ(-1, write(pipe[1], "", 1));
	EXPECT_EQ(EPIPE, errno);
	holder_stop(&holder);
	EXPECT_EQ(0, waiter_join(&deleter));
}

/* Two threads, each at work with what the other deletes. */

static pthread_barrier_t both;

static void *mutual_main(void *arg)
{
	struct waiter *w = arg;
	struct epoll_event event;

	w->ret = harvest(ep, &event, 1, -1);
	pthread_barrier_wait(&both);
	if (w->ret == 1)
		w->ret = del_sync(w->event.data.fd ^ event.data.fd);
	return NULL;
}

TEST_F(sync, two_that_delete_each_others)
{
	int fds[2] = { new_eventfd(1), new_eventfd(1) };
	struct waiter threads[2];

	pthread_barrier_init(&both, NULL, 2);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 2; i++)
			ASSERT_LT(0, add_sync(fds[i], EPOLLIN | EPOLLONESHOT));
		for (int i = 0; i < 2; i++) {
			threads[i].event.data.fd = fds[0] ^ fds[1];
			ASSERT_EQ(0, pthread_create(&threads[i].thread, NULL, mutual_main,
						    &threads[i]));
		}
		EXPECT_EQ(0, waiter_join(&threads[0]));
		EXPECT_EQ(0, waiter_join(&threads[1]));
		ASSERT_EQ(0, registrations(ep));
	}
}

TEST_F(sync, own_calls_are_returns)
{
	int fd = new_eventfd(1), other = new_eventfd(0);
	struct waiter deleter;

	for (int i = 0; i < 2; i++) {
		ASSERT_LT(0, add_sync(fd, EPOLLIN));
		ASSERT_LT(0, add_sync(other, EPOLLIN));
		EXPECT_EQ(1, ready(ep));
		deleter_start(&deleter, fd);
		/* These are none. */
		EXPECT_EQ(0, epfd_is_readable());
		EXPECT_EQ(0, mod(ep, other, EPOLLIN));
		EXPECT_EQ(-EINVAL, harvest(ep, NULL, INT_MAX, 0));
		EXPECT_EQ(-EINVAL, harvest(ep, NULL, 0, 0));
		EXPECT_SLEEPS(&deleter);
		EXPECT_EQ(0, i ? sync_ms(0) : del_sync(other));
		EXPECT_EQ(0, waiter_join(&deleter));
		EXPECT_EQ(i ? 0 : -ENOENT, del(ep, other));
	}
}

TEST_F(sync, waits_of_all_kinds_are_returns)
{
	int fd = new_eventfd(1), other = new_eventfd(0);
	struct epoll_event events[2];
	struct repoll_event wide[2];
	struct repoll_op none[1];

	ASSERT_LT(0, add_sync(other, EPOLLIN));
	for (int kind = 0; kind < 6; kind++) {
		struct waiter deleter;
		int ret = -1;

		ASSERT_LT(0, add_sync(fd, EPOLLIN));
		EXPECT_EQ(1, ready(ep));
		deleter_start(&deleter, fd);
		EXPECT_SLEEPS(&deleter);
		switch (kind) {
		case 0:
			ret = repoll_wait(ep, events, 2, 0);
			break;
		case 1:
			ret = repoll_pwait2(ep, events, 2, &(struct timespec){}, NULL);
			break;
		case 2:
			ret = repoll_batch_pwait(ep, none, 0, 0, events, 2, 0, NULL);
			break;
		case 3:
			ret = repoll_wait_many(ep, events, 2, 2, 1000000, 0);
			break;
		case 4:
			ret = repoll_wait_many(ep, events, 2, 2, 1000000, 1);
			break;
		case 5:
			ret = repoll_wait_generations(ep, wide, 2, 0);
			break;
		}
		EXPECT_EQ(0, ret);
		EXPECT_EQ(0, waiter_join(&deleter));
	}
}

TEST_HARNESS_MAIN
