// SPDX-License-Identifier: GPL-2.0

#include <linux/fault-inject-usercopy.h>
#include <linux/fs.h>
#include <linux/eventpoll.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>

#include "../../include/uapi/linux/repoll.h"
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
	enum { GROUP = 4 };
	const struct repoll_slot *slot = slots, *end = slots + n;
	struct epoll_event __user *to = u64_to_user_ptr(uevents);

	if (fatal_signal_pending(current) || should_fail_usercopy())
		return 0;
	/* A fault leaves slot at the event that faulted. */
	scoped_user_write_access_size(to, n * sizeof(*to), fault) {
		struct epoll_event __user *next = to;

		for (; end - slot >= GROUP; slot += GROUP, next += GROUP) {
			unsafe_put_user(slot[0].events, &next[0].events, one_by_one);
			unsafe_put_user(slot[0].data, &next[0].data, one_by_one);
			unsafe_put_user(slot[1].events, &next[1].events, one_by_one);
			unsafe_put_user(slot[1].data, &next[1].data, one_by_one);
			unsafe_put_user(slot[2].events, &next[2].events, one_by_one);
			unsafe_put_user(slot[2].data, &next[2].data, one_by_one);
			unsafe_put_user(slot[3].events, &next[3].events, one_by_one);
			unsafe_put_user(slot[3].data, &next[3].data, one_by_one);
		}
		/* What is left, and a group with a fault, of which it is not known where. */
one_by_one:
		for (; slot != end; slot++, next++) {
			unsafe_put_user(slot->events, &next->events, fault);
			unsafe_put_user(slot->data, &next->data, fault);
		}
	}
fault:
	return slot - slots;
}

/*
 * Store @n events, with their generations, at user address @uevents. Return: as
 * repoll_put_events().
 */
u32 repoll_put_generations(u64 uevents, const struct repoll_event *events, u32 n)
{
	const struct repoll_event *event = events, *end = events + n;
	struct repoll_event __user *to = u64_to_user_ptr(uevents);

	if (fatal_signal_pending(current) || should_fail_usercopy())
		return 0;
	/* A fault leaves event at the one that faulted. */
	scoped_user_write_access_size(to, n * sizeof(*to), fault) {
		struct repoll_event __user *next = to;

		for (; event != end; event++, next++) {
			unsafe_put_user(event->events, &next->events, fault);
			unsafe_put_user(event->generation, &next->generation, fault);
			unsafe_put_user(event->data, &next->data, fault);
		}
	}
fault:
	return event - events;
}

/*
 * Read up to @n operations at user address @uops, and leave -ECANCELED as the result
 * of each there: of an array that cannot be written nothing is carried out. Return: how
 * many came before the first that could not be read, or its result not written.
 */
u32 repoll_get_ops(u64 uops, struct repoll_op *ops, u32 n)
{
	struct repoll_op __user *from = u64_to_user_ptr(uops);
	struct repoll_op *op = ops, *end = ops + n;

	if (should_fail_usercopy())
		return 0;
	/* A fault leaves op at the operation that faulted. */
	scoped_user_rw_access_size(from, n * sizeof(*from), fault) {
		struct repoll_op __user *next = from;

		for (; op != end; op++, next++) {
			unsafe_get_user(op->op, &next->op, fault);
			unsafe_get_user(op->fd, &next->fd, fault);
			unsafe_get_user(op->data, &next->data, fault);
			unsafe_get_user(op->events, &next->events, fault);
			unsafe_get_user(op->flags, &next->flags, fault);
			unsafe_get_user(op->reserved, &next->reserved, fault);
			op->result = -ECANCELED;
			unsafe_put_user(-ECANCELED, &next->result, fault);
		}
	}
fault:
	return op - ops;
}

/*
 * Store the results of @n operations at user address @uops. Return: how many were
 * stored before the first that could not be.
 */
u32 repoll_put_results(u64 uops, const struct repoll_op *ops, u32 n)
{
	const struct repoll_op *op = ops, *end = ops + n;
	struct repoll_op __user *to = u64_to_user_ptr(uops);

	if (should_fail_usercopy())
		return 0;
	/* A fault leaves op at the operation that faulted. */
	scoped_user_write_access_size(to, n * sizeof(*to), fault) {
		struct repoll_op __user *next = to;

		for (; op != end; op++, next++)
			unsafe_put_user(op->result, &next->result, fault);
	}
fault:
	return op - ops;
}
