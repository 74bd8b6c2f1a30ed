// SPDX-License-Identifier: GPL-2.0

#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/uaccess.h>

#include "helpers.h"

bool repoll_access_ok(u64 addr, size_t size)
{
	return access_ok(u64_to_user_ptr(addr), size);
}

/* Return: 0 or -EFAULT. */
int repoll_get_event(u64 uevent, struct epoll_event *event)
{
	return copy_from_user(event, u64_to_user_ptr(uevent), sizeof(*event)) ? -EFAULT : 0;
}

/*
 * Store @n events at user address @uevents. Return: how many were stored before
 * the first that could not be.
 */
unsigned int repoll_put_events(u64 uevents, const struct epoll_event *events, unsigned int n)
{
	struct epoll_event __user *to = u64_to_user_ptr(uevents);
	/* Volatile-free is fine: a fault leaves i at the event that faulted. */
	unsigned int i = 0;

	if (!user_write_access_begin(to, n * sizeof(*to)))
		return 0;
	for (; i < n; i++) {
		unsafe_put_user(events[i].events, &to[i].events, fault);
		unsafe_put_user(events[i].data, &to[i].data, fault);
	}
fault:
	user_write_access_end();
	return i;
}
