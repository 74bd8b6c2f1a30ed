// SPDX-License-Identifier: GPL-2.0

#include <linux/cred.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/percpu_counter.h>
#include <linux/sched/user.h>
#include <linux/sysctl.h>

#include "helpers.h"

/* To be dropped by free_uid(). */
struct user_struct *repoll_get_current_user(void)
{
	return get_current_user();
}

/* The most watches that a user may have, over all instances. */
static long max_user_watches;

/*
 * Count one more watch of @user unless it has as many as allowed. The counter is
 * that of in-tree epoll: a watch costs the kernel the same on either side.
 */
bool repoll_charge_watch(struct user_struct *user)
{
	if (percpu_counter_compare(&user->epoll_watches, READ_ONCE(max_user_watches)) >= 0)
		return false;
	percpu_counter_inc(&user->epoll_watches);
	return true;
}

void repoll_uncharge_watch(struct user_struct *user)
{
	percpu_counter_dec(&user->epoll_watches);
}

/* The same for @n watches: all of them, or none if they are too many. */
bool repoll_charge_watches(struct user_struct *user, u32 n)
{
	if (percpu_counter_compare(&user->epoll_watches, READ_ONCE(max_user_watches) - n) > 0)
		return false;
	percpu_counter_add(&user->epoll_watches, n);
	return true;
}

void repoll_uncharge_watches(struct user_struct *user, u32 n)
{
	percpu_counter_sub(&user->epoll_watches, n);
}

/* 4 % of low memory, the rule of in-tree epoll. */
long repoll_default_max_watches(unsigned int item_size)
{
	struct sysinfo si;

	si_meminfo(&si);
	return (((si.totalram - si.totalhigh) / 25) << PAGE_SHIFT) / item_size;
}

#ifdef CONFIG_SYSCTL
static long long_zero;
static long long_max = LONG_MAX;
static struct ctl_table_header *sysctl_header;

static const struct ctl_table sysctls[] = {
	{
		.procname	= "max_user_watches",
		.data		= &max_user_watches,
		.maxlen		= sizeof(max_user_watches),
		.mode		= 0644,
		.proc_handler	= proc_doulongvec_minmax,
		.extra1		= &long_zero,
		.extra2		= &long_max,
	},
};

/* Set the limit to @max and show it as /proc/sys/fs/repoll/max_user_watches. */
int repoll_sysctl_register(long max)
{
	max_user_watches = max;
	sysctl_header = register_sysctl_sz("fs/repoll", sysctls, ARRAY_SIZE(sysctls));
	return sysctl_header ? 0 : -ENOMEM;
}

void repoll_sysctl_unregister(void)
{
	unregister_sysctl_table(sysctl_header);
}
#else
int repoll_sysctl_register(long max)
{
	max_user_watches = max;
	return 0;
}

void repoll_sysctl_unregister(void)
{
}
#endif
