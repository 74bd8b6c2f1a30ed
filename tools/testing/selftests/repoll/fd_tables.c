// SPDX-License-Identifier: GPL-2.0
/*
 * Whose number it is that a registration with REPOLL_CTL_BIND ends with: that of a
 * table of open files, which tasks share, copy, leave and end.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "flagged.h"

REPOLL_FIXTURE(fd_tables);

TEST_F(fd_tables, child_that_inherits_it_does_not_keep_it)
{
	struct bound b = bound();
	int sock[2];
	pid_t child;
	char byte;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, sock));
	child = MUST(fork());
	if (!child) {
		close(sock[0]);
		_exit(read(sock[1], &byte, 1) != 0);
	}
	close(sock[1]);
	close(b.copy);
	EXPECT_EQ(b.fd, ready_data(ep));
	close(b.fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	close(sock[0]);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(fd_tables, close_in_a_child_does_not_end_it)
{
	struct bound b = bound();
	pid_t child = MUST(fork());

	if (!child) {
		close(b.fd);
		_exit(ready(ep) != 1);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(b.fd, ready_data(ep));
	close(b.fd);
	expect_ended(_metadata, &b);
}

/* A child's registration of a file that the parent has too; the child ends by @last. */
static int of_a_child(void (*last)(int fd))
{
	int fd = new_eventfd(1), status;
	pid_t child = MUST(fork());

	if (!child) {
		if (bind_fd(fd, EPOLLIN) || ready(ep) < 1)
			_exit(1);
		last(fd);
		_exit(2);
	}
	/* The parent keeps the file: its last close is not what ends the registration. */
	MUST(waitpid(child, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void exit_at_once(int fd)
{
	(void)fd;
	_exit(0);
}

static void be_killed(int fd)
{
	(void)fd;
	raise(SIGKILL);
}

TEST_F(fd_tables, exit_ends_it)
{
	int keep = new_eventfd(1);

	EXPECT_EQ(0, of_a_child(exit_at_once));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(-SIGKILL, of_a_child(be_killed));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	/* What the parent has is none of theirs. */
	EXPECT_EQ(0, bind_fd(keep, EPOLLIN));
	EXPECT_EQ(0, of_a_child(exit_at_once));
	EXPECT_EQ(keep, ready_data(ep));
}

/* What the child execs: it tells how many registrations it sees, and ends. */
static void exec_counter(int fd)
{
	char command[64];

	(void)fd;
	fcntl(ep, F_SETFD, 0);
	snprintf(command, sizeof(command), "exit $(grep -c tfd: /proc/self/fdinfo/%d)", ep);
	execl("/bin/sh", "sh", "-c", command, NULL);
}

static void exec_without_cloexec(int fd)
{
	fcntl(fd, F_SETFD, 0);
	exec_counter(fd);
}

TEST_F(fd_tables, exec_ends_what_it_closes)
{
	EXPECT_EQ(0, of_a_child(exec_counter));
	EXPECT_EQ(1, of_a_child(exec_without_cloexec));
	EXPECT_EQ(0, registrations(ep));
}

/* Threads of one table, and one that leaves it. */

static void *close_it(void *arg)
{
	close((intptr_t)arg);
	return NULL;
}

static void *leave_and_close_it(void *arg)
{
	MUST(unshare(CLONE_FILES));
	close((intptr_t)arg);
	return NULL;
}

static void in_thread(void *(*main)(void *), int fd)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, main, (void *)(intptr_t)fd);
	MUST(errno ? -1 : 0);
	pthread_join(thread, NULL);
}

TEST_F(fd_tables, table_is_that_of_all_threads)
{
	struct bound b = bound();

	in_thread(close_it, b.fd);
	expect_ended(_metadata, &b);
}

TEST_F(fd_tables, thread_that_leaves_the_table_has_another_number)
{
	struct bound b = bound();

	in_thread(leave_and_close_it, b.fd);
	EXPECT_EQ(b.fd, ready_data(ep));
	close(b.fd);
	expect_ended(_metadata, &b);
}

TEST_HARNESS_MAIN
