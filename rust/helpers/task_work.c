// SPDX-License-Identifier: GPL-2.0
/* Works that a hook leaves to the task that it was called in. */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/task_work.h>

#include "helpers.h"

/* Works that have been queued and have not yet returned. */
static atomic_t works = ATOMIC_INIT(0);

/*
 * Have the current task run @work before it returns to user space, or when it
 * exits. @work->func calls repoll_work_done() in the end. Any context of a task.
 * Return: false for a task that does neither.
 */
bool repoll_run_on_return(struct callback_head *work)
{
	if (current->flags & PF_KTHREAD)
		return false;
	atomic_inc(&works);
	if (!task_work_add(current, work, TWA_RESUME))
		return true;
	atomic_dec(&works);
	return false;
}

void repoll_work_done(void)
{
	atomic_dec(&works);
}

/* Wait until all works have returned. Nobody queues any more. May sleep. */
void repoll_works_finish(void)
{
	while (atomic_read(&works))
		usleep_range(1000, 2000);
	/* A task may have been preempted between its atomic_dec() and its return. */
	synchronize_rcu_tasks();
}
