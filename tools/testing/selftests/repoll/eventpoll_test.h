/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What every test of an eventpoll needs: the fixture that runs it on both
 * backends, the calls under test, and file descriptors to watch.
 *
 * Calls here return what a system call returns, -errno for a failure, so that
 * a test names the errno it expects: EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN)).
 */
#ifndef REPOLL_EVENTPOLL_TEST_H
#define REPOLL_EVENTPOLL_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <linux/repoll.h>

#include "kselftest_harness.h"
#include "backend.h"

/* Emulated, and with a kernel that checks each access to memory, 30 s is little. */
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT 120

/*
 * Each test runs in a process of its own, on one backend: these hold for all
 * its threads.
 */
static const struct backend *backend;	/* the implementation under test */
static int ep __maybe_unused = -1;	/* an instance of it, open during the test */

#define EVENTPOLL_VARIANT(topic, implementation)				\
	FIXTURE_VARIANT_ADD(topic, implementation) {				\
		.backend = &backend_##implementation,				\
	}

#define EVENTPOLL_SETUP(topic)							\
	FIXTURE_SETUP(topic) {							\
		backend = variant->backend;					\
		ep = create();							\
		ASSERT_LE(0, ep) {						\
			TH_LOG("%s: %s", backend->name, strerror(-ep));		\
		}								\
	}									\
	FIXTURE_TEARDOWN(topic) {						\
		close(ep);							\
	}									\
	_Static_assert(1, "takes the semicolon")

/* A fixture whose tests run on in-tree epoll and on repoll. */
#define EVENTPOLL_FIXTURE(topic)						\
	FIXTURE(topic) {};							\
	FIXTURE_VARIANT(topic) { const struct backend *backend; };		\
	EVENTPOLL_VARIANT(topic, epoll);					\
	EVENTPOLL_VARIANT(topic, repoll);					\
	EVENTPOLL_SETUP(topic)

/* One for what only repoll has. */
#define REPOLL_FIXTURE(topic)							\
	FIXTURE(topic) {};							\
	FIXTURE_VARIANT(topic) { const struct backend *backend; };		\
	EVENTPOLL_VARIANT(topic, repoll);					\
	EVENTPOLL_SETUP(topic)

static inline bool on_repoll(void)
{
	return backend == &backend_repoll;
}

static inline int result(int ret)
{
	return ret < 0 ? -errno : ret;
}

/* The calls under test. */

static inline int create(void)
{
	return result(backend->create1(EPOLL_CLOEXEC));
}

static inline int ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return result(backend->ctl(epfd, op, fd, event));
}

static inline int ctl_data(int epfd, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return ctl(epfd, op, fd, &event);
}

/* An event's data is its fd, unless a test says otherwise. */
static inline int add(int epfd, int fd, uint32_t events)
{
	return ctl_data(epfd, EPOLL_CTL_ADD, fd, events, fd);
}

static inline int mod(int epfd, int fd, uint32_t events)
{
	return ctl_data(epfd, EPOLL_CTL_MOD, fd, events, fd);
}

static inline int del(int epfd, int fd)
{
	return ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
}

/* epoll_wait(): @timeout in milliseconds. */
static inline int harvest(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return result(backend->wait(epfd, events, maxevents, timeout));
}

/* How many events (of up to 64) a wait of no time at all returns. */
static inline int ready(int epfd)
{
	struct epoll_event events[64];

	return harvest(epfd, events, ARRAY_SIZE(events), 0);
}

/* The event bits of the next ready fd, 0 when none is, -errno. */
static inline int revents(int epfd)
{
	struct epoll_event event;
	int n = harvest(epfd, &event, 1, 0);

	return n == 1 ? (int)event.events : n;
}

/* The data of the next ready fd, -ENODATA when none is. */
static inline int64_t ready_data(int epfd)
{
	struct epoll_event event;

	return harvest(epfd, &event, 1, 0) == 1 ? (int64_t)event.data.u64 : -ENODATA;
}

/* How many registrations /proc shows the instance to have. */
static inline int registrations(int epfd)
{
	char path[64], line[256];
	int count = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	info = fopen(path, "re");
	if (!info)
		return -errno;
	while (fgets(line, sizeof(line), info))
		count += !strncmp(line, "tfd:", 4);
	fclose(info);
	return count;
}

/* Things to watch. A failure here is one of the test itself: it ends. */

#define MUST(call) ({								\
	long _ret = (call);							\
	if (_ret < 0) {								\
		fprintf(stderr, "# %s:%d: %s: %s\n", __FILE__, __LINE__, #call,	\
			strerror(errno));					\
		abort();							\
	}									\
	_ret;									\
})

static inline int new_eventfd(unsigned int count)
{
	return MUST(eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK));
}

/* For @sig, which is blocked from here on. */
static inline int new_signalfd(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL));
	return MUST(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

/* All that /proc shows of the instance. */
static inline void snapshot(int epfd, char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	len = MUST(read(fd, buf, size - 1));
	buf[len] = 0;
	close(fd);
}

/* A file that poll() is nothing for: tmpfs has no such method. */
static inline int new_regular_file(void)
{
	return MUST(memfd_create("regular", MFD_CLOEXEC));
}

static inline void post(int efd)
{
	uint64_t one = 1;

	MUST(write(efd, &one, sizeof(one)));
}

static inline void drain(int efd)
{
	uint64_t count;

	MUST(read(efd, &count, sizeof(count)));
}

static inline void new_pipe(int fds[2])
{
	MUST(pipe2(fds, O_CLOEXEC | O_NONBLOCK));
}

/* A connected pair of AF_UNIX sockets of @type. */
static inline void new_socketpair(int fds[2], int type)
{
	MUST(socketpair(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
}

static inline void put_bytes(int fd, size_t n)
{
	static const char zeros[65536];
	size_t len = n;

	MUST(len <= sizeof(zeros) && write(fd, zeros, len) == (ssize_t)len ? 0 : -1);
}

static inline void take_bytes(int fd, size_t n)
{
	static __thread char sink[65536];
	size_t len = n;

	MUST(len <= sizeof(sink) && read(fd, sink, len) == (ssize_t)len ? 0 : -1);
}

/* Fill @fd's buffer: it is no longer writable. */
static inline void fill(int fd)
{
	static const char zeros[4096];

	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	/* A stream may have room for less than a page. */
	while (write(fd, zeros, 1) > 0)
		;
	MUST(errno == EAGAIN ? 0 : -1);
}

/* Take all that @fd has. */
static inline void empty(int fd)
{
	char sink[4096];

	while (read(fd, sink, sizeof(sink)) > 0)
		;
}

/* Send @fd over the socket @sock, or receive one. */

static inline void send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	char byte = 0;
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
	MUST(sendmsg(sock, &msg, 0));
}

static inline int receive_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.buf, .msg_controllen = sizeof(control.buf),
	};
	int fd = -1;

	MUST(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC));
	MUST(CMSG_FIRSTHDR(&msg) ? 0 : -1);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Time. */

#define NSEC_PER_SEC	1000000000LL
#define NSEC_PER_MSEC	1000000LL

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static inline void sleep_ms(int ms)
{
	usleep(ms * 1000);
}

#endif /* REPOLL_EVENTPOLL_TEST_H */
