/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files of every kind that can be watched, and some that cannot: how to open
 * one. object_io.h has how to use it.
 *
 * A header, because the tests that the fuzzer prints use it too.
 */
#ifndef REPOLL_FUZZ_OBJECT_H
#define REPOLL_FUZZ_OBJECT_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <linux/sched.h>
#include <linux/userfaultfd.h>

#ifndef ARRAY_SIZE
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#endif

enum object_kind {
	OBJ_NONE,		/* no file */
	OBJ_INSTANCE,		/* made by a backend, not by object_open() */
	OBJ_EVENTFD,
	OBJ_SEMAPHORE,		/* an eventfd that counts down by one */
	OBJ_PIPE,
	OBJ_FIFO,
	OBJ_UNIX_STREAM,
	OBJ_UNIX_DGRAM,
	OBJ_UNIX_SEQPACKET,
	OBJ_UNIX_LISTENER,
	OBJ_TCP,
	OBJ_TCP_LISTENER,
	OBJ_UDP,
	OBJ_PTY,
	OBJ_TIMERFD,
	OBJ_SIGNALFD,
	OBJ_PIDFD,
	OBJ_INOTIFY,		/* and the file that it watches */
	OBJ_USERFAULTFD,
	OBJ_RANDOM,
	OBJ_NULL,
	OBJ_REGULAR,
	OBJ_KINDS
};

/* The signal of signalfds; twins must not take one another's. */
__attribute__((unused)) static int object_signal;

/* The processes behind pidfds. */
__attribute__((unused)) static pid_t object_pids[64];
__attribute__((unused)) static int object_npids;

static inline bool object_is_unix(enum object_kind kind)
{
	return kind >= OBJ_UNIX_STREAM && kind <= OBJ_UNIX_LISTENER;
}

/* Packets of these travel through the loopback device. */
static inline bool object_is_inet(enum object_kind kind)
{
	return kind >= OBJ_TCP && kind <= OBJ_UDP;
}

/* Two fds are opened at once. */
static inline bool object_is_pair(enum object_kind kind)
{
	return kind == OBJ_PIPE || kind == OBJ_FIFO || kind == OBJ_PTY || kind == OBJ_INOTIFY ||
	       kind == OBJ_TCP || kind == OBJ_UDP ||
	       (object_is_unix(kind) && kind != OBJ_UNIX_LISTENER);
}

static inline bool object_can_poll(enum object_kind kind)
{
	return kind != OBJ_NULL && kind != OBJ_REGULAR;
}

/* What a system call returned, as the kernel says it. */
static inline int object_result(long ret)
{
	return ret < 0 ? -errno : (int)ret;
}

static inline int object_nonblock(int fd)
{
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/* Opening. Each stores one or two fds; a failure is -1 and errno. */

static inline int object_open_fifo(int fd[2])
{
	char path[] = "/tmp/fifo-XXXXXX";
	int placeholder = mkstemp(path);

	if (placeholder < 0)
		return -1;
	close(placeholder);
	unlink(path);
	if (mkfifo(path, 0600))
		return -1;
	fd[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	fd[1] = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	unlink(path);
	return fd[1];
}

static inline int object_inet_socket(int type)
{
	struct sockaddr_in any = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&any, sizeof(any)) ? -1 : fd;
}

/* Connects @fd to the address that @to is bound to. */
static inline int object_connect(int fd, int to)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);

	if (getsockname(to, (struct sockaddr *)&addr, &len))
		return -1;
	return connect(fd, (struct sockaddr *)&addr, len);
}

static inline int object_open_tcp(int fd[2])
{
	static int listener = -1;

	if (listener < 0) {
		listener = object_inet_socket(SOCK_STREAM);
		if (listen(listener, 1))
			return -1;
	}
	fd[0] = object_inet_socket(SOCK_STREAM);
	if (object_connect(fd[0], listener) || object_nonblock(fd[0]))
		return -1;
	fd[1] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return fd[1];
}

static inline int object_open_udp(int fd[2])
{
	fd[0] = object_inet_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	fd[1] = object_inet_socket(SOCK_DGRAM | SOCK_NONBLOCK);
	return object_connect(fd[0], fd[1]) ?: object_connect(fd[1], fd[0]);
}

static inline int object_open_listener(int family)
{
	struct sockaddr_un autobind = { .sun_family = AF_UNIX };
	int fd;

	if (family == AF_INET) {
		fd = object_inet_socket(SOCK_STREAM | SOCK_NONBLOCK);
	} else {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (bind(fd, (struct sockaddr *)&autobind, sizeof(sa_family_t)))
			return -1;
	}
	/* TCP tells late of a full queue, UNIX at once. */
	return listen(fd, family == AF_INET ? 128 : 2) ? -1 : fd;
}

