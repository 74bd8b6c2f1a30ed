// SPDX-License-Identifier: GPL-2.0

#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "helpers.h"

bool repoll_access_ok(u64 addr, size_t size)
{
	return access_ok(u64_to_user_ptr(addr), size);
}

/* Return: 0 or -EFAULT. */
int repoll_get_event(u64 uevent, struct epoll_event *event)
{
	struct epoll_event __user *from = u64_to_user_ptr(uevent);

	if (should_fail_usercopy())
		return -EFAULT;
	scoped_user_read_access_size(from, sizeof(*from), fault) {
		unsafe_get_user(event->events, &from->events, fault);
		unsafe_get_user(event->data, &from->data, fault);
	}
	return 0;
fault:
	return -EFAULT;
}

/*
 * Store the events of @n slots at user address @uevents. Return: how many were
 * stored before the first that could not be; none if a fatal signal is pending,
 * lest the events die with the task.
 */
u32 repoll_put_events(u64 uevents, const struct repoll_slot *slots, u32 n)
{
	const struct repoll_slot *slot = slots, *end = slots + n;
	struct epoll_event __user *to = u64_to_user_ptr(uevents);

	if (fatal_signal_pending(current) || should_fail_usercopy())
		return 0;
	/* A fault leaves slot at the event that faulted. */
	scoped_user_write_access_size(to, n * sizeof(*to), fault) {
		struct epoll_event __user *next = to;

		for (; slot != end; slot++, next++) {
			unsafe_put_user(slot->events, &next->events, fault);
			unsafe_put_user(slot->data, &next->data, fault);
		}
	}
fault:
	return slot - slots;
}
