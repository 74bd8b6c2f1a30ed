/* SPDX-License-Identifier: GPL-2.0 */
/* The instance under test, with a ready ring. */
#ifndef REPOLL_RINGS_H
#define REPOLL_RINGS_H

#include <repoll_ring.h>
#include <sys/mman.h>

#include "eventpoll_test.h"

static struct repoll_ring_map ring __maybe_unused;

static inline void new_ring(unsigned int entries)
{
	MUST(repoll_ring_setup(ep, entries, &ring));
}

/* The data of the next event in the ring, -ENODATA when there is none. */
static inline int64_t pop_data(void)
{
	struct epoll_event event;

	return repoll_ring_pop(&ring, &event) ? (int64_t)event.data.u64 : -ENODATA;
}

/* Its bits, 0 when there is none. */
static inline uint32_t pop_events(void)
{
	struct epoll_event event;

	return repoll_ring_pop(&ring, &event) ? event.events : 0;
}

/* @timeout in milliseconds. */
static inline int enter(int timeout)
{
	return result(repoll_ring_enter(&ring, timeout));
}

/* How many events there are in the ring; they are not any more. */
static inline int pop_all(void)
{
	int n = 0;

	while (pop_events())
		n++;
	return n;
}

static inline int poll_in(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return MUST(poll(&pfd, 1, 0));
}

#endif /* REPOLL_RINGS_H */
