// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * librepoll: see repoll.h for what each function does.
 */

/* struct timespec is the one of the ABI here, whatever the build asks for. */
#undef _TIME_BITS

#include "repoll.h"
#include "device.h"

/* A file of another kind refuses the call; epoll's word for that is EINVAL. */
__attribute__((cold, noinline))
static int instance_failure(void)
{
	if (errno == ENOTTY)
		errno = EINVAL;
	return -1;
}

static inline int instance_result(int ret)
{
	return ret >= 0 ? ret : instance_failure();
}

int repoll_create1(int flags)
{
	return device_create(flags);
}

int repoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return instance_result(device_ctl(epfd, op, fd, event));
}

int repoll_ctl_flags(int epfd, int op, int fd, struct epoll_event *event, unsigned int flags)
{
	return instance_result(device_ioctl_ctl(epfd, op, fd, event, flags));
}

int repoll_sync(int epfd, int timeout)
{
	struct repoll_sync sync = { .timeout = timeout };

	return instance_result(ioctl(epfd, REPOLL_IOC_SYNC, &sync));
}

int repoll_batch(int epfd, struct repoll_op *ops, unsigned int nr_ops, unsigned int flags)
{
	return instance_result(device_batch(epfd, ops, nr_ops, flags, NULL));
}

int repoll_batch_pwait(int epfd, struct repoll_op *ops, unsigned int nr_ops,
		       unsigned int flags, struct epoll_event *events, int maxevents,
		       int timeout, const sigset_t *sigmask)
{
	struct repoll_wait wait = {
		.events = to_user_ptr(events),
		.maxevents = maxevents,
		.timeout = timeout,
		.sigmask = to_user_ptr(sigmask),
		.sigsetsize = KERNEL_SIGSET_SIZE,
	};

	return instance_result(CANCELLABLE(device_batch(epfd, ops, nr_ops, flags, &wait)));
}

int repoll_stats_on(int epfd)
{
	struct repoll_stats stats = { .op = REPOLL_STATS_ON };

	return instance_result(ioctl(epfd, REPOLL_IOC_STATS, &stats));
}

int repoll_stats_off(int epfd)
{
	struct repoll_stats stats = { .op = REPOLL_STATS_OFF };

	return instance_result(ioctl(epfd, REPOLL_IOC_STATS, &stats));
}

int repoll_stats_read(int epfd, struct repoll_stats_instance *instance,
		      struct repoll_stats_record *records, unsigned int nr_records,
		      unsigned int *cursor)
{
	struct repoll_stats stats = {
		.op = REPOLL_STATS_READ,
		.cursor = cursor ? *cursor : 0,
		.instance = to_user_ptr(instance),
		.records = to_user_ptr(records),
		.nr_records = nr_records,
	};
	int stored = instance_result(ioctl(epfd, REPOLL_IOC_STATS, &stats));

	if (stored >= 0 && cursor)
		*cursor = stats.cursor;
	return stored;
}

/* Out of line: a single thread need not save the registers that this takes. */
__attribute__((noinline))
static int wait_beside_threads(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return CANCELLABLE_AT_ANY_TIME(device_wait(epfd, events, maxevents, timeout, NULL, 0));
}

int repoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	if (!__libc_single_threaded)
		return instance_result(wait_beside_threads(epfd, events, maxevents, timeout));
	pthread_testcancel();
	return instance_result(device_wait(epfd, events, maxevents, timeout, NULL, 0));
}

int repoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		 const sigset_t *sigmask)
{
	return instance_result(CANCELLABLE(device_wait(epfd, events, maxevents, timeout,
						       sigmask, KERNEL_SIGSET_SIZE)));
}

/* repoll_pwait2() of a 32-bit program that is built with _TIME_BITS=64. */
int repoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			 const struct __kernel_timespec *timeout, const sigset_t *sigmask);

int repoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			 const struct __kernel_timespec *timeout, const sigset_t *sigmask)
{
	return instance_result(CANCELLABLE(device_wait_timespec(epfd, events, maxevents, timeout,
								sigmask, KERNEL_SIGSET_SIZE)));
}

int repoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
		  const struct timespec *timeout, const sigset_t *sigmask)
{
	struct __kernel_timespec kernel;

	return repoll_pwait2_time64(epfd, events, maxevents, kernel_timeout(timeout, &kernel),
				    sigmask);
}

int repoll_wait_generations(int epfd, struct repoll_event *events, int maxevents, int timeout)
{
	struct repoll_wait wait = {
		.events = to_user_ptr(events),
		.maxevents = maxevents,
		.flags = REPOLL_WAIT_GENERATION,
		.timeout = timeout,
	};

	return instance_result(CANCELLABLE(ioctl(epfd, REPOLL_IOC_WAIT, &wait)));
}

int repoll_pwait_many(int epfd, struct epoll_event *events, int maxevents,
		      unsigned int min_events, uint64_t delay_ns, int timeout,
		      const sigset_t *sigmask)
{
	struct repoll_wait wait = {
		.events = to_user_ptr(events),
		.maxevents = maxevents,
		.timeout = timeout,
		.sigmask = to_user_ptr(sigmask),
		.sigsetsize = KERNEL_SIGSET_SIZE,
	};

	return instance_result(CANCELLABLE(device_wait_many(epfd, &wait, min_events, delay_ns)));
}

int repoll_wait_many(int epfd, struct epoll_event *events, int maxevents,
		     unsigned int min_events, uint64_t delay_ns, int timeout)
{
	return repoll_pwait_many(epfd, events, maxevents, min_events, delay_ns, timeout, NULL);
}

int repoll_notify(int epfd, int fd)
{
	return instance_result(device_notify(epfd, fd));
}

int repoll_timers(int epfd, struct repoll_timer *timers, unsigned int nr_timers)
{
	struct repoll_timers request = {
		.timers = to_user_ptr(timers),
		.nr_timers = nr_timers,
	};

	return instance_result(ioctl(epfd, REPOLL_IOC_TIMER, &request));
}

/* Carry out one operation: its result is that of the call. */
static int one_timer(int epfd, struct repoll_timer timer)
{
	int ret = repoll_timers(epfd, &timer, 1);

	if (ret)
		return ret < 0 ? ret : 0;
	errno = -timer.result;
	return -1;
}

int repoll_timer_set(int epfd, uint64_t id, uint64_t ns, uint64_t slack_ns)
{
	return one_timer(epfd, (struct repoll_timer){
		.op = REPOLL_TIMER_SET,
		.clock = CLOCK_MONOTONIC,
		.id = id,
		.expiry_ns = ns,
		.slack_ns = slack_ns,
	});
}

int repoll_timer_cancel(int epfd, uint64_t id)
{
	return one_timer(epfd, (struct repoll_timer){ .op = REPOLL_TIMER_CANCEL, .id = id });
}
