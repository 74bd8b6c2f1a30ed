/* SPDX-License-Identifier: GPL-2.0 */
/* Registrations that are handed over, and threads that wait when they are told to. */
#ifndef REPOLL_HOLDERS_H
#define REPOLL_HOLDERS_H

#include <poll.h>
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "flagged.h"
#include "waiter.h"

static inline int add_handover(int fd, uint32_t events)
{
	return ctl_flags(EPOLL_CTL_ADD, fd, events, fd, REPOLL_CTL_HANDOVER);
}

static inline int mod_handover(int fd, uint32_t events)
{
	return ctl_flags(EPOLL_CTL_MOD, fd, events, fd, REPOLL_CTL_HANDOVER);
}

/* What poll() says; no wait. */
static inline int epfd_is_readable(void)
{
	struct pollfd pollfd = { .fd = ep, .events = POLLIN };

	return result(poll(&pollfd, 1, 0));
}

/*
 * Back when this thread has as many events: what an exit sets free may be there only a
 * moment after the thread has been joined.
 */
static inline void until_ready(int count)
{
	while (ready(ep) < count)
		sleep_ms(1);
}

/* A thread that waits on the instance each time it is told to, and lives in between. */
struct holder {
	int maxevents;
	int timeout;
	int ret;
	bool stop;
	struct epoll_event event;	/* the first one */
	sem_t go, done;
	pthread_t thread;
};

static inline void *holder_main(void *arg)
{
	struct epoll_event events[16];
	struct holder *holder = arg;

	for (;;) {
		sem_wait(&holder->go);
		if (holder->stop)
			return NULL;
		holder->ret = harvest(ep, events, holder->maxevents, holder->timeout);
		holder->event = events[0];
		sem_post(&holder->done);
	}
}

static inline void holder_start(struct holder *holder, int maxevents)
{
	*holder = (struct holder){ .maxevents = maxevents };
	sem_init(&holder->go, 0, 0);
	sem_init(&holder->done, 0, 0);
	errno = pthread_create(&holder->thread, NULL, holder_main, holder);
	MUST(errno ? -1 : 0);
}

/* One wait by that thread: how many events, or -errno. */
static inline int holder_wait(struct holder *holder, int timeout)
{
	holder->timeout = timeout;
	sem_post(&holder->go);
	sem_wait(&holder->done);
	return holder->ret;
}

/* The same with something to hold from then on: the fd, which is ready. */
static inline int start_holding(struct holder *holder)
{
	int fd = new_eventfd(1);

	MUST(add_handover(fd, EPOLLIN) ? -1 : 0);
	holder_start(holder, 1);
	MUST(holder_wait(holder, 0) == 1 ? 0 : -1);
	return fd;
}

/* It exits. */
static inline void holder_stop(struct holder *holder)
{
	holder->stop = true;
	sem_post(&holder->go);
	pthread_join(holder->thread, NULL);
}

#endif /* REPOLL_HOLDERS_H */
