/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * librepoll-preload.so: what its files share.
 */
#ifndef REPOLL_PRELOAD_H
#define REPOLL_PRELOAD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include <linux/time_types.h>

/* The functions this library stands in front of. */
struct next {
	int (*epoll_create1)(int flags);
	int (*epoll_ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*epoll_wait)(int epfd, struct epoll_event *events, int maxevents, int timeout);
	int (*epoll_pwait)(int epfd, struct epoll_event *events, int maxevents, int timeout,
			   const sigset_t *sigmask);
	int (*epoll_pwait2)(int epfd, struct epoll_event *events, int maxevents,
			    const struct timespec *timeout, const sigset_t *sigmask);
#if __SIZEOF_LONG__ == 4
	int (*epoll_pwait2_time64)(int epfd, struct epoll_event *events, int maxevents,
				   const struct __kernel_timespec *timeout,
				   const sigset_t *sigmask);
#endif
	long (*syscall)(long number, ...);
	void (*exit)(int status);
};

/* Looked up when the library is loaded, or by the first call if that is earlier. */
const struct next *next(void);

/*
 * What the environment asks for. Read when the library is loaded; to the few
 * calls that other libraries make before, from constructors, all of it is off.
 */
struct options {
	bool fallback;	/* REPOLL_FALLBACK=1: in-tree epoll serves where repoll cannot. */
	bool io_uring;	/* REPOLL_IO_URING=1: io_uring_setup() is let through. */
	bool stats;	/* REPOLL_PRELOAD_STATS=1: print the counters at exit. */
	uint32_t wake;	/* REPOLL_PRELOAD_WAKE=...: REPOLL_CTL_WAKE_*, or 0. */
};

extern struct options options;

/* epoll_create1() for a program that may come by libc or by syscall(). */
int create_instance(int flags);

/* epoll_ctl() on the device, for a program that may come by libc or by syscall(). */
int instance_ctl(int epfd, int op, int fd, struct epoll_event *event);

/* What is counted: calls that /dev/repoll served, and those that went elsewhere. */
enum counter {
	COUNT_CREATE,
	COUNT_CTL,
	COUNT_WAIT,
	COUNT_FALLBACK,	/* served by in-tree epoll */
	COUNT_SYSCALL,	/* those of the above that came through syscall() */
	COUNT_POLICY,	/* registrations that were given a wake policy */
	NR_COUNTERS,
};

void stats_init(void);
void stats_count(enum counter counter);
void stats_print(void);

/*
 * Whether the device served the call on @epfd that returned @ret, and so counted
 * as @counter. If not, @epfd is no instance of ours but perhaps one of in-tree
 * epoll, made before this library was there or handed to the process.
 */
bool device_served(int epfd, int ret, enum counter counter);

#endif /* REPOLL_PRELOAD_H */
