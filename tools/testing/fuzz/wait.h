/* SPDX-License-Identifier: GPL-2.0 */
/* Every way to wait, with room for the events that may end in a fault. */
#ifndef REPOLL_FUZZ_WAIT_H
#define REPOLL_FUZZ_WAIT_H

#include <sys/mman.h>

#include "backend.h"
#include "object.h"
#include "program.h"

/* @room bytes that may be touched, and not one more. */
static inline void *fenced_room(int room)
{
	static char *fence;
	long page = sysconf(_SC_PAGESIZE);

	if (!fence) {
		char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (map == MAP_FAILED || mprotect(map + page, page, PROT_NONE))
			abort();
		fence = map + page;
	}
	return fence - room;
}

static inline void ignore_signal(int sig)
{
	(void)sig;
}

/* Waits by way of @call; the signal of signalfds interrupts WAIT_PWAIT. */
static inline int wait_by(const struct backend *backend, enum wait_call call, int epfd,
			  struct epoll_event *events, int n, int timeout)
{
	struct timespec ts = { .tv_nsec = timeout * 1000000L };
	struct sigaction action = { .sa_handler = ignore_signal };
	sigset_t mask;

	switch (call) {
	case WAIT_PWAIT:
		if (!object_signal)
			object_signal = SIGRTMIN;
		sigaction(object_signal, &action, NULL);
		sigprocmask(SIG_SETMASK, NULL, &mask);
		sigdelset(&mask, object_signal);
		return backend->pwait(epfd, events, n, timeout, &mask);
	case WAIT_PWAIT2:
		return backend->pwait2(epfd, events, n, &ts, NULL);
	case WAIT_MANY:
		if (backend != &backend_repoll)
			return backend->wait(epfd, events, n, timeout);
		return repoll_wait_many(epfd, events, n, 2, 1000, timeout);
	default:
		return backend->wait(epfd, events, n, timeout);
	}
}

/* wait_by() with only @room bytes for the events: their number, or -errno. */
static inline int wait_in_room(const struct backend *backend, enum wait_call call, int epfd,
			       struct epoll_event *events, int n, int timeout, int room)
{
	void *fenced;
	int ret;

	if (room == ROOM_ALL)
		return object_result(wait_by(backend, call, epfd, events, n, timeout));
	fenced = fenced_room(room);
	ret = object_result(wait_by(backend, call, epfd, fenced, n, timeout));
	if (ret > 0 && ret * sizeof(*events) <= (size_t)room)
		memcpy(events, fenced, ret * sizeof(*events));
	return ret;
}

#endif /* REPOLL_FUZZ_WAIT_H */
