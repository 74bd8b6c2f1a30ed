/* SPDX-License-Identifier: GPL-2.0 */
/* Calls of REPOLL_IOC_CTL with flags, which only repoll has. */
#ifndef REPOLL_FLAGGED_H
#define REPOLL_FLAGGED_H

#include "eventpoll_test.h"

static inline int ctl_flags(int op, int fd, uint32_t events, uint64_t data, unsigned int flags)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return result(repoll_ctl_flags(ep, op, fd, &event, flags));
}

/* An ADD that ends with the number. Its data is the fd. */
static inline int bind_fd(int fd, uint32_t events)
{
	return ctl_flags(EPOLL_CTL_ADD, fd, events, fd, REPOLL_CTL_BIND);
}

static inline int add_token(int fd, uint32_t events, uint64_t token)
{
	return ctl_flags(EPOLL_CTL_ADD, fd, events, token, REPOLL_CTL_TOKEN);
}

static inline int mod_token(uint32_t events, uint64_t token)
{
	return ctl_flags(EPOLL_CTL_MOD, -1, events, token, REPOLL_CTL_TOKEN);
}

static inline int del_token(uint64_t token)
{
	return ctl_flags(EPOLL_CTL_DEL, -1, 0, token, REPOLL_CTL_TOKEN);
}

/* A bound registration of a file that is ready and that a second number keeps open. */
struct bound {
	int fd;
	int copy;
};

static inline struct bound bound(void)
{
	struct bound b = { .fd = new_eventfd(1) };

	b.copy = MUST(fcntl(b.fd, F_DUPFD_CLOEXEC, 100));
	MUST(bind_fd(b.fd, EPOLLIN) ? -1 : 0);
	MUST(ready(ep) == 1 ? 0 : -1);
	return b;
}

/* Its registration has ended, and another one can be made. */
static inline void expect_ended(struct __test_metadata *_metadata, const struct bound *b)
{
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	post(b->copy);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, add(ep, b->copy, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del(ep, b->copy));
}

#endif /* REPOLL_FLAGGED_H */
