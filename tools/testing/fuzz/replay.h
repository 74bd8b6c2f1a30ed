/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a printed program needs to be a test beside the other selftests, on top
 * of eventpoll_test.h.
 */
#ifndef REPOLL_FUZZ_REPLAY_H
#define REPOLL_FUZZ_REPLAY_H

#include "flags.h"
#include "object_io.h"
#include "wait.h"

/* The number of a slot. */
#define FD(slot) (100 + (slot))

#define EV(mask, id) { .events = (mask), .data.u64 = (id) }

/* A wait gives exactly these events, in this order. */
#define EXPECT_WAIT(call, epfd, max, timeout, room, ...) do {			\
	const struct epoll_event _want[] = { __VA_ARGS__ };			\
	struct epoll_event _got[EVENTS_MAX];					\
	int _n = ARRAY_SIZE(_want);				\
										\
	EXPECT_EQ(_n, wait_in_room(backend, call, epfd, _got, max, timeout, room)); \
	for (int _i = 0; _i < _n; _i++) {					\
		EXPECT_EQ(_want[_i].events, _got[_i].events);			\
		EXPECT_EQ(_want[_i].data.u64, _got[_i].data.u64);		\
	}									\
} while (0)

#define EXPECT_EVENTS(epfd, max, ...)						\
	EXPECT_WAIT(WAIT_PLAIN, epfd, max, 0, ROOM_ALL, ##__VA_ARGS__)

/* What is bound to a number ends with it; in-tree epoll, which binds nothing, is told. */
static inline void unbind(int epfd, int fd)
{
	if (backend != &backend_repoll)
		backend->ctl(epfd, EPOLL_CTL_DEL, fd, NULL);
}

/* A wait arms again what its caller holds; in-tree epoll is told. */
static inline void rearm(int epfd, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	if (backend != &backend_repoll)
		flags_ctl(backend, epfd, EPOLL_CTL_MOD, fd, &event, REPOLL_CTL_HANDOVER);
}

static inline int ctl_flagged(int epfd, int op, int fd, uint32_t events, uint64_t data,
			      unsigned int flags)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return flags_ctl(backend, epfd, op, fd, &event, flags);
}

/* The result that an operation of a batch shall have. */
#define OP(want, ctl, number, mask, id, bits) {					\
	.op = (ctl), .fd = (number), .events = (mask), .data = (id),		\
	.flags = (bits), .result = (want),					\
}

#define EXPECT_BATCH(epfd, ...) do {						\
	const struct repoll_op _want[] = { __VA_ARGS__ };			\
	struct repoll_op _got[] = { __VA_ARGS__ };				\
										\
	flags_batch(backend, epfd, _got, ARRAY_SIZE(_got));			\
	for (size_t _i = 0; _i < ARRAY_SIZE(_got); _i++)			\
		EXPECT_EQ(_want[_i].result, _got[_i].result);			\
} while (0)

/* poll() without waiting: the events, or -errno. */
static inline int polled(int fd, int events)
{
	struct pollfd pfd = { .fd = fd, .events = events };
	int ret = object_result(poll(&pfd, 1, 0));

	return ret < 0 ? ret : pfd.revents;
}

/*
 * A forked child that does its part when the parent lets it: turn_wait() before
 * each step of it, turn_end() after it; turn_give() in the parent.
 */
struct turns {
	int to_child[2], to_parent[2];
	pid_t pid;
};

static inline pid_t turns_fork(struct turns *t)
{
	if (pipe(t->to_child) || pipe(t->to_parent))
		abort();
	t->pid = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	return t->pid;
}

static inline void turn_pass(const int pipe_fds[2])
{
	if (write(pipe_fds[1], "", 1) != 1)
		abort();
}

static inline void turn_await(const int pipe_fds[2])
{
	char byte;

	if (read(pipe_fds[0], &byte, 1) != 1)
		abort();
}

static inline void turn_wait(const struct turns *t)
{
	turn_await(t->to_child);
}

static inline void turn_end(const struct turns *t)
{
	turn_pass(t->to_parent);
}

static inline void turn_give(const struct turns *t)
{
	turn_pass(t->to_child);
	turn_await(t->to_parent);
}

/* The child's exit code. */
static inline int turns_join(const struct turns *t)
{
	int status = 0;

	waitpid(t->pid, &status, __WALL);
	return WEXITSTATUS(status);
}

#endif /* REPOLL_FUZZ_REPLAY_H */
