// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A program that knows nothing of repoll, for preload_test.sh to run with and
 * without the interposer: what holds for the one has to hold for the other.
 *
 * usage: probe CHECK [ARGUMENT]. Exits 0 if the check holds, else it says where
 * it does not.
 */
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/time_types.h>

#include "probe.h"

const struct calls by_libc = {
	epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, epoll_pwait2,
};

static int sys_create1(int flags)
{
	return syscall(SYS_epoll_create1, flags);
}

static int sys_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return syscall(SYS_epoll_ctl, epfd, op, fd, event);
}

static int sys_pwait(int epfd, struct epoll_event *events, int max, int timeout,
		     const sigset_t *mask)
{
	return syscall(SYS_epoll_pwait, epfd, events, max, timeout, mask, KERNEL_SIGSET_SIZE);
}

static int sys_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
#ifdef SYS_epoll_wait
	return syscall(SYS_epoll_wait, epfd, events, max, timeout);
#else
	return sys_pwait(epfd, events, max, timeout, NULL);
#endif
}

static int sys_pwait2(int epfd, struct epoll_event *events, int max,
		      const struct timespec *timeout, const sigset_t *mask)
{
	struct __kernel_timespec kernel = {
		.tv_sec = timeout ? timeout->tv_sec : 0,
		.tv_nsec = timeout ? timeout->tv_nsec : 0,
	};

	return syscall(SYS_epoll_pwait2, epfd, events, max, timeout ? &kernel : NULL, mask,
		       KERNEL_SIGSET_SIZE);
}

const struct calls by_number = {
	sys_create1, sys_ctl, sys_wait, sys_pwait, sys_pwait2,
};

static int new_eventfd(unsigned int value)
{
	int fd = eventfd(value, EFD_NONBLOCK | EFD_CLOEXEC);

	EXPECT(fd >= 0);
	return fd;
}

static void nothing(int signal)
{
	(void)signal;
}

/* Each call does its job. The number of each is what preload_test.sh expects to see counted. */
static void check_calls(const struct calls *calls)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x1234567890abcdef };
	const struct timespec none = { 0 }, wrong = { .tv_nsec = 1000000000 };
	struct epoll_event out[2];
	sigset_t mask, usr1;
	int epfd = calls->create1(EPOLL_CLOEXEC);
	int fd = new_eventfd(0);

	EXPECT(epfd >= 0);
	EXPECT(!calls->ctl(epfd, EPOLL_CTL_ADD, fd, &event));
	EXPECT_ERRNO(calls->ctl(epfd, EPOLL_CTL_ADD, fd, &event), EEXIST);
	EXPECT(calls->wait(epfd, out, 2, 0) == 0);
	EXPECT(!eventfd_write(fd, 1));
	EXPECT(calls->wait(epfd, out, 2, -1) == 1);
	EXPECT(out[0].events == EPOLLIN && out[0].data.u64 == event.data.u64);
	EXPECT(calls->pwait(epfd, out, 2, 1000, NULL) == 1);
	EXPECT(calls->pwait2(epfd, out, 2, NULL, NULL) == 1);
	EXPECT(calls->pwait2(epfd, out, 2, &none, NULL) == 1);
	EXPECT_ERRNO(calls->pwait2(epfd, out, 2, &wrong, NULL), EINVAL);
	EXPECT_ERRNO(calls->wait(epfd, out, 0, 0), EINVAL);
	EXPECT_ERRNO(calls->wait(epfd, (void *)1, 1, 0), EFAULT);
	EXPECT(!calls->ctl(epfd, EPOLL_CTL_DEL, fd, NULL));

	/* A signal that only the wait lets in. */
	EXPECT(signal(SIGUSR1, nothing) != SIG_ERR);
	sigemptyset(&mask);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	EXPECT(!sigprocmask(SIG_BLOCK, &usr1, NULL));
	EXPECT(!raise(SIGUSR1));
	EXPECT_ERRNO(calls->pwait(epfd, out, 2, -1, &mask), EINTR);
	EXPECT(!raise(SIGUSR1));
	EXPECT_ERRNO(calls->pwait2(epfd, out, 2, NULL, &mask), EINTR);
}

