// SPDX-License-Identifier: GPL-2.0

#include <linux/list.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/wait.h>

#include "helpers.h"

/*
 * Take the woken waiter off the queue in every case, so that the next wakeup
 * goes to the next waiter. A waiter that was woken already (a signal, its
 * timeout) finds its entry gone and harvests all the same.
 */
static int repoll_waiter_woken(struct wait_queue_entry *wait, unsigned int mode, int sync,
			       void *key)
{
	int ret = default_wake_function(wait, mode, sync, key);

	/* Pairs with list_empty_careful() in repoll_waiter_remove(). */
	list_del_init_careful(&wait->entry);
	return ret;
}

/*
 * Put the current task on @wq, newest first and exclusive, about to sleep. The
 * full barrier in set_current_state() orders this before the caller's check for
 * events: either that check sees an event or its producer sees the waiter.
 */
void repoll_waiter_add(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	init_wait(wait);
	wait->func = repoll_waiter_woken;

	spin_lock_irq(&wq->lock);
	__add_wait_queue_exclusive(wq, wait);
	set_current_state(TASK_INTERRUPTIBLE);
	spin_unlock_irq(&wq->lock);
}

/* Return: whether the entry was still queued, that is, nobody has woken us. */
bool repoll_waiter_remove(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	bool queued;

	__set_current_state(TASK_RUNNING);
	/* Pairs with list_del_init_careful() in repoll_waiter_woken(). */
	if (list_empty_careful(&wait->entry))
		return false;

	spin_lock_irq(&wq->lock);
	queued = !list_empty(&wait->entry);
	if (queued)
		__remove_wait_queue(wq, wait);
	spin_unlock_irq(&wq->lock);
	return queued;
}

void repoll_wq_lock(struct wait_queue_head *wq)
{
	spin_lock_irq(&wq->lock);
}

void repoll_wq_unlock(struct wait_queue_head *wq)
{
	spin_unlock_irq(&wq->lock);
}

/*
 * Wake who polls the instance of @wq. @subclass tells lockdep how many such
 * queues, of instances below this one, are locked already; callbacks find it in
 * *@nests, which the lock guards.
 */
void repoll_wake_poll(struct wait_queue_head *wq, __poll_t events, u32 *nests, u32 subclass)
{
#ifdef CONFIG_DEBUG_LOCK_ALLOC
	unsigned long flags;

	spin_lock_irqsave_nested(&wq->lock, flags, subclass);
	WRITE_ONCE(*nests, subclass);
	wake_up_locked_poll(wq, events);
	spin_unlock_irqrestore(&wq->lock, flags);
#else
	wake_up_poll(wq, events);
#endif
}

/*
 * Wake the waiter that has been on @wq longest, which is the last. As in
 * __wake_up_common(), one that something else has woken before makes way for the
 * next. What is not exclusive, the notification, is for when there is no waiter.
 * @sync: the flags that our caller was given as a wait_queue_func_t.
 */
void repoll_wake_longest(struct wait_queue_head *wq, int sync, void *key)
{
	struct wait_queue_entry *wait, *next, *last = NULL;
	unsigned long flags;

	spin_lock_irqsave(&wq->lock, flags);
	list_for_each_entry_safe_reverse(wait, next, &wq->head, entry) {
		if (!(wait->flags & WQ_FLAG_EXCLUSIVE))
			last = wait;
		else if (wait->func(wait, TASK_NORMAL, sync, key))
			goto unlock;
	}
	if (last)
		last->func(last, TASK_NORMAL, sync, key);
unlock:
	spin_unlock_irqrestore(&wq->lock, flags);
}

/*
 * Take @wait off its queue from within its wake callback. list_del_init(): where
 * the head is about to go away, a concurrent repoll_remove_wait_queue() that saw
 * it before may delete the entry once more.
 */
void repoll_unhook_within(struct wait_queue_entry *wait)
{
	list_del_init(&wait->entry);
}

/*
 * Put @wait, which is initialised and not exclusive, last on @wq unless it is on it.
 * The full barrier orders this before the caller's check for events.
 */
void repoll_wq_join(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	spin_lock_irq(&wq->lock);
	if (list_empty(&wait->entry))
		__add_wait_queue_entry_tail(wq, wait);
	spin_unlock_irq(&wq->lock);
	/* As set_current_state() in repoll_waiter_add(). */
	smp_mb();
}

/* Take @wait off @wq if it is on it. */
void repoll_wq_leave(struct wait_queue_head *wq, struct wait_queue_entry *wait)
{
	spin_lock_irq(&wq->lock);
	list_del_init(&wait->entry);
	spin_unlock_irq(&wq->lock);
}

void repoll_init_wait_func(struct wait_queue_entry *wait, wait_queue_func_t func)
{
	init_waitqueue_func_entry(wait, func);
	INIT_LIST_HEAD(&wait->entry);
}

/*
 * Take @wait off the queue *@whead, unless a POLLFREE wakeup has done that and
 * cleared *@whead (with release semantics, after its last touch of @wait). The
 * RCU section keeps a head alive whose POLLFREE runs at this moment: its owner
 * frees it only after a grace period. Return: false if POLLFREE was first.
 */
bool repoll_remove_wait_queue(struct wait_queue_head **whead, struct wait_queue_entry *wait)
{
	struct wait_queue_head *head;

	rcu_read_lock();
	/* Pairs with the release store of wake_callback(). */
	head = smp_load_acquire(whead);
	if (head)
		remove_wait_queue(head, wait);
	rcu_read_unlock();
	return head;
}

/*
 * Move @wait, an exclusive entry, to the tail of the queue *@whead, unless a
 * POLLFREE wakeup takes it off. As for repoll_remove_wait_queue(), the head stays
 * while it is locked; an entry that is on no queue any more must not get on one.
 */
void repoll_move_to_tail(struct wait_queue_head **whead, struct wait_queue_entry *wait)
{
	struct wait_queue_head *head;
	unsigned long flags;

	rcu_read_lock();
	/* Pairs with the release store of wake_callback(). */
	head = smp_load_acquire(whead);
	if (head) {
		spin_lock_irqsave(&head->lock, flags);
		if (!list_empty(&wait->entry))
			list_move_tail(&wait->entry, &head->head);
		spin_unlock_irqrestore(&head->lock, flags);
	}
	rcu_read_unlock();
}
