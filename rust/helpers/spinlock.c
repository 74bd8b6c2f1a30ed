// SPDX-License-Identifier: GPL-2.0

#include <linux/spinlock.h>

#include "helpers.h"

/*
 * Raw: the last-close handler takes these with preemption possibly off, where
 * PREEMPT_RT's sleeping spinlock_t is not allowed.
 */
void repoll_raw_spin_lock_init(struct raw_spinlock *lock)
{
	raw_spin_lock_init(lock);
}

void repoll_raw_spin_lock(struct raw_spinlock *lock)
{
	raw_spin_lock(lock);
}

void repoll_raw_spin_unlock(struct raw_spinlock *lock)
{
	raw_spin_unlock(lock);
}

/* For any context; a class of its own: it is taken within the others. */
void repoll_irq_lock_init(struct raw_spinlock *lock)
{
	raw_spin_lock_init(lock);
}

unsigned long repoll_irq_lock(struct raw_spinlock *lock)
{
	unsigned long flags;

	raw_spin_lock_irqsave(lock, flags);
	return flags;
}

void repoll_irq_unlock(struct raw_spinlock *lock, unsigned long flags)
{
	raw_spin_unlock_irqrestore(lock, flags);
}
