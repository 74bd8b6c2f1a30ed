// SPDX-License-Identifier: GPL-2.0
/*
 * The hook on exits of tasks: do_exit() passes the tracepoint sched_process_exit,
 * for each thread, before it closes the thread's files and runs what works there
 * are. A probe there looks for what the thread holds. As the other hooks it only
 * looks: the rest is left to the task, in a work.
 */

#include <linux/sched.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "helpers.h"
#include "hook.h"

#ifdef CONFIG_TRACEPOINTS

static struct tracepoint *exit_tracepoint;

static void find_exit_tracepoint(struct tracepoint *tp, void *unused)
{
	if (!strcmp(tp->name, "sched_process_exit"))
		exit_tracepoint = tp;
}

/* The probe, with the arguments of the tracepoint. Must not sleep. */
static void task_exits(void *unused, struct task_struct *task, bool group_dead)
{
	repoll_task_exits(task);
}

/* 0, -EOPNOTSUPP without such a tracepoint. */
static int register_probe(void)
{
	/* The kernel's own is not exported to modules by name. */
	for_each_kernel_tracepoint(find_exit_tracepoint, NULL);
	if (!exit_tracepoint)
		return -EOPNOTSUPP;
	return tracepoint_probe_register(exit_tracepoint, task_exits, NULL);
}

static int unregister_probe(void)
{
	tracepoint_probe_unregister(exit_tracepoint, task_exits, NULL);
	tracepoint_synchronize_unregister();
	return 0;
}

#else /* !CONFIG_TRACEPOINTS */

static int register_probe(void)
{
	return -EOPNOTSUPP;
}

static int unregister_probe(void)
{
	return 0;
}

#endif

static struct repoll_hook exit_hook = {
	.add = register_probe,
	.remove = unregister_probe,
	.mutex = __MUTEX_INITIALIZER(exit_hook.mutex),
	.drop_work = __DELAYED_WORK_INITIALIZER(exit_hook.drop_work, repoll_hook_drop, 0),
};

/**
 * repoll_exit_hook_get - from here on, repoll_task_exits() is called in each task that exits.
 *
 * May sleep. Return: 0, or the error of register_probe().
 */
int repoll_exit_hook_get(void)
{
	return repoll_hook_get(&exit_hook);
}

/* Undo repoll_exit_hook_get(). May sleep. */
void repoll_exit_hook_put(void)
{
	repoll_hook_put(&exit_hook);
}

/* The last call before unload, when there is no instance. May sleep. */
void repoll_exit_hook_exit(void)
{
	repoll_hook_exit(&exit_hook);
	repoll_works_finish();
}