static inline int object_open_pty(int fd[2])
{
	struct termios raw;
	int unlock = 0;

	fd[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd[0] < 0 || ioctl(fd[0], TIOCSPTLCK, &unlock))
		return -1;
	fd[1] = ioctl(fd[0], TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (fd[1] < 0 || tcgetattr(fd[1], &raw))
		return -1;
	cfmakeraw(&raw);
	return tcsetattr(fd[1], TCSANOW, &raw);
}

static inline int object_open_signalfd(void)
{
	sigset_t set;

	if (!object_signal)
		object_signal = SIGRTMIN;
	sigemptyset(&set);
	sigaddset(&set, object_signal);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* A process that sleeps until it is killed. It shares our table of fds. */
static inline int object_open_pidfd(void)
{
	int fd = -1;
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_FILES,
		.pidfd = (uintptr_t)&fd,
	};
	long pid;

	if (object_npids == (int)ARRAY_SIZE(object_pids)) {
		errno = EAGAIN;
		return -1;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	if (pid) {
		if (pid > 0)
			object_pids[object_npids++] = pid;
		return pid < 0 ? -1 : fd;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

/* Ends and reaps the processes behind pidfds. */
static inline void object_reap(void)
{
	while (object_npids > 0) {
		pid_t pid = object_pids[--object_npids];

		/* Not if it is reaped already, and its number perhaps another's. */
		if (!waitpid(pid, NULL, __WALL | WNOHANG)) {
			kill(pid, SIGKILL);
			waitpid(pid, NULL, __WALL);
		}
	}
}

static inline int object_open_inotify(int fd[2])
{
	char path[] = "/tmp/watched-XXXXXX";

	fd[1] = mkostemp(path, O_CLOEXEC);
	fd[0] = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd[0] < 0 || fd[1] < 0)
		return -1;
	if (inotify_add_watch(fd[0], path, IN_MODIFY) < 0)
		return -1;
	/* The inode lives on, its watch with it. */
	return unlink(path);
}

static inline int object_open_socketpair(int type, int fd[2])
{
	return socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd);
}

/* Opens a file of @kind, or a pair of files, and stores them; -errno. */
static inline int object_open(enum object_kind kind, int fd[2])
{
	int ret = 0;

	fd[0] = -1;
	fd[1] = -1;
	errno = 0;
	switch (kind) {
	case OBJ_EVENTFD:
		fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		break;
	case OBJ_SEMAPHORE:
		fd[0] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC | EFD_SEMAPHORE);
		break;
	case OBJ_PIPE:
		ret = pipe2(fd, O_NONBLOCK | O_CLOEXEC);
		break;
	case OBJ_FIFO:
		ret = object_open_fifo(fd);
		break;
	case OBJ_UNIX_STREAM:
		ret = object_open_socketpair(SOCK_STREAM, fd);
		break;
	case OBJ_UNIX_DGRAM:
		ret = object_open_socketpair(SOCK_DGRAM, fd);
		break;
	case OBJ_UNIX_SEQPACKET:
		ret = object_open_socketpair(SOCK_SEQPACKET, fd);
		break;
	case OBJ_UNIX_LISTENER:
		fd[0] = object_open_listener(AF_UNIX);
		break;
	case OBJ_TCP:
		ret = object_open_tcp(fd);
		break;
	case OBJ_TCP_LISTENER:
		fd[0] = object_open_listener(AF_INET);
		break;
	case OBJ_UDP:
		ret = object_open_udp(fd);
		break;
	case OBJ_PTY:
		ret = object_open_pty(fd);
		break;
	case OBJ_TIMERFD:
		fd[0] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
		break;
	case OBJ_SIGNALFD:
		fd[0] = object_open_signalfd();
		break;
	case OBJ_PIDFD:
		fd[0] = object_open_pidfd();
		break;
	case OBJ_INOTIFY:
		ret = object_open_inotify(fd);
		break;
	case OBJ_USERFAULTFD:
		fd[0] = syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC | UFFD_USER_MODE_ONLY);
		break;
	case OBJ_RANDOM:
		fd[0] = open("/dev/random", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		break;
	case OBJ_NULL:
		fd[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		break;
	case OBJ_REGULAR:
		fd[0] = open("/tmp", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
		break;
	default:
		return -EINVAL;
	}
	return ret < 0 || fd[0] < 0 ? -errno : 0;
}

/* Moves @fd to @number, which may be in use. */
static inline void object_place(int fd, int number)
{
	if (fd < 0)
		return;
	dup3(fd, number, O_CLOEXEC);
	close(fd);
}

/* Opens an object at the numbers @first and @second. */
static inline int object_open_at(enum object_kind kind, int first, int second)
{
	int fd[2], ret = object_open(kind, fd);

	object_place(fd[0], first);
	object_place(fd[1], second);
	return ret;
}

#endif /* REPOLL_FUZZ_OBJECT_H */
