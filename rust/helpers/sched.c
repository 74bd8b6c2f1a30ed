// SPDX-License-Identifier: GPL-2.0

#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/time64.h>

#include "helpers.h"

void repoll_cond_resched(void)
{
	cond_resched();
}

/* With the full barrier that a check of the condition needs, see set_current_state(). */
void repoll_set_interruptible(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
}

void repoll_set_running(void)
{
	__set_current_state(TASK_RUNNING);
}

bool repoll_fatal_signal_pending(void)
{
	return fatal_signal_pending(current);
}

/*
 * How late a wait of @remaining_ns may end, in ns: the rule of
 * select_estimate_accuracy(), which is not exported: 0.1 % of the wait, 0.5 %
 * for a niced task, at most 100 ms, at least the task's timer slack; nothing
 * for a task without slack, as real-time tasks are.
 */
u64 repoll_timer_slack(s64 remaining_ns)
{
	u64 slack = 0;

	if (!current->timer_slack_ns)
		return 0;
	if (remaining_ns > 0)
		slack = div_u64(remaining_ns, task_nice(current) > 0 ? 200 : 1000);
	slack = min_t(u64, slack, 100 * NSEC_PER_MSEC);
	return max_t(u64, slack, current->timer_slack_ns);
}
