/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Feeding and emptying files of every kind, and passing them on. No function here
 * leaves anything going on behind the caller's back, but for packets on the
 * loopback device and the work item of a terminal, for which see settle.h.
 */
#ifndef REPOLL_FUZZ_OBJECT_IO_H
#define REPOLL_FUZZ_OBJECT_IO_H

#include "object.h"

/* Writing: whatever makes a file of the kind readable, by @size in its way. */

static inline int object_write_eventfd(int fd, int size)
{
	/* The largest count there is: the file is no longer writable. */
	uint64_t count = size > 1000 ? UINT64_MAX - 1 : (uint64_t)size;

	return object_result(write(fd, &count, sizeof(count)));
}

static inline int object_write_timerfd(int fd, int size)
{
	struct itimerspec when = {};
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	int ret;

	if (size % 4 == 3)
		when.it_value.tv_sec = 1 << 30;
	else if (size % 4)
		when.it_value.tv_nsec = 1;
	ret = object_result(timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL));
	if (!ret && when.it_value.tv_nsec)
		poll(&pfd, 1, -1);
	return ret;
}

static inline int object_write_pidfd(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	siginfo_t info;
	int ret = object_result(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));

	/*
	 * Dead, which whoever is not its parent is told by poll(), and done with the
	 * wakeups: they are made under the lock that waitid() takes.
	 */
	poll(&pfd, 1, -1);
	waitid(P_PIDFD, fd, &info, WEXITED | WNOWAIT | __WALL);
	return ret;
}

static inline int object_write_listener(int fd)
{
	int family = 0, ret, client;
	socklen_t len = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &len))
		return -errno;
	client = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ret = object_result(object_connect(client, fd));
	close(client);
	return ret;
}

static inline int object_write_bytes(int fd, int size)
{
	static const char zeros[1 << 16];

	return object_result(write(fd, zeros, size > 1 << 16 ? 1 << 16 : size));
}

static inline int object_write(enum object_kind kind, int fd, int size)
{
	struct uffdio_api api = { .api = UFFD_API };

	errno = 0;
	switch (kind) {
	case OBJ_EVENTFD:
	case OBJ_SEMAPHORE:
		return object_write_eventfd(fd, size);
	case OBJ_TIMERFD:
		return object_write_timerfd(fd, size);
	case OBJ_SIGNALFD:
		return object_result(kill(getpid(), object_signal));
	case OBJ_PIDFD:
		return object_write_pidfd(fd);
	case OBJ_UNIX_LISTENER:
	case OBJ_TCP_LISTENER:
		return object_write_listener(fd);
	case OBJ_USERFAULTFD:
		return object_result(ioctl(fd, UFFDIO_API, &api));
	case OBJ_TCP:
		/* In some of the sizes the urgent byte. */
		if (size % 8 == 5)
			return object_result(send(fd, "", 1, MSG_OOB | MSG_NOSIGNAL));
		/* Far from a full buffer, whose emptying takes time. */
		return object_result(send(fd, "0123456789abcdef", 1 + size % 16, MSG_NOSIGNAL));
	case OBJ_UDP:
	case OBJ_PTY:
		return object_write_bytes(fd, 1 + size % 16);
	case OBJ_UNIX_STREAM:
		if (size % 8 == 5)
			return object_result(send(fd, "", 1, MSG_OOB | MSG_NOSIGNAL));
		return object_write_bytes(fd, size);
	default:
		return object_write_bytes(fd, size);
	}
}

static inline int object_read(enum object_kind kind, int fd, int size)
{
	static char sink[1 << 16];
	siginfo_t info = {};
	int ret;

	errno = 0;
	switch (kind) {
	case OBJ_PIDFD:
		ret = waitid(P_PIDFD, fd, &info, WEXITED | WNOHANG | __WALL);
		return ret ? -errno : info.si_pid != 0;
	case OBJ_UNIX_LISTENER:
	case OBJ_TCP_LISTENER:
		ret = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (ret < 0)
			return -errno;
		close(ret);
		return 0;
	case OBJ_EVENTFD:
	case OBJ_SEMAPHORE:
	case OBJ_TIMERFD:
		size = sizeof(uint64_t);
		break;
	case OBJ_SIGNALFD:
		size = sizeof(struct signalfd_siginfo);
		break;
	case OBJ_INOTIFY:
	case OBJ_USERFAULTFD:
		size = sizeof(sink);
		break;
	default:
		break;
	}
	return object_result(read(fd, sink, size > (int)sizeof(sink) ? (int)sizeof(sink) : size));
}

/* Passing one fd, with one byte that goes along. */

union object_control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static inline int object_send_fd(int sock, int fd, uint8_t byte)
{
	union object_control control = {};
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	return object_result(sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT));
}

/* Receives a byte and, if an fd comes with it, places that at @number: 1, else 0. */
static inline int object_receive_fd(int sock, int number, uint8_t *byte)
{
	union object_control control = {};
	struct iovec iov = { .iov_base = byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return -errno;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return 0;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	object_place(fd, number);
	return 1;
}

#endif /* REPOLL_FUZZ_OBJECT_IO_H */