static void check_errors(const struct calls *calls)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epfd = calls->create1(0);
	int fd = new_eventfd(0);

	EXPECT(epfd >= 0);
	EXPECT_ERRNO(calls->create1(~EPOLL_CLOEXEC), EINVAL);
	EXPECT_ERRNO(calls->ctl(epfd, 77, fd, &event), EINVAL);
	EXPECT_ERRNO(calls->ctl(epfd, EPOLL_CTL_ADD, epfd, &event), EINVAL);
	EXPECT_ERRNO(calls->ctl(epfd, EPOLL_CTL_ADD, fd, NULL), EFAULT);
	EXPECT_ERRNO(calls->ctl(-1, EPOLL_CTL_ADD, fd, &event), EBADF);
	EXPECT_ERRNO(calls->ctl(epfd, EPOLL_CTL_ADD, -1, &event), EBADF);
	EXPECT_ERRNO(calls->ctl(fd, EPOLL_CTL_ADD, epfd, &event), EINVAL);
	EXPECT_ERRNO(calls->ctl(fd, EPOLL_CTL_ADD, -1, &event), EBADF);
	EXPECT_ERRNO(calls->wait(-1, &event, 1, 0), EBADF);
	EXPECT_ERRNO(calls->wait(fd, &event, 1, 0), EINVAL);
	EXPECT_ERRNO(epoll_create(0), EINVAL);
	EXPECT_ERRNO(epoll_create(-1), EINVAL);
}

/* Only syscall() takes the size of the signal set, and reads it only with a set. */
static void check_sigsetsize(void)
{
	struct epoll_event event;
	sigset_t mask;
	int epfd = sys_create1(0);

	sigemptyset(&mask);
	EXPECT_ERRNO(syscall(SYS_epoll_pwait, epfd, &event, 1, 0, &mask, sizeof(mask)), EINVAL);
	EXPECT_ERRNO(syscall(SYS_epoll_pwait2, epfd, &event, 1, NULL, &mask, 4), EINVAL);
	EXPECT(syscall(SYS_epoll_pwait, epfd, &event, 1, 0, NULL, 4) == 0);
#if __SIZEOF_LONG__ == 8
	EXPECT_ERRNO(syscall(SYS_epoll_pwait, epfd, &event, 1, 0, &mask, (1UL << 32) + 8), EINVAL);
#endif
}

/* Everything but epoll goes through syscall() as if the interposer were not there. */
static void check_other_syscalls(void)
{
	int number = sizeof(long) == 8 ? SYS_mmap :
#ifdef SYS_mmap2
					 SYS_mmap2;
#else
					 -1;
#endif
	char *map = (char *)syscall(number, 0L, 4096L, (long)(PROT_READ | PROT_WRITE),
				    (long)(MAP_PRIVATE | MAP_ANONYMOUS), -1L, 0L);
	int status;
	pid_t pid;

	EXPECT(map != MAP_FAILED);
	map[4095] = 1;
	EXPECT(syscall(SYS_munmap, map, 4096L) == 0);
	EXPECT(syscall(SYS_getpid) == getpid());
	EXPECT_ERRNO(syscall(SYS_close, -1), EBADF);
	EXPECT_ERRNO(syscall(-1), ENOSYS);
	errno = EXDEV;
	EXPECT(syscall(SYS_getppid) == getppid() && errno == EXDEV);

	pid = syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
	if (!pid)
		syscall(SYS_exit_group, 7);
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

/* Hand an in-tree instance with a ready file in it to a program run under @preload. */
static void exec_with_instance(char *self, const char *preload)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 99 };
	int epfd = epoll_create1(0), fd = eventfd(1, 0);
	char epfd_text[16], fd_text[16];

	EXPECT(epfd >= 0 && fd >= 0);
	EXPECT(!epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
	snprintf(epfd_text, sizeof(epfd_text), "%d", epfd);
	snprintf(fd_text, sizeof(fd_text), "%d", fd);
	setenv("LD_PRELOAD", preload, 1);
	execl(self, self, "inherited", epfd_text, fd_text, NULL);
	err(EXIT_FAILURE, "%s", self);
}

