/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations with a wake policy, and workers that are woken by their events one
 * after the other.
 */
#ifndef REPOLL_WORKERS_H
#define REPOLL_WORKERS_H

#include "waiter.h"

#define LIFO	REPOLL_CTL_WAKE_LIFO
#define FIFO	REPOLL_CTL_WAKE_FIFO
#define ROUND	REPOLL_CTL_WAKE_ROUND_ROBIN

#define EXCLUSIVE	(EPOLLIN | EPOLLEXCLUSIVE)

enum { WORKERS = 4 };

static const unsigned int policies[] = { LIFO, FIFO, ROUND };

static inline int ctl_policy(int epfd, int op, int fd, uint32_t events, unsigned int policy)
{
	struct epoll_event event = { .events = events, .data.u64 = fd };

	return result(repoll_ctl_flags(epfd, op, fd, &event, policy));
}

static inline int add_policy(int epfd, int fd, uint32_t events, unsigned int policy)
{
	return ctl_policy(epfd, EPOLL_CTL_ADD, fd, events, policy);
}

static inline int mod_policy(int epfd, int fd, uint32_t events, unsigned int policy)
{
	return ctl_policy(epfd, EPOLL_CTL_MOD, fd, events, policy);
}

/* A worker has an instance, of which it takes event after event. */
static int eps[WORKERS];
static struct waiter workers[WORKERS];

static inline void create_workers(int fd, uint32_t events, unsigned int policy)
{
	for (int i = 0; i < WORKERS; i++) {
		eps[i] = MUST(backend->create1(EPOLL_CLOEXEC));
		errno = -add_policy(eps[i], fd, events, policy);
		MUST(errno ? -1 : 0);
	}
}

static inline void start_worker(int i)
{
	waiter_start(&workers[i], eps[i], -1);
}

static inline void start_workers(void)
{
	for (int i = 0; i < WORKERS; i++)
		start_worker(i);
}

/*
 * The one worker that got the event of @fd; it does not wait any more, and the event is
 * taken back. -1 if there are more.
 */
static inline int woken_worker(int fd)
{
	int found = -1;

	while (found < 0) {
		for (int i = 0; i < WORKERS; i++) {
			if (workers[i].tid && waiter_done(&workers[i]))
				found = i;
		}
	}
	waiter_join(&workers[found]);
	workers[found].tid = 0;
	drain(fd);
	for (int i = 0; i < WORKERS; i++) {
		/* Whoever was woken in vain sleeps again. */
		while (workers[i].tid && !waiter_sleeps(&workers[i])) {
			if (waiter_done(&workers[i]))
				return -1;
		}
	}
	return found;
}

static inline int next_worker(int fd)
{
	post(fd);
	return woken_worker(fd);
}

/* Ends workers that still wait. */
static inline void stop_workers(int fd)
{
	for (int i = 0; i < WORKERS; i++) {
		while (workers[i].tid && !waiter_done(&workers[i])) {
			post(fd);
			sleep_ms(1);
		}
		if (workers[i].tid)
			waiter_join(&workers[i]);
		close(eps[i]);
	}
}

#define EXPECT_NEXT_WORKER(worker, fd) EXPECT_EQ(worker, next_worker(fd))

#endif /* REPOLL_WORKERS_H */
