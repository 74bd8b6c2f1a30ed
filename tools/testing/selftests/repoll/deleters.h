/* SPDX-License-Identifier: GPL-2.0 */
/* Registrations whose deletion can be waited for, and threads that delete them. */
#ifndef REPOLL_DELETERS_H
#define REPOLL_DELETERS_H

#include "holders.h"

/* Returns the generation. The data is the fd. */
static inline int add_sync_flags(int fd, uint32_t events, unsigned int flags)
{
	return ctl_flags(EPOLL_CTL_ADD, fd, events, fd, REPOLL_CTL_SYNC | flags);
}

static inline int add_sync(int fd, uint32_t events)
{
	return add_sync_flags(fd, events, 0);
}

static inline int del_sync(int fd)
{
	return ctl_flags(EPOLL_CTL_DEL, fd, 0, 0, REPOLL_CTL_SYNC);
}

static inline int sync_ms(int timeout)
{
	return result(repoll_sync(ep, timeout));
}

static inline void *deleter_main(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->ret = del_sync(w->event.data.fd);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline void *syncer_main(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->ret = sync_ms(w->timeout);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Start a thread that deletes @fd; back when it sleeps in that, or is done. */
static inline void deleter_start(struct waiter *w, int fd)
{
	*w = (struct waiter){ .epfd = ep, .event.data.fd = fd };
	waiter_run(w, deleter_main);
}

/* Start a thread that calls repoll_sync(); likewise. */
static inline void syncer_start(struct waiter *w, int timeout)
{
	*w = (struct waiter){ .epfd = ep, .timeout = timeout };
	waiter_run(w, syncer_main);
}

/* It sleeps, and goes on doing so. */
#define EXPECT_SLEEPS(w) do {							\
	settle();								\
	EXPECT_FALSE(waiter_done(w));						\
	EXPECT_TRUE(waiter_sleeps(w));						\
} while (0)

#endif /* REPOLL_DELETERS_H */