static void check_inherited(const struct calls *calls, int epfd, int fd)
{
	const struct timespec none = { 0 };
	struct epoll_event event;

	EXPECT(calls->wait(epfd, &event, 1, -1) == 1 && event.data.u64 == 99);
	EXPECT(calls->pwait(epfd, &event, 1, -1, NULL) == 1);
	EXPECT(calls->pwait2(epfd, &event, 1, &none, NULL) == 1);
	EXPECT_ERRNO(calls->ctl(epfd, EPOLL_CTL_ADD, fd, &event), EEXIST);
	EXPECT_ERRNO(calls->wait(epfd, &event, 0, 0), EINVAL);
	errno = EXDEV;
	EXPECT(!calls->ctl(epfd, EPOLL_CTL_DEL, fd, NULL) && errno == EXDEV);
	EXPECT(!calls->ctl(epfd, EPOLL_CTL_ADD, fd, &event));
}

/* Make one instance, and leave by the way of this name. */
static void leave(const char *way)
{
	int epfd = epoll_create1(0);
	pid_t pid = 1;

	if (!strcmp(way, "fork")) {
		pid = fork();
		if (!pid)
			close(epoll_create1(0));
	} else if (!strcmp(way, "vfork")) {
		pid = vfork();
		if (!pid)
			_exit(0);
	}
	if (pid > 1)
		waitpid(pid, NULL, 0);

	close(epfd);
	if (!strcmp(way, "_exit"))
		_exit(0);
	if (!strcmp(way, "_Exit"))
		_Exit(0);
	if (!strcmp(way, "quick_exit"))
		quick_exit(0);
	if (!strcmp(way, "exit_group"))
		syscall(SYS_exit_group, 0);
	exit(0);
}

int main(int argc, char **argv)
{
	const char *check = argc > 1 ? argv[1] : "";
	const char *argument = argc > 2 ? argv[2] : "";
	const struct calls *calls = !strcmp(argument, "number") ? &by_number : &by_libc;

	if (!strcmp(check, "calls")) {
		check_calls(calls);
	} else if (!strcmp(check, "errors")) {
		check_errors(calls);
	} else if (!strcmp(check, "sigsetsize")) {
		check_sigsetsize();
	} else if (!strcmp(check, "other-syscalls")) {
		check_other_syscalls();
	} else if (!strcmp(check, "cancel")) {
		check_cancel();
	} else if (!strcmp(check, "cancel-alone")) {
		check_cancel_alone();
	} else if (!strcmp(check, "wake")) {
		check_wake(calls);
	} else if (!strcmp(check, "first-syscall")) {
		check_first_syscall();
	} else if (!strcmp(check, "exec")) {
		exec_with_instance(argv[0], argument);
	} else if (!strcmp(check, "inherited") && argc == 4) {
		check_inherited(&by_libc, atoi(argv[2]), atoi(argv[3]));
		check_inherited(&by_number, atoi(argv[2]), atoi(argv[3]));
	} else if (!strcmp(check, "create")) {
		errno = 0;
		epoll_create1(0);
		puts(strerrorname_np(errno));
	} else if (!strcmp(check, "io_uring")) {
		syscall(SYS_io_uring_setup, 0, NULL);
		puts(strerrorname_np(errno));
	} else if (!strcmp(check, "leave")) {
		leave(argument);
	} else {
		errx(2, "no such check: %s", check);
	}
	return 0;
}
