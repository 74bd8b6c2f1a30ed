// SPDX-License-Identifier: GPL-2.0
/*
 * The hook on closes of fds: whenever a number of a table of open files is
 * closed, be it by close(), dup2(), exec or exit, filp_flush() calls
 * locks_remove_posix(file, files), after the number was taken out of the table.
 * A function tracer's handler on it looks for registrations that are bound to
 * that number. It only looks: the removal is left to the task, on its way back to
 * user space, in the context in which the kernel does the work of a last close.
 */

#include <linux/atomic.h>
#include <linux/fdtable.h>
#include <linux/filelock.h>
#include <linux/ftrace.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "helpers.h"
#include "hook.h"

/*
 * Does @fd of @files not lead to @file any more? @files is the table of a file
 * that is being closed, and alive. Any context.
 */
bool repoll_fd_is_gone(struct files_struct *files, unsigned int fd, const struct file *file)
{
	guard(rcu)();
	/* At the end of a table its numbers stay where they are, see close_files(). */
	return !atomic_read(&files->count) || files_lookup_fd_raw(files, fd) != file;
}

/*
 * Does @fd of the current task lead to @file? A no is followed, and a yes may be,
 * by a call of the handler for it, which then sees all that came before this.
 */
bool repoll_fd_leads_to(unsigned int fd, const struct file *file)
{
	struct files_struct *files = current->files;

	guard(spinlock)(&files->file_lock);
	return files_lookup_fd_locked(files, fd) == file;
}

/* The current task's table of open files; not a reference. */
const struct files_struct *repoll_current_files(void)
{
	return current->files;
}

#ifdef CONFIG_DYNAMIC_FTRACE_WITH_ARGS

/* Called with preemption on or off: must not sleep. */
static void notrace fd_hook(unsigned long ip, unsigned long parent_ip,
			    struct ftrace_ops *ops, struct ftrace_regs *fregs)
{
	repoll_fd_closed((struct file *)ftrace_regs_get_argument(fregs, 0),
			 (struct files_struct *)ftrace_regs_get_argument(fregs, 1));
}

static struct ftrace_ops fd_hook_ops = {
	.func	= fd_hook,
	/* No FTRACE_OPS_FL_RECURSION: nothing that the handler calls closes a file. */
	.flags	= FTRACE_OPS_FL_DYNAMIC | FTRACE_OPS_FL_PERMANENT,
};

/* 0, -EINVAL without such a function to trace. */
static int register_hook(void)
{
	static unsigned char function[] = "locks_remove_posix";
	int ret;

	ret = ftrace_set_filter(&fd_hook_ops, function, sizeof(function) - 1, 1);
	if (ret)
		return ret;
	return register_ftrace_function(&fd_hook_ops);
}

/* 0, or -ENODEV when the tracer has died (ftrace_kill()): our handler stays in place then. */
static int unregister_hook(void)
{
	int ret = unregister_ftrace_function(&fd_hook_ops);

	if (!ret)
		ftrace_free_filter(&fd_hook_ops);
	return ret;
}

#else /* !CONFIG_DYNAMIC_FTRACE_WITH_ARGS */

/* Not reached: without it there are no instances. */
static int register_hook(void)
{
	return -EOPNOTSUPP;
}

static int unregister_hook(void)
{
	return 0;
}

#endif

static struct repoll_hook fd_close_hook = {
	.add = register_hook,
	.remove = unregister_hook,
	.mutex = __MUTEX_INITIALIZER(fd_close_hook.mutex),
	.drop_work = __DELAYED_WORK_INITIALIZER(fd_close_hook.drop_work, repoll_hook_drop, 0),
};

/**
 * repoll_fd_hook_get - from here on, repoll_fd_closed() is called at every close.
 *
 * May sleep. Return: 0, or the error of register_hook().
 */
int repoll_fd_hook_get(void)
{
	return repoll_hook_get(&fd_close_hook);
}

/* Undo repoll_fd_hook_get(). May sleep. */
void repoll_fd_hook_put(void)
{
	repoll_hook_put(&fd_close_hook);
}

/* The last call before unload, when there is no instance. May sleep. */
void repoll_fd_hook_exit(void)
{
	repoll_hook_exit(&fd_close_hook);
	repoll_works_finish();
}
