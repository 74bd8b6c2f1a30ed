// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * librepoll: see repoll_ring.h for what each function does.
 */

#include <sys/mman.h>

#include "repoll_ring.h"
#include "device.h"

/* A file of another kind refuses the call; epoll's word for that is EINVAL. */
static int instance_result(int ret)
{
	if (ret < 0 && errno == ENOTTY)
		errno = EINVAL;
	return ret;
}

int repoll_ring_setup(int epfd, unsigned int entries, struct repoll_ring_map *ring)
{
	struct repoll_ring setup = { .entries = entries };
	void *map;

	if (instance_result(ioctl(epfd, REPOLL_IOC_RING, &setup)) < 0)
		return -1;
	map = mmap(NULL, setup.size, PROT_READ | PROT_WRITE, MAP_SHARED, epfd, 0);
	if (map == MAP_FAILED)
		return -1;
	*ring = (struct repoll_ring_map){
		.header = (struct repoll_ring_header *)map,
		.entries = (struct repoll_ring_entry *)((char *)map + REPOLL_RING_OFFSET),
		.mask = entries - 1,
		.epfd = epfd,
		.size = setup.size,
	};
	return 0;
}

void repoll_ring_unmap(struct repoll_ring_map *ring)
{
	munmap(ring->header, ring->size);
}

int repoll_ring_enter(struct repoll_ring_map *ring, int timeout)
{
	struct repoll_ring_enter enter = { .timeout = timeout };

	__atomic_store_n(&ring->taken, 0, __ATOMIC_RELAXED);
	return instance_result(CANCELLABLE(ioctl(ring->epfd, REPOLL_IOC_RING_ENTER, &enter)));
}

int repoll_ring_wait(struct repoll_ring_map *ring, struct epoll_event *events, int maxevents,
		     int timeout)
{
	int n;

	if (maxevents <= 0) {
		errno = EINVAL;
		return -1;
	}
	for (;;) {
		n = repoll_ring_get(ring, events, maxevents);
		if (n)
			break;
		n = repoll_ring_enter(ring, timeout);
		if (n <= 0)
			return n;
	}
	if (__atomic_add_fetch(&ring->taken, n, __ATOMIC_RELAXED) > ring->mask ||
	    repoll_ring_more(ring))
		repoll_ring_enter(ring, 0);
	return n;
}
