// SPDX-License-Identifier: GPL-2.0

#include <linux/mutex.h>

#include "helpers.h"

/* @subclass tells lockdep how deep in a nesting of instances this one is. */
void repoll_mutex_lock_nested(struct mutex *lock, unsigned int subclass)
{
	mutex_lock_nested(lock, subclass);
}
