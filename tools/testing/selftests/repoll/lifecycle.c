// SPDX-License-Identifier: GPL-2.0
/* An instance's life: dup, fork, exec, SCM_RIGHTS, exit, and the module's use count. */
#include <dirent.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(lifecycle);

static int open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	MUST(dir ? 0 : -1);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* The exit status of a child that ran @code. */
#define IN_CHILD(code) ({							\
	int _status = -1;							\
	pid_t _child = MUST(fork());						\
	if (!_child) {								\
		code;								\
		_exit(0);							\
	}									\
	MUST(waitpid(_child, &_status, 0));					\
	WIFEXITED(_status) ? WEXITSTATUS(_status) : -1;				\
})

TEST_F(lifecycle, dup_is_the_same_instance)
{
	int copy = dup(ep), fd = new_eventfd(1);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EEXIST, add(copy, fd, EPOLLIN));
	EXPECT_EQ(1, ready(copy));
	close(ep);
	EXPECT_EQ(1, ready(copy));
	EXPECT_EQ(1, registrations(copy));
	EXPECT_EQ(0, del(copy, fd));
	ep = copy;
}

TEST_F(lifecycle, child_shares_the_instance)
{
	int fd = new_eventfd(1), other = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, IN_CHILD({
		EXPECT_EQ(1, ready(ep));
		EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN));
		EXPECT_EQ(0, del(ep, fd));
		EXPECT_EQ(0, add(ep, other, EPOLLIN));
	}));
	/* What the child did to it, it did to ours. */
	EXPECT_EQ(other, ready_data(ep));
	EXPECT_EQ(1, registrations(ep));
}

TEST_F(lifecycle, child_may_close_its_copy)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, IN_CHILD({
		close(ep);
		close(fd);
	}));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(lifecycle, registration_of_a_child_dies_with_its_file)
{
	EXPECT_EQ(0, IN_CHILD({
		EXPECT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
		EXPECT_EQ(1, ready(ep));
	}));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(lifecycle, cloexec_instance_does_not_survive_exec)
{
	int kept = backend->create1(0);
	char test[64];

	ASSERT_LE(0, kept);
	snprintf(test, sizeof(test), "test ! -e /proc/self/fd/%d -a -e /proc/self/fd/%d", ep, kept);
	EXPECT_EQ(0, IN_CHILD(execl("/bin/sh", "sh", "-c", test, NULL)));
}

TEST_F(lifecycle, instance_survives_exec_with_its_registrations)
{
	int kept = backend->create1(0), plain = eventfd(0, 0), cloexec = new_eventfd(0);
	char test[128];

	ASSERT_LE(0, kept);
	ASSERT_LE(0, plain);
	EXPECT_EQ(0, IN_CHILD({
		/* A file of the child alone goes with exec, an inherited one stays. */
		ASSERT_EQ(0, add(kept, new_eventfd(0), EPOLLIN));
		ASSERT_EQ(0, add(kept, plain, EPOLLIN));
		ASSERT_EQ(0, add(kept, cloexec, EPOLLIN));
		ASSERT_EQ(3, registrations(kept));
		snprintf(test, sizeof(test),
			 "test $(grep -c ^tfd: /proc/self/fdinfo/%d) = 2", kept);
		execl("/bin/sh", "sh", "-c", test, NULL);
		_exit(127);
	}));
	EXPECT_EQ(2, registrations(kept));
}

TEST_F(lifecycle, exec_ends_the_waits_of_other_threads)
{
	EXPECT_EQ(0, IN_CHILD({
		struct waiter w[2];

		waiters_start(w, 2, ep, -1);
		execl("/bin/sh", "sh", "-c", "exit 0", NULL);
		_exit(127);
	}));
}

TEST_F(lifecycle, may_be_sent_to_another_process)
{
	int sock[2], fd = new_eventfd(0);
	pid_t child;
	int status;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, fcntl(sock[1], F_SETFL, 0));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		struct epoll_event event;
		int got;

		close(ep);
		close(fd);
		got = receive_fd(sock[1]);
		_exit(harvest(got, &event, 1, -1) != 1 || event.data.u64 != (uint64_t)fd);
	}
	send_fd(sock[0], ep);
	post(fd);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(lifecycle, lives_while_in_flight)
{
	int sock[2], fd = new_eventfd(0), got;

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	send_fd(sock[0], ep);
	close(ep);
	post(fd);
	got = receive_fd(sock[1]);
	EXPECT_EQ(1, ready(got));
	ep = got;
}

TEST_F(lifecycle, thousands_of_instances_leave_nothing)
{
	int fd = new_eventfd(1), before = open_fds();

	for (int i = 0; i < 2000; i++) {
		int one = create();

		ASSERT_LE(0, one);
		ASSERT_EQ(0, add(one, fd, EPOLLIN));
		if (i % 2)
			ASSERT_EQ(1, ready(one));
		close(one);
	}
	EXPECT_EQ(before, open_fds());
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(lifecycle, process_may_exit_with_all_open)
{
	for (int i = 0; i < 20; i++) {
		EXPECT_EQ(0, IN_CHILD({
			int inner = create();
			int fd = new_eventfd(1);

			add(inner, fd, EPOLLIN);
			add(ep, inner, EPOLLIN);
			ready(ep);
			if (i % 2) {
				/* Whichever of them is closed first. */
				MUST(dup2(inner, 900));
				close(inner);
			}
		}));
		ASSERT_EQ(0, registrations(ep));
	}
}

REPOLL_FIXTURE(module);

static int remove_module(void)
{
	return result(syscall(SYS_delete_module, "repoll", O_NONBLOCK));
}

TEST_F(module, stays_while_an_instance_is_open)
{
	if (geteuid())
		SKIP(return, "needs root");
	EXPECT_EQ(-EAGAIN, remove_module());
	/* And works. */
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(module, stays_while_an_instance_is_in_flight_only)
{
	int sock[2];

	if (geteuid())
		SKIP(return, "needs root");
	new_socketpair(sock, SOCK_STREAM);
	send_fd(sock[0], ep);
	close(ep);
	EXPECT_EQ(-EAGAIN, remove_module());
	ep = receive_fd(sock[1]);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(module, stays_while_a_thread_waits_on_a_closed_instance)
{
	struct waiter w;
	int fd = new_eventfd(0);

	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiter_start(&w, ep, -1);
	close(ep);
	EXPECT_EQ(-EAGAIN, remove_module());
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_HARNESS_MAIN
