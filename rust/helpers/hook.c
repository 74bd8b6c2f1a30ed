// SPDX-License-Identifier: GPL-2.0

#include <linux/cleanup.h>
#include <linux/container_of.h>
#include <linux/delay.h>
#include <linux/printk.h>

#include "hook.h"

/* Patching the kernel's text is too much work to be done for each of many short lives. */
#define LINGER	HZ

static void drop_unused(struct repoll_hook *hook)
{
	guard(mutex)(&hook->mutex);
	if (hook->registered && !hook->users)
		hook->registered = hook->remove() != 0;
}

/* The work of a struct repoll_hook. */
void repoll_hook_drop(struct work_struct *work)
{
	drop_unused(container_of(to_delayed_work(work), struct repoll_hook, drop_work));
}

/* One user more. May sleep. Return: 0, or the error of @hook->add(). */
int repoll_hook_get(struct repoll_hook *hook)
{
	int ret;

	guard(mutex)(&hook->mutex);
	if (!hook->registered) {
		ret = hook->add();
		if (ret)
			return ret;
		hook->registered = true;
	}
	hook->users++;
	return 0;
}

/* Undo repoll_hook_get(). May sleep. */
void repoll_hook_put(struct repoll_hook *hook)
{
	guard(mutex)(&hook->mutex);
	if (!--hook->users)
		mod_delayed_work(system_dfl_wq, &hook->drop_work, LINGER);
}

/*
 * Leave nothing behind; the last call before unload. May sleep, and does so for
 * ever when the tracer has died: its trampoline still leads to this module, which
 * therefore must not go away.
 */
void repoll_hook_exit(struct repoll_hook *hook)
{
	cancel_delayed_work_sync(&hook->drop_work);
	drop_unused(hook);
	while (hook->registered) {
		pr_emerg_once("repoll: cannot unload, the function tracer has died\n");
		msleep(MSEC_PER_SEC);
	}
}
