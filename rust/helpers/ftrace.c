// SPDX-License-Identifier: GPL-2.0
/*
 * The last-close hook: __fput() tells in-tree epoll of a file's end by a call
 * that modules cannot see, and then calls locks_remove_file(). A live-patch
 * style ftrace handler on that function sends the calls for watched files
 * through repoll_locks_remove_file() below, where sleeping is allowed, as it
 * is in eventpoll_release_file(). All other files go straight on.
 *
 * The way back is a second traced function: what calls
 * repoll_locks_remove_file_body() arrives behind the ftrace site of
 * locks_remove_file(). A call through a pointer would do the same but for
 * kernels with IBT, where a function that nobody calls indirectly may have had
 * its ENDBR sealed.
 *
 * FTRACE_OPS_FL_PERMANENT: kernel.ftrace_enabled=0 is refused while the hook
 * is registered. A file that is watched while the hook is off would be freed
 * under its registrations.
 */

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/ftrace.h>
#include <linux/hash.h>
#include <linux/rcupdate.h>

#include "helpers.h"
#include "hook.h"

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS

/* Calls that are between the handler's decision and their return. */
static atomic_t calls_in_flight = ATOMIC_INIT(0);

/* The first instruction of locks_remove_file() behind its ftrace site. */
static unsigned long locks_remove_file_body;

/* Is @ip the ftrace site of repoll_locks_remove_file_body()? */
static bool came_from_body_stub(unsigned long ip)
{
	/* The site is at the function's start: behind an ENDBR or BTI, or a nop or two. */
	return ip - (unsigned long)repoll_locks_remove_file_body <= 16;
}

noinline void repoll_locks_remove_file_body(struct file *file)
{
	/* Not reached: the handler sends every call to locks_remove_file(). */
	OPTIMIZER_HIDE_VAR(file);
	WARN_ONCE(1, "repoll: the last-close hook is gone\n");
}

static void repoll_locks_remove_file(struct file *file)
{
	repoll_release_file(file);
	repoll_locks_remove_file_body(file);
	atomic_dec(&calls_in_flight);
}

/*
 * Does the filter for @file not say that nobody watches it? On the way of every
 * close in the system, hence not a call. hash() and filter_bit() of
 * watched_file.rs are the same.
 */
static __always_inline bool may_be_watched(struct file *file)
{
	u32 hash = (unsigned long)file * GOLDEN_RATIO_64 >> 32;
	struct repoll_bucket *bucket;

	bucket = &READ_ONCE(repoll_table.buckets)[hash & READ_ONCE(repoll_table.mask)];
	/* Pairs with the release in BucketGuard::renew_filter(). */
	return smp_load_acquire(&bucket->filter) & 1U << (hash >> 27);
}

/*
 * Send a call for @file by way of us if it is watched. Out of line: close_hook() is
 * on the way of every close, and few of them are for a watched file.
 */
static noinline void notrace redirect_if_watched(struct file *file, struct ftrace_regs *fregs)
{
	if (!repoll_file_is_watched(file))
		return;

	/*
	 * Count first, then look again: whoever sees no instance left and then
	 * no call in flight knows that none is on its way (unregister_hook()).
	 */
	atomic_inc(&calls_in_flight);
	/* Pairs with the locks of the table, which the last instance takes to empty it. */
	smp_mb__after_atomic();
	if (!repoll_file_is_watched(file)) {
		atomic_dec(&calls_in_flight);
		return;
	}
	WRITE_ONCE(locks_remove_file_body, ftrace_regs_get_instruction_pointer(fregs));
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)repoll_locks_remove_file);
}

/* Called with preemption on or off: must not sleep. */
static void notrace close_hook(unsigned long ip, unsigned long parent_ip,
			       struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	struct file *file;

	if (unlikely(came_from_body_stub(ip))) {
		ftrace_regs_set_instruction_pointer(fregs, READ_ONCE(locks_remove_file_body));
		return;
	}
	file = (struct file *)ftrace_regs_get_argument(fregs, 0);
	if (unlikely(may_be_watched(file)))
		redirect_if_watched(file, fregs);
}

static struct ftrace_ops close_hook_ops = {
	.func	= close_hook,
	/* No FTRACE_OPS_FL_RECURSION: nothing that the handler calls leads to __fput(). */
	.flags	= FTRACE_OPS_FL_DYNAMIC | FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT,
};

static int set_filter(const char *name, int reset)
{
	return ftrace_set_filter(&close_hook_ops, (unsigned char *)name, strlen(name), reset);
}

/* 0, -EINVAL without such a function to trace, -EBUSY if a live patch owns it. */
static int register_hook(void)
{
	int ret;

	ret = set_filter("locks_remove_file", 1);
	if (!ret)
		ret = set_filter("repoll_locks_remove_file_body", 0);
	if (ret)
		return ret;
	return register_ftrace_function(&close_hook_ops);
}

/* Wait until no call is on its way through us. No file is watched any more. */
static void quiesce(void)
{
	while (atomic_read(&calls_in_flight))
		usleep_range(1000, 2000);
}

/* 0, or -ENODEV when the tracer has died (ftrace_kill()): our handler stays in place then. */
static int unregister_hook(void)
{
	int ret;

	quiesce();
	ret = unregister_ftrace_function(&close_hook_ops);
	if (ret)
		return ret;
	quiesce();
	/* A task may have been preempted between its atomic_dec() and its return. */
	synchronize_rcu_tasks();
	ftrace_free_filter(&close_hook_ops);
	return 0;
}

#else /* !CONFIG_DYNAMIC_FTRACE_WITH_ARGS */

static int register_hook(void)
{
	pr_err("repoll: this kernel has no CONFIG_DYNAMIC_FTRACE_WITH_ARGS\n");
	return -EOPNOTSUPP;
}

static int unregister_hook(void)
{
	return 0;
}

#endif

static struct repoll_hook last_close_hook = {
	.add = register_hook,
	.remove = unregister_hook,
	.mutex = __MUTEX_INITIALIZER(last_close_hook.mutex),
	.drop_work = __DELAYED_WORK_INITIALIZER(last_close_hook.drop_work, repoll_hook_drop, 0),
};

/**
 * repoll_close_hook_get - from here on, every last close is seen.
 *
 * May sleep. Return: 0, or the error of register_hook().
 */
int repoll_close_hook_get(void)
{
	return repoll_hook_get(&last_close_hook);
}

/**
 * repoll_close_hook_put - undo repoll_close_hook_get().
 *
 * The caller watches no file any more. May sleep.
 */
void repoll_close_hook_put(void)
{
	repoll_hook_put(&last_close_hook);
}

/* The last call before unload; see repoll_hook_exit(). */
void repoll_close_hook_exit(void)
{
	repoll_hook_exit(&last_close_hook);
}
