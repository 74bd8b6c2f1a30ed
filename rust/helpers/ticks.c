// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of statistics, which is read twice for each event: the time stamp counter
 * where that is one for all CPUs; else the monotonic clock, which takes ten times as
 * many instructions.
 */
#include <linux/cache.h>
#include <linux/clocksource.h>
#include <linux/math64.h>
#include <linux/timekeeping.h>

#include "helpers.h"

#ifdef CONFIG_X86_TSC
#include <asm/tsc.h>

static bool counting __ro_after_init;
static u32 mult __ro_after_init, shift __ro_after_init;

/* Before anybody looks at the clock. */
void repoll_ticks_init(void)
{
	if (check_tsc_unstable() || !tsc_khz)
		return;
	clocks_calc_mult_shift(&mult, &shift, tsc_khz, NSEC_PER_MSEC, 0);
	counting = true;
}

/* Never 0. Of another CPU it may be a little behind. Any context. */
u64 repoll_ticks(void)
{
	return likely(counting) ? rdtsc() : ktime_get_mono_fast_ns();
}

u64 repoll_ticks_to_ns(u64 ticks)
{
	return likely(counting) ? mul_u64_u32_shr(ticks, mult, shift) : ticks;
}
#else
void repoll_ticks_init(void)
{
}

u64 repoll_ticks(void)
{
	return ktime_get_mono_fast_ns();
}

u64 repoll_ticks_to_ns(u64 ticks)
{
	return ticks;
}
#endif
