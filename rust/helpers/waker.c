// SPDX-License-Identifier: GPL-2.0
/*
 * Who sends a wakeup, for statistics: noted by wakeups, in any context, and told to
 * whom it may be told.
 */
#include <linux/atomic.h>
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/pid_namespace.h>
#include <linux/preempt.h>
#include <linux/sched.h>

#include "../../include/uapi/linux/repoll.h"
#include "helpers.h"

static_assert(sizeof_field(struct repoll_waker, comm) == TASK_COMM_LEN);
static_assert(offsetof(struct task_struct, comm) % sizeof(u64) == 0);

/* Who is behind the current task, if that is one user and nobody else. */
static u32 uid_of_current(void)
{
	const struct cred *cred = current_cred();

	return uid_eq(cred->uid, cred->euid) ? __kuid_val(cred->uid) : (u32)-1;
}

/* Half of the current task's name, which may be changed at this moment. */
static u64 half_of_comm(int half)
{
	return READ_ONCE(((const u64 *)current->comm)[half]);
}

/*
 * Is it known already? Who wakes again and again need not be noted again. While another
 * CPU writes it this may be wrong, and then another wakeup is the last.
 */
static bool is_current(const struct repoll_waker *waker, const struct pid_namespace *ns)
{
	return !ns->level && READ_ONCE(waker->kind) == REPOLL_WAKER_TASK &&
	       READ_ONCE(waker->tid) == current->pid &&
	       READ_ONCE(waker->cpu) == raw_smp_processor_id() &&
	       READ_ONCE(waker->comm[0]) == half_of_comm(0) &&
	       READ_ONCE(waker->comm[1]) == half_of_comm(1) &&
	       READ_ONCE(waker->uid) == uid_of_current();
}

/* Out of line: what has nothing to write need not save registers. */
static noinline void write_waker(struct repoll_waker *waker, struct pid_namespace *ns)
{
	u32 seq = READ_ONCE(waker->seq);
	u32 kind = REPOLL_WAKER_TASK, uid = -1;
	s32 pid = 0, tid = 0;
	u64 comm[2] = {};

	/*
	 * A wakeup by another of the file's wait queues is at it: one of the two is the
	 * last.
	 */
	if (seq & 1 || !try_cmpxchg(&waker->seq, &seq, seq + 1))
		return;
	if (likely(in_task())) {
		pid = task_tgid_nr_ns(current, ns);
		tid = task_pid_nr_ns(current, ns);
		uid = uid_of_current();
		comm[0] = half_of_comm(0);
		comm[1] = half_of_comm(1);
	} else {
		kind = in_hardirq() ? REPOLL_WAKER_HARDIRQ : REPOLL_WAKER_SOFTIRQ;
	}
	WRITE_ONCE(waker->kind, kind);
	WRITE_ONCE(waker->cpu, raw_smp_processor_id());
	WRITE_ONCE(waker->pid, pid);
	WRITE_ONCE(waker->tid, tid);
	WRITE_ONCE(waker->uid, uid);
	WRITE_ONCE(waker->comm[0], comm[0]);
	WRITE_ONCE(waker->comm[1], comm[1]);
	/* Pairs with the acquire in look_once(). */
	smp_store_release(&waker->seq, seq + 2);
}

/*
 * The last wakeup was sent by the current task, whose numbers are those in @ns; or by
 * an interrupt, which has nothing to do with the task that it has interrupted.
 */
void repoll_note_waker(struct repoll_waker *waker, struct pid_namespace *ns)
{
	if (unlikely(!in_task() || !is_current(waker, ns)))
		write_waker(waker, ns);
}

/* Return: false if it changed meanwhile. */
static bool look_once(const struct repoll_waker *waker, struct repoll_waker *seen)
{
	/* Pairs with the release in write_waker(). */
	seen->seq = smp_load_acquire(&waker->seq);
	seen->kind = READ_ONCE(waker->kind);
	seen->cpu = READ_ONCE(waker->cpu);
	seen->pid = READ_ONCE(waker->pid);
	seen->tid = READ_ONCE(waker->tid);
	seen->uid = READ_ONCE(waker->uid);
	seen->comm[0] = READ_ONCE(waker->comm[0]);
	seen->comm[1] = READ_ONCE(waker->comm[1]);
	/* Pairs with the full barrier of try_cmpxchg() in write_waker(). */
	smp_rmb();
	return !(seen->seq & 1) && READ_ONCE(waker->seq) == seen->seq;
}

/*
 * Read into @seen as much as the current task may know: of a task of another user only
 * that it is one, unless @all. Nothing where wakeups come so fast that they cannot be
 * read in between.
 */
void repoll_look_at_waker(const struct repoll_waker *waker, struct repoll_waker *seen, bool all)
{
	enum { TRIES = 1000 };
	int i;

	for (i = 0; i < TRIES && !look_once(waker, seen); i++)
		cpu_relax();
	if (i == TRIES)
		*seen = (struct repoll_waker){ .kind = REPOLL_WAKER_NONE };
	if (seen->kind != REPOLL_WAKER_TASK || all || seen->uid == __kuid_val(current_euid()))
		return;
	seen->kind = REPOLL_WAKER_HIDDEN;
	seen->pid = 0;
	seen->tid = 0;
	seen->comm[0] = 0;
	seen->comm[1] = 0;
}

/* May the current task see who other users' tasks are, as it could in their /proc? */
bool repoll_may_see_all_wakers(void)
{
	return ns_capable_noaudit(&init_user_ns, CAP_SYS_PTRACE);
}
