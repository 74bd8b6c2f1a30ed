/* SPDX-License-Identifier: GPL-2.0 */
/* A hook in the kernel that is there while it has users, and a while longer. */
#ifndef _REPOLL_HOOK_H
#define _REPOLL_HOOK_H

#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

/**
 * struct repoll_hook - see the head of this file
 * @add:	puts the hook in place: 0 or -errno.
 * @remove:	takes it away: 0, or -ENODEV when the function tracer has died.
 * @mutex:	guards @users and @registered.
 * @users:	how many there are.
 * @registered:	whether the hook is in place.
 * @drop_work:	takes away a hook that nobody uses: repoll_hook_drop().
 */
struct repoll_hook {
	int (*add)(void);
	int (*remove)(void);
	struct mutex mutex; /* guards the next two */
	unsigned long users;
	bool registered;
	struct delayed_work drop_work;
};

int repoll_hook_get(struct repoll_hook *hook);
void repoll_hook_put(struct repoll_hook *hook);
void repoll_hook_exit(struct repoll_hook *hook);
void repoll_hook_drop(struct work_struct *work);

#endif /* _REPOLL_HOOK_H */
