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
	struct epoll_event __user *from = u64_to_user_ptr(uevent);

	scoped_user_read_access_size(from, sizeof(*from), fault) {
		unsafe_get_user(event->events, &from->events, fault);
		unsafe_get_user(event->data, &from->data, fault);
	}
	return 0;
fault:
	return -EFAULT;
}

/* Store one event at user address @uevent. Return: whether that was possible. */
bool repoll_put_event(u64 uevent, u32 events, u64 data)
{
	return epoll_put_uevent((__force __poll_t)events, data, u64_to_user_ptr(uevent));
}
