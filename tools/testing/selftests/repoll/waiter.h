/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A thread that waits on an instance, and a way to know that it sleeps there:
 * no test depends on how long a slow machine takes to get that far.
 */
#ifndef REPOLL_WAITER_H
#define REPOLL_WAITER_H

#include <pthread.h>

#include "eventpoll_test.h"

struct waiter {
	int epfd;
	int timeout;			/* ms, as of epoll_wait() */
	int ret;			/* of the wait: events or -errno */
	struct epoll_event event;	/* the first event */
	pid_t tid;			/* 0 until the thread runs */
	bool done;			/* the wait returned */
	pthread_t thread;
};

/* The state letter of /proc/<pid>/task/<tid>/stat, 0 when there is no such task. */
static inline char task_state(pid_t pid, pid_t tid)
{
	char path[64], buf[512], *paren;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (len <= 0)
		return 0;
	buf[len] = 0;
	paren = strrchr(buf, ')');
	return paren && paren[1] == ' ' ? paren[2] : 0;
}

/*
 * Does the task sleep in a wait for @epfd? /proc/<pid>/syscall shows the number
 * and the arguments of the system call that a task is blocked in.
 */
static inline bool sleeps_in_wait(pid_t pid, pid_t tid, int epfd)
{
	char path[64], buf[256] = "";
	unsigned long fd;
	long nr;
	int f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/syscall", pid, tid);
	f = open(path, O_RDONLY | O_CLOEXEC);
	if (f < 0)
		return false;
	if (read(f, buf, sizeof(buf) - 1) < 0)
		buf[0] = 0;
	close(f);
	if (sscanf(buf, "%ld %lx", &nr, &fd) != 2 || fd != (unsigned long)epfd)
		return false;
	if (nr != SYS_ioctl && nr != SYS_fadvise64 && nr != SYS_epoll_wait &&
	    nr != SYS_epoll_pwait && nr != SYS_epoll_pwait2)
		return false;
	return task_state(pid, tid) == 'S';
}

static inline void *waiter_main(void *arg)
{
	struct waiter *w = arg;

	__atomic_store_n(&w->tid, gettid(), __ATOMIC_RELEASE);
	w->ret = harvest(w->epfd, &w->event, 1, w->timeout);
	__atomic_store_n(&w->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static inline bool waiter_done(const struct waiter *w)
{
	return __atomic_load_n(&w->done, __ATOMIC_ACQUIRE);
}

static inline bool waiter_sleeps(const struct waiter *w)
{
	pid_t tid = __atomic_load_n(&w->tid, __ATOMIC_ACQUIRE);

	return tid && sleeps_in_wait(getpid(), tid, w->epfd);
}

/* Start a thread that waits in its own way, see waiter_main(); back as waiter_start(). */
static inline void waiter_run(struct waiter *w, void *(*run)(void *))
{
	errno = pthread_create(&w->thread, NULL, run, w);
	MUST(errno ? -1 : 0);
	while (!waiter_done(w) && !waiter_sleeps(w))
		sleep_ms(1);
}

/* Start a thread that waits for one event; back when it sleeps, or is done. */
static inline void waiter_start(struct waiter *w, int epfd, int timeout)
{
	*w = (struct waiter){ .epfd = epfd, .timeout = timeout };
	waiter_run(w, waiter_main);
}

static inline void waiters_start(struct waiter *w, int n, int epfd, int timeout)
{
	for (int i = 0; i < n; i++)
		waiter_start(&w[i], epfd, timeout);
}

/* The result of the wait. */
static inline int waiter_join(struct waiter *w)
{
	pthread_join(w->thread, NULL);
	return w->ret;
}

static inline int waiters_done(const struct waiter *w, int n)
{
	int done = 0;

	for (int i = 0; i < n; i++)
		done += waiter_done(&w[i]);
	return done;
}

/* Back when at least @count waiters are done (the harness limits the time). */
static inline void waiters_until_done(const struct waiter *w, int n, int count)
{
	while (waiters_done(w, n) < count)
		sleep_ms(1);
}

/*
 * Give what should not happen the time to happen. A lower bound: a busy
 * machine cannot turn it into a failure, only into a missed one.
 */
static inline void settle(void)
{
	sleep_ms(50);
}

#endif /* REPOLL_WAITER_H */
