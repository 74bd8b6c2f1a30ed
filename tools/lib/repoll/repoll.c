// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * librepoll: see repoll.h for what each function does.
 */

/* struct timespec is the one of the ABI here, whatever the build asks for. */
#undef _TIME_BITS

#include "repoll.h"
#include "device.h"

/* A file of another kind refuses the ioctl; epoll's word for that is EINVAL. */
static int instance_result(int ret)
{
	if (ret < 0 && errno == ENOTTY)
		errno = EINVAL;
	return ret;
}

int repoll_create1(int flags)
{
	return device_create(flags);
}

int repoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return instance_result(device_ctl(epfd, op, fd, event));
}

int repoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	return repoll_pwait(epfd, events, maxevents, timeout, NULL);
}

int repoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		 const sigset_t *sigmask)
{
	struct repoll_wait wait = wait_msec(events, maxevents, timeout, sigmask,
					    KERNEL_SIGSET_SIZE);

	return instance_result(device_wait_cancellable(epfd, &wait));
}

/* repoll_pwait2() of a 32-bit program that is built with _TIME_BITS=64. */
int repoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			 const struct __kernel_timespec *timeout, const sigset_t *sigmask);

int repoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			 const struct __kernel_timespec *timeout, const sigset_t *sigmask)
{
	struct repoll_wait wait = wait_timespec(events, maxevents, timeout, sigmask,
						KERNEL_SIGSET_SIZE);

	return instance_result(device_wait_cancellable(epfd, &wait));
}

int repoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
		  const struct timespec *timeout, const sigset_t *sigmask)
{
	struct __kernel_timespec kernel;

	return repoll_pwait2_time64(epfd, events, maxevents, kernel_timeout(timeout, &kernel),
				    sigmask);
}
