// SPDX-License-Identifier: GPL-2.0
/* The wait of a REPOLL_IOC_BATCH, and the calls of librepoll that are one. */
#include <linux/time_types.h>
#include <pthread.h>

#include "batch.h"
#include "waiter.h"

REPOLL_FIXTURE(batch_wait);

static struct epoll_event events[4];

static struct repoll_wait wait_of(int64_t timeout)
{
	return (struct repoll_wait){
		.events = (uintptr_t)events, .maxevents = ARRAY_SIZE(events), .timeout = timeout,
	};
}

/* What the call returns. */
static int batch_then(struct repoll_op *ops, unsigned int n, const struct repoll_wait *wait,
		      uint32_t *succeeded)
{
	struct repoll_batch request = batch_of(ops, n);
	int ret;

	request.wait = (uintptr_t)wait;
	ret = call_batch(&request);
	*succeeded = request.succeeded;
	return ret;
}

static void handler(int sig)
{
	(void)sig;
}

static void interrupt_me(int sig)
{
	struct sigaction action = { .sa_handler = handler };
	sigset_t set;

	MUST(sigaction(sig, &action, NULL));
	sigemptyset(&set);
	sigaddset(&set, sig);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	MUST(raise(sig));
}

TEST_F(batch_wait, sees_what_the_operations_did)
{
	int a = new_eventfd(1), b = new_eventfd(1);
	struct repoll_op ops[] = { ADD(a, EPOLLIN), ADD(b, EPOLLIN), DEL(a) };
	struct repoll_wait wait = wait_of(-1);
	uint32_t succeeded;

	EXPECT_EQ(1, batch_then(ops, 3, &wait, &succeeded));
	EXPECT_EQ(3U, succeeded);
	EXPECT_EQ(b, events[0].data.fd);
	EXPECT_EQ(1, batch_then(NULL, 0, &wait, &succeeded));
	EXPECT_EQ(0U, succeeded);
}

TEST_F(batch_wait, sleeps_for_the_timeout)
{
	struct __kernel_timespec timespec = { 0, 30 * NSEC_PER_MSEC };
	struct repoll_wait wait = wait_of(20);
	struct repoll_op op = ADD(new_eventfd(0), EPOLLIN);
	int64_t start = now_ns();
	uint32_t succeeded;

	EXPECT_EQ(0, batch_then(&op, 1, &wait, &succeeded));
	EXPECT_LE(20 * NSEC_PER_MSEC, now_ns() - start);
	EXPECT_EQ(1U, succeeded);
	wait.flags = REPOLL_WAIT_TIMESPEC;
	wait.timeout = (uintptr_t)&timespec;
	start = now_ns();
	EXPECT_EQ(0, batch_then(NULL, 0, &wait, &succeeded));
	EXPECT_LE(30 * NSEC_PER_MSEC, now_ns() - start);
}

/* Somebody has to look at that first. */
TEST_F(batch_wait, does_not_sleep_after_a_failure)
{
	int fd = new_eventfd(0);
	struct repoll_op ops[] = { ADD(fd, EPOLLIN), DEL(-1) };
	struct repoll_wait wait = wait_of(-1);
	uint32_t succeeded;

	EXPECT_EQ(0, batch_then(ops, 2, &wait, &succeeded));
	EXPECT_EQ(1U, succeeded);
	EXPECT_EQ(-EBADF, ops[1].result);
	/* It is a wait all the same. */
	post(fd);
	EXPECT_EQ(1, batch_then(ops, 2, &wait, &succeeded));
	EXPECT_EQ(-EEXIST, ops[0].result);
	EXPECT_EQ(0U, succeeded);
}

TEST_F(batch_wait, wakes_up_for_an_event)
{
	int fd = new_eventfd(0);
	struct repoll_op op = ADD(fd, EPOLLIN);
	struct repoll_wait wait = wait_of(-1);
	uint32_t succeeded;
	pid_t pid = MUST(fork());

	if (!pid) {
		/* The parent sleeps in the call when its registration is there. */
		while (registrations(ep) < 1 || task_state(getppid(), getppid()) != 'S')
			sleep_ms(1);
		post(fd);
		_exit(0);
	}
	EXPECT_EQ(1, batch_then(&op, 1, &wait, &succeeded));
	EXPECT_EQ(fd, events[0].data.fd);
}

