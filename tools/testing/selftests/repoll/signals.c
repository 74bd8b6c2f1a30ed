// SPDX-License-Identifier: GPL-2.0
/* Signals and waits: EINTR, the mask for the time of the wait, death. */
#include <pthread.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(signals);

/* The kernel's sigset_t, which libc's is larger than. */
#define SIGSET_SIZE	(64 / 8)

static volatile sig_atomic_t handled;
static volatile sig_atomic_t usr2_blocked_in_handler;

static void handler(int sig)
{
	sigset_t mask;

	(void)sig;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	usr2_blocked_in_handler = sigismember(&mask, SIGUSR2);
	handled++;
}

static void handle(int sig, int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	MUST(sigaction(sig, &action, NULL));
}

static sigset_t mask_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	return set;
}

static void block(int sig)
{
	sigset_t set = mask_of(sig);

	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool blocked(int sig)
{
	sigset_t set;

	pthread_sigmask(SIG_SETMASK, NULL, &set);
	return sigismember(&set, sig);
}

static bool pending(int sig)
{
	sigset_t set;

	sigpending(&set);
	return sigismember(&set, sig);
}

/* epoll_pwait() as the kernel sees it, with any size of the mask. */
static int raw_pwait(int timeout, const void *mask, size_t size)
{
	struct epoll_event event;
	struct repoll_wait wait = {
		.events = (uintptr_t)&event,
		.maxevents = 1,
		.timeout = timeout,
		.sigmask = (uintptr_t)mask,
		.sigsetsize = size,
	};

	if (on_repoll())
		return result(ioctl(ep, REPOLL_IOC_WAIT, &wait));
	return result(syscall(SYS_epoll_pwait, ep, &event, 1, timeout, mask, size));
}

TEST_F(signals, handler_ends_a_wait_with_EINTR)
{
	static const int flags[] = { 0, SA_RESTART, SA_SIGINFO | SA_NODEFER };
	struct waiter w;

	/* A wait is never restarted, whatever the handler asks for. */
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		handle(SIGUSR1, flags[i]);
		waiter_start(&w, ep, -1);
		pthread_kill(w.thread, SIGUSR1);
		EXPECT_EQ(-EINTR, waiter_join(&w));
		waiter_start(&w, ep, 1000000);
		pthread_kill(w.thread, SIGUSR1);
		EXPECT_EQ(-EINTR, waiter_join(&w));
	}
	EXPECT_EQ(6, handled);
}

