// SPDX-License-Identifier: GPL-2.0

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/dcache.h>
#include <linux/device.h>
#include <linux/rcupdate.h>

#include "helpers.h"

/* A wakeup source with the name of @file, NULL without memory. May sleep. */
struct wakeup_source *repoll_wakeup_source_for(struct file *file)
{
	struct wakeup_source *ws;
	struct name_snapshot n;

	take_dentry_name_snapshot(&n, file->f_path.dentry);
	ws = wakeup_source_register(NULL, n.name.name);
	release_dentry_name_snapshot(&n);
	return ws;
}

bool repoll_may_block_suspend(void)
{
	return IS_ENABLED(CONFIG_PM_SLEEP) && capable(CAP_BLOCK_SUSPEND);
}

/* From any context. *@ws is cleared, and a grace period waited for, before it goes. */
void repoll_stay_awake_rcu(struct wakeup_source **ws)
{
	struct wakeup_source *active;

	rcu_read_lock();
	active = READ_ONCE(*ws);
	if (active)
		__pm_stay_awake(active);
	rcu_read_unlock();
}
