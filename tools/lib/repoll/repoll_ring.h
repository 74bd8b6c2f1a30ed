/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * repoll_ring: events of an instance out of memory that it shares with the program.
 *
 * An instance that has been given a ready ring puts its events there, and any
 * number of threads, of any process that has it mapped, takes them without a system
 * call. A call is needed to sleep, to have level-triggered files asked again, and
 * when there is more than fits. Documentation/ready-ring.rst has the rules.
 *
 * Errors: as of the functions in repoll.h.
 */
#ifndef REPOLL_RING_H
#define REPOLL_RING_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#include <linux/repoll.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * struct repoll_ring_map - a ready ring, mapped
 * @header:	what consumers share.
 * @entries:	the events.
 * @mask:	their number, less 1.
 * @epfd:	the instance.
 * @size:	bytes that are mapped.
 * @taken:	how many events repoll_ring_wait() has returned since it last entered.
 *
 * To be shared by threads, and inherited by child processes.
 */
struct repoll_ring_map {
	struct repoll_ring_header *header;
	struct repoll_ring_entry *entries;
	uint32_t mask;
	int epfd;
	size_t size;
	uint32_t taken;
};

/**
 * repoll_ring_setup() - give an instance a ready ring, and map it
 * @epfd:	an instance that has no registrations yet.
 * @entries:	how many events there is room for: a power of two, REPOLL_RING_MIN to
 *		REPOLL_RING_MAX. With as many as there will be registrations it is never
 *		full.
 * @ring:	filled in.
 *
 * From here on the instance's events are in the ring, and nowhere else: repoll_wait() and its
 * kin fail with EINVAL, and so does what does not go with a ring.
 *
 * Return: 0.
 *
 * Errors: EBADF, EINVAL (@epfd is not an instance, or is used for what does not go with a
 * ring; @entries; the loaded module does not know the call), EBUSY (it has registrations, or
 * a ring), ENOMEM, ENOSPC (the user's watches, of which 8 entries are one).
 */
int repoll_ring_setup(int epfd, unsigned int entries, struct repoll_ring_map *ring);

/**
 * repoll_ring_unmap() - no longer map a ring
 * @ring:	a ring that was set up. The instance keeps it.
 *
 * A mapping keeps the instance, also when its fd has been closed: to end it takes both.
 */
void repoll_ring_unmap(struct repoll_ring_map *ring);

/**
 * repoll_ring_enter() - put events into the ring, and wait for some
 * @ring:	the ring.
 * @timeout:	in milliseconds, -1 for no limit, as of epoll_wait(). 0 to put there what is
 *		ready, and return.
 *
 * A cancellation point.
 *
 * Return: how many events there are, about, at least 1 if there is one; 0 when the time is up.
 *
 * Errors: EBADF, EINVAL (no ring), EINTR.
 */
int repoll_ring_enter(struct repoll_ring_map *ring, int timeout);

/**
 * repoll_ring_wait() - take events, sleeping until there are some
 * @ring:	the ring.
 * @events:	where to.
 * @maxevents:	how many at most, at least 1.
 * @timeout:	as of repoll_ring_enter().
 *
 * What repoll_wait() is without a ring. It makes a system call when there are no events, when the
 * ring has said that there are more than it has, and once for each time that as many events
 * have been taken as it has room for, lest who is level-triggered waits for ever.
 *
 * Return: how many were stored, 0 when the time is up.
 *
 * Errors: as of repoll_ring_enter(); EINVAL (@maxevents).
 */
int repoll_ring_wait(struct repoll_ring_map *ring, struct epoll_event *events, int maxevents,
		     int timeout);

/**
 * repoll_ring_get() - take events, without a system call
 * @ring:	the ring.
 * @events:	where to.
 * @maxevents:	how many at most.
 *
 * Any number of threads may call this at once: each event is taken by one of them. None waits
 * for another.
 *
 * Return: how many were stored.
 */
static inline int repoll_ring_get(struct repoll_ring_map *ring, struct epoll_event *events,
				  int maxevents)
{
	const uint64_t next = 1ULL << 32;
	const size_t each = sizeof(struct repoll_ring_entry), mask = ring->mask * each;
	struct epoll_event *event = events, *end = events + (maxevents > 0 ? maxevents : 0);
	char *entries = (char *)ring->entries;
	uint32_t *head = &ring->header->head;
	int recent;

	do {
		uint32_t from = __atomic_load_n(head, __ATOMIC_ACQUIRE), at;
		uint64_t position = from * next;
		size_t slot = from * each & mask;

		while (event != end) {
			struct repoll_ring_entry *entry = (struct repoll_ring_entry *)
				(entries + slot);
			uint64_t word = __atomic_load_n(&entry->word, __ATOMIC_ACQUIRE);
			uint64_t data = __atomic_load_n(&entry->data, __ATOMIC_RELAXED);

			/*
			 * Who expects this position, and finds another, fails. No earlier one has
			 * events here, the data of which we might have: the head has passed it.
			 */
			word = position | (uint32_t)word;
			if ((uint32_t)word &&
			    __atomic_compare_exchange_n(&entry->word, &word, position, 0,
							__ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
				event->events = (uint32_t)word;
				event->data.u64 = data;
				event++;
			} else {
				/* Once more: not to be kept where it is not needed. */
				word = __atomic_load_n(&entry->word, __ATOMIC_RELAXED);
				/* There is no entry yet. */
				if ((int64_t)(word - position) < 0)
					break;
				/* There are more events now, or it was not there a moment ago. */
				if (word - position < next && (uint32_t)word)
					continue;
			}
			/* Taken by us, or by somebody who has not moved on yet. */
			slot = (slot + each) & mask;
			position += next;
		}
		/*
		 * Once for all of them. If somebody else has moved on, so be it, unless nothing was
		 * found: that may have been long ago.
		 */
		at = position >> 32;
		if (at == from)
			recent = __atomic_load_n(head, __ATOMIC_RELAXED) == from;
		else
			recent = __atomic_compare_exchange_n(head, &from, at, 0, __ATOMIC_RELEASE,
							     __ATOMIC_RELAXED);
	} while (event == events && event != end && !recent);
	return event - events;
}

/**
 * repoll_ring_pop() - take one event, without a system call
 * @ring:	the ring.
 * @event:	stored.
 *
 * As repoll_ring_get() of one.
 *
 * Return: 1, or 0 when there is none.
 */
static inline int repoll_ring_pop(struct repoll_ring_map *ring, struct epoll_event *event)
{
	return repoll_ring_get(ring, event, 1);
}

/**
 * repoll_ring_more() - whether there may be events that are not in the ring
 * @ring:	the ring.
 *
 * Return: true if repoll_ring_enter() is needed to have them there.
 */
static inline int repoll_ring_more(const struct repoll_ring_map *ring)
{
	return __atomic_load_n(&ring->header->flags, __ATOMIC_ACQUIRE) & REPOLL_RING_MORE;
}

#ifdef __cplusplus
}
#endif

#endif /* REPOLL_RING_H */
