// SPDX-License-Identifier: GPL-2.0

#include <linux/compat.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/uaccess.h>

#include "helpers.h"

/* The mask at user address @umask, in the layout of the caller's kind. 0 or -EFAULT. */
static int read_sigmask(sigset_t *mask, u64 umask)
{
#ifdef CONFIG_COMPAT
	if (in_compat_syscall())
		return get_compat_sigset(mask, compat_ptr(umask));
#endif
	return copy_from_user(mask, u64_to_user_ptr(umask), sizeof(*mask)) ? -EFAULT : 0;
}

/**
 * repoll_set_user_sigmask - the caller's signal mask for the time of a wait.
 * @umask: user address of the mask; 0 leaves everything as it is.
 * @sigsetsize: what the caller believes the size of a sigset_t to be.
 *
 * set_user_sigmask() for modules, which cannot call that one. To be undone by
 * repoll_restore_sigmask(), or, when the wait ends with -EINTR, by the signal
 * delivery on the way back to user space. Return: 0, -EINVAL or -EFAULT.
 */
int repoll_set_user_sigmask(u64 umask, size_t sigsetsize)
{
	sigset_t mask;

	if (!umask)
		return 0;
	if (sigsetsize != sizeof(sigset_t))
		return -EINVAL;
	if (read_sigmask(&mask, umask))
		return -EFAULT;

	sigdelsetmask(&mask, sigmask(SIGKILL) | sigmask(SIGSTOP));
	set_restore_sigmask();
	current->saved_sigmask = current->blocked;
	return sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* Undo repoll_set_user_sigmask(), which may have had nothing to do. */
void repoll_restore_sigmask(void)
{
	if (test_and_clear_restore_sigmask())
		sigprocmask(SIG_SETMASK, &current->saved_sigmask, NULL);
}