TEST_F(batch_wait, signal_gives_EINTR_when_all_has_been_done)
{
	uint64_t none = 0;
	struct repoll_op op = ADD(new_eventfd(0), EPOLLIN);
	struct repoll_wait wait = wait_of(-1);
	uint32_t succeeded;
	sigset_t now;

	interrupt_me(SIGUSR1);
	wait.sigmask = (uintptr_t)&none;
	wait.sigsetsize = SIGSET_SIZE;
	EXPECT_EQ(-EINTR, batch_then(&op, 1, &wait, &succeeded));
	EXPECT_EQ(0, op.result);
	EXPECT_EQ(1U, succeeded);
	EXPECT_EQ(1, registrations(ep));
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
	/* An event that is there comes before the signal. */
	interrupt_me(SIGUSR1);
	op = ADD(new_eventfd(1), EPOLLIN);
	EXPECT_EQ(1, batch_then(&op, 1, &wait, &succeeded));
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	EXPECT_TRUE(sigismember(&now, SIGUSR1));
}

TEST_F(batch_wait, bad_waits_change_nothing)
{
	static const struct __kernel_timespec negative = { -1, 0 };
	uint64_t mask = 0;
	struct repoll_op op = ADD(new_eventfd(1), EPOLLIN);
	struct repoll_wait good = wait_of(0), bad[8];
	uint32_t succeeded;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		bad[i] = good;
	bad[0].maxevents = 0;
	bad[1].flags = ~REPOLL_WAIT_TIMESPEC;
	bad[2].reserved = 1;
	bad[3].flags = REPOLL_WAIT_TIMESPEC;
	bad[3].timeout = (uintptr_t)&negative;
	bad[4].sigmask = (uintptr_t)&mask;
	bad[4].sigsetsize = 1;
	bad[5].flags = REPOLL_WAIT_TIMESPEC;
	bad[5].timeout = (uintptr_t)bad_pointer(NO_ACCESS);
	bad[6].sigmask = (uintptr_t)bad_pointer(NO_ACCESS);
	bad[6].sigsetsize = SIGSET_SIZE;
	/* The kernel's, also seen from a 32-bit program. */
	bad[7].events = ~0ULL - 4095;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		EXPECT_EQ(i < 5 ? -EINVAL : -EFAULT, batch_then(&op, 1, &bad[i], &succeeded)) {
			TH_LOG("wait %zu", i);
		}
		EXPECT_EQ(UINT32_MAX, succeeded);
		EXPECT_EQ(INT_MAX, op.result);
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(batch_wait, fault_in_the_events_comes_after_the_operations)
{
	struct repoll_op op = ADD(new_eventfd(1), EPOLLIN | EPOLLET);
	struct repoll_wait wait = wait_of(-1);
	uint32_t succeeded;

	wait.events = (uintptr_t)bad_pointer(READ_ONLY);
	EXPECT_EQ(-EFAULT, batch_then(&op, 1, &wait, &succeeded));
	EXPECT_EQ(0, op.result);
	EXPECT_EQ(1U, succeeded);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(batch_wait, follows_all_or_nothing)
{
	int fd = new_eventfd(1);
	struct repoll_op ops[] = { ADD(fd, EPOLLIN), DEL(new_eventfd(0)) };
	struct repoll_wait wait = wait_of(-1);
	struct repoll_batch request = batch_of(ops, 2);

	request.flags = REPOLL_BATCH_ATOMIC;
	request.wait = (uintptr_t)&wait;
	EXPECT_EQ(0, call_batch(&request));
	EXPECT_EQ(0U, request.succeeded);
	EXPECT_EQ(-ECANCELED, ops[0].result);
	request.nr_ops = 1;
	EXPECT_EQ(1, call_batch(&request));
	EXPECT_EQ(1U, request.succeeded);
}

TEST_F(batch_wait, library_call)
{
	int fd = new_eventfd(1);
	struct repoll_op ops[] = { ADD(fd, EPOLLIN), DEL(-1) };
	struct epoll_event event;
	sigset_t none;

	EXPECT_EQ(1, repoll_batch(ep, ops, 2, 0));
	EXPECT_EQ(-EBADF, ops[1].result);
	EXPECT_EQ(0, repoll_batch(ep, ops, 1, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EEXIST, ops[0].result);
	EXPECT_EQ(1, repoll_batch_pwait(ep, ops, 2, 0, &event, 1, -1, NULL));
	EXPECT_EQ(fd, event.data.fd);
	ops[0] = DEL(fd);
	EXPECT_EQ(0, repoll_batch_pwait(ep, ops, 1, 0, &event, 1, 0, NULL));
	interrupt_me(SIGUSR1);
	sigemptyset(&none);
	EXPECT_EQ(-EINTR, result(repoll_batch_pwait(ep, NULL, 0, 0, &event, 1, -1, &none)));
	EXPECT_EQ(-EINVAL, result(repoll_batch(fd, ops, 1, 0)));
	EXPECT_EQ(-EINVAL, result(repoll_batch(ep, ops, 1, 2)));
	EXPECT_EQ(-EBADF, result(repoll_batch(-1, ops, 1, 0)));
}

TEST_HARNESS_MAIN
