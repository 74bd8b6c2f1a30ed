/* SPDX-License-Identifier: GPL-2.0 */
/* REPOLL_IOC_WAIT_MANY as a call, and threads that wait in it. */
#ifndef REPOLL_MANY_H
#define REPOLL_MANY_H

#include "waiter.h"

#define FOR_EVER	UINT64_MAX

/* A thread that waits for @min events, or @delay_ns after the first. */
struct collector {
	struct waiter w;	/* first, so that it is what the thread gets */
	unsigned int min;
	uint64_t delay_ns;
	struct epoll_event events[8];
};

static inline int wait_many(struct epoll_event *events, int maxevents, unsigned int min,
			    uint64_t delay_ns, int timeout)
{
	return result(repoll_wait_many(ep, events, maxevents, min, delay_ns, timeout));
}

static inline void *collector_main(void *arg)
{
	struct collector *c = arg;

	__atomic_store_n(&c->w.tid, gettid(), __ATOMIC_RELEASE);
	c->w.ret = result(repoll_wait_many(c->w.epfd, c->events, ARRAY_SIZE(c->events), c->min,
					   c->delay_ns, c->w.timeout));
	__atomic_store_n(&c->w.done, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Back when it sleeps, or is done. */
static inline void collector_start(struct collector *c, int epfd, unsigned int min,
				   uint64_t delay_ns, int timeout)
{
	*c = (struct collector){
		.w = { .epfd = epfd, .timeout = timeout }, .min = min, .delay_ns = delay_ns,
	};
	waiter_run(&c->w, collector_main);
}

/* Whether it still waits when it has had the time to end. */
static inline bool still_collects(const struct collector *c)
{
	settle();
	return !waiter_done(&c->w);
}

/* How often the thread of @c has gone to sleep. */
static inline long sleeps_of(const struct collector *c)
{
	static const char name[] = "voluntary_ctxt_switches:";
	char path[64], line[256];
	long count = -1;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", c->w.tid);
	status = fopen(path, "re");
	MUST(status ? 0 : -1);
	while (fgets(line, sizeof(line), status)) {
		if (!strncmp(line, name, strlen(name)))
			count = strtol(line + strlen(name), NULL, 10);
	}
	fclose(status);
	return count;
}

/* Whether the data of one of the events is @fd. */
static inline bool has_event(const struct epoll_event *events, int n, int fd)
{
	for (int i = 0; i < n; i++) {
		if (events[i].data.u64 == (uint64_t)fd)
			return true;
	}
	return false;
}

#endif /* REPOLL_MANY_H */
