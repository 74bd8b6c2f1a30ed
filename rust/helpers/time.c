// SPDX-License-Identifier: GPL-2.0

#include <linux/compat.h>
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/time64.h>
#include <linux/timekeeping.h>

#include "helpers.h"

/*
 * Read a relative struct __kernel_timespec at user address @uts into @ns, which
 * saturates at KTIME_MAX. Return: 0, -EFAULT, or -EINVAL for a negative time or
 * nanoseconds outside 0..999999999.
 */
int repoll_get_timeout(u64 uts, s64 *ns)
{
	const struct __kernel_timespec __user *uptr = u64_to_user_ptr(uts);
	struct timespec64 ts;

	if (get_timespec64(&ts, uptr))
		return -EFAULT;
	if (!timespec64_valid(&ts))
		return -EINVAL;
	*ns = ktime_to_ns(timespec64_to_ktime(ts));
	return 0;
}

/* The monotonic time @ns from now, KTIME_MAX if that is past its end. */
s64 repoll_deadline_after(s64 ns)
{
	return ktime_add_safe(ktime_get(), ns);
}

s64 repoll_now(void)
{
	return ktime_get();
}

/* The end of a timer that hrtimer_setup_on_stack() set up. Waits for its function. */
void repoll_timer_end_on_stack(struct hrtimer *timer)
{
	hrtimer_cancel(timer);
	destroy_hrtimer_on_stack(timer);
}

bool repoll_timer_is_queued(struct hrtimer *timer)
{
	return hrtimer_is_queued(timer);
}
