/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The calls of one implementation of epoll, so that the same program runs on
 * in-tree epoll and on repoll. Each member has the prototype, the return value
 * and the errno of the libc function of the same name.
 */
#ifndef REPOLL_BACKEND_H
#define REPOLL_BACKEND_H

#include <signal.h>
#include <sys/epoll.h>
#include <time.h>

#include <repoll.h>

struct backend {
	const char *name;
	int (*create1)(int flags);
	int (*ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*wait)(int epfd, struct epoll_event *events, int maxevents, int timeout);
	int (*pwait)(int epfd, struct epoll_event *events, int maxevents, int timeout,
		     const sigset_t *sigmask);
	int (*pwait2)(int epfd, struct epoll_event *events, int maxevents,
		      const struct timespec *timeout, const sigset_t *sigmask);
};

__attribute__((unused))
static const struct backend backend_epoll = {
	.name = "epoll",
	.create1 = epoll_create1,
	.ctl = epoll_ctl,
	.wait = epoll_wait,
	.pwait = epoll_pwait,
	.pwait2 = epoll_pwait2,
};

__attribute__((unused))
static const struct backend backend_repoll = {
	.name = "repoll",
	.create1 = repoll_create1,
	.ctl = repoll_ctl,
	.wait = repoll_wait,
	.pwait = repoll_pwait,
	.pwait2 = repoll_pwait2,
};

#endif /* REPOLL_BACKEND_H */