TEST_F(signals, ignored_signal_does_not_end_a_wait)
{
	struct waiter w;
	int fd = new_eventfd(0);

	signal(SIGUSR1, SIG_IGN);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiter_start(&w, ep, -1);
	pthread_kill(w.thread, SIGUSR1);
	pthread_kill(w.thread, SIGCHLD);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_F(signals, blocked_signal_does_not_end_a_wait)
{
	struct epoll_event event;

	handle(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(0, harvest(ep, &event, 1, 20));
	EXPECT_EQ(0, handled);
	EXPECT_TRUE(pending(SIGUSR1));
}

TEST_F(signals, stop_and_continue_end_a_wait_with_EINTR)
{
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		struct epoll_event event;

		_exit(-harvest(ep, &event, 1, -1));
	}
	while (!sleeps_in_wait(child, child, ep))
		sleep_ms(1);
	ASSERT_EQ(0, kill(child, SIGSTOP));
	ASSERT_EQ(child, waitpid(child, &status, WUNTRACED));
	ASSERT_TRUE(WIFSTOPPED(status));
	ASSERT_EQ(0, kill(child, SIGCONT));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(EINTR, WEXITSTATUS(status));
}

TEST_F(signals, mask_lets_a_pending_signal_in)
{
	struct epoll_event event;
	sigset_t none = mask_of(0);

	handle(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(-EINTR, result(backend->pwait(ep, &event, 1, -1, &none)));
	EXPECT_EQ(1, handled);
	/* The caller's mask is back. */
	EXPECT_TRUE(blocked(SIGUSR1));
	raise(SIGUSR1);
	EXPECT_EQ(1, handled);
	EXPECT_EQ(-EINTR, result(backend->pwait2(ep, &event, 1, NULL, &none)));
	EXPECT_EQ(2, handled);
	EXPECT_TRUE(blocked(SIGUSR1));
}

TEST_F(signals, handler_runs_with_the_mask_of_the_wait)
{
	struct epoll_event event;
	sigset_t none = mask_of(0);

	handle(SIGUSR1, 0);
	block(SIGUSR1);
	block(SIGUSR2);
	raise(SIGUSR1);
	EXPECT_EQ(-EINTR, result(backend->pwait(ep, &event, 1, -1, &none)));
	EXPECT_EQ(1, handled);
	EXPECT_FALSE(usr2_blocked_in_handler);
	EXPECT_TRUE(blocked(SIGUSR2));
}

TEST_F(signals, mask_keeps_a_signal_out_for_the_time_of_the_wait)
{
	struct epoll_event event;
	sigset_t usr1 = mask_of(SIGUSR1);
	pid_t child, parent = getpid();
	int64_t start = now_ns();

	handle(SIGUSR1, 0);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		while (!sleeps_in_wait(parent, parent, ep))
			sleep_ms(1);
		_exit(kill(parent, SIGUSR1));
	}
	/* SIGCHLD is ignored; SIGUSR1 comes, and the wait goes on. */
	EXPECT_EQ(0, result(backend->pwait(ep, &event, 1, 500, &usr1)));
	EXPECT_LE(500 * NSEC_PER_MSEC, now_ns() - start);
	/* A slow machine may deliver it later, but not never. */
	while (!handled)
		sleep_ms(1);
	EXPECT_FALSE(blocked(SIGUSR1));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(signals, ready_event_comes_before_a_pending_signal)
{
	struct epoll_event event;
	sigset_t none = mask_of(0);
	int fd = new_eventfd(1);

	handle(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, result(backend->pwait(ep, &event, 1, -1, &none)));
	/* It was not let in: still pending, still blocked. */
	EXPECT_EQ(0, handled);
	EXPECT_TRUE(pending(SIGUSR1));
	EXPECT_TRUE(blocked(SIGUSR1));
}

TEST_F(signals, pending_signal_and_no_time_gives_zero)
{
	struct epoll_event event;
	sigset_t none = mask_of(0);

	handle(SIGUSR1, 0);
	block(SIGUSR1);
	raise(SIGUSR1);
	EXPECT_EQ(0, result(backend->pwait(ep, &event, 1, 0, &none)));
	EXPECT_EQ(0, handled);
	EXPECT_TRUE(pending(SIGUSR1));
	EXPECT_TRUE(blocked(SIGUSR1));
}

TEST_F(signals, mask_is_restored_after_every_outcome)
{
	struct epoll_event event;
	sigset_t usr1 = mask_of(SIGUSR1), before, after;
	int fd = new_eventfd(1);

	block(SIGUSR2);
	ASSERT_EQ(0, pthread_sigmask(SIG_SETMASK, NULL, &before));
	EXPECT_EQ(0, result(backend->pwait(ep, &event, 1, 1, &usr1)));
	EXPECT_EQ(-EINVAL, result(backend->pwait(ep, &event, 0, 1, &usr1)));
	EXPECT_EQ(-EBADF, result(backend->pwait(-1, &event, 1, 1, &usr1)));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EFAULT, result(backend->pwait(ep, NULL, 1, 1, &usr1)));
	EXPECT_EQ(1, result(backend->pwait(ep, &event, 1, 1, &usr1)));
	ASSERT_EQ(0, pthread_sigmask(SIG_SETMASK, NULL, &after));
	for (int sig = 1; sig < 65; sig++)
		EXPECT_EQ(sigismember(&before, sig), sigismember(&after, sig));
}

TEST_F(signals, no_mask_changes_nothing)
{
	struct epoll_event event;

	block(SIGUSR1);
	handle(SIGUSR1, 0);
	raise(SIGUSR1);
	EXPECT_EQ(0, result(backend->pwait(ep, &event, 1, 1, NULL)));
	EXPECT_EQ(0, handled);
	EXPECT_TRUE(blocked(SIGUSR1));
}

TEST_F(signals, mask_of_another_size_gives_EINVAL)
{
	static const size_t sizes[] = { 0, 1, 4, 7, 9, 12, 16, 128, 1U << 20, ~0U };
	sigset_t none = mask_of(0);

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		EXPECT_EQ(-EINVAL, raw_pwait(0, &none, sizes[i])) {
			TH_LOG("size %zu", sizes[i]);
		}
		/* Not looked at without a mask. */
		EXPECT_EQ(0, raw_pwait(0, NULL, sizes[i]));
	}
	EXPECT_EQ(0, raw_pwait(0, &none, SIGSET_SIZE));
}

TEST_F(signals, bad_mask_pointer_gives_EFAULT)
{
	EXPECT_EQ(-EFAULT, raw_pwait(0, (void *)8, SIGSET_SIZE));
	EXPECT_EQ(-EFAULT, raw_pwait(-1, (void *)(~0UL - 4095), SIGSET_SIZE));
	/* Even with an event at hand. */
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(-EFAULT, raw_pwait(0, (void *)8, SIGSET_SIZE));
}

TEST_F(signals, mask_cannot_block_SIGKILL)
{
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		struct epoll_event event;
		sigset_t all;

		sigfillset(&all);
		backend->pwait(ep, &event, 1, -1, &all);
		_exit(1);
	}
	while (!sleeps_in_wait(child, child, ep))
		sleep_ms(1);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(SIGKILL, WTERMSIG(status));
}

TEST_F(signals, exit_of_a_process_ends_the_waits_of_its_threads)
{
	pid_t child = fork();
	int status;

	ASSERT_LE(0, child);
	if (!child) {
		struct waiter w[4];

		waiters_start(w, 4, ep, -1);
		_exit(7);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(7, WEXITSTATUS(status));
}

TEST_HARNESS_MAIN
