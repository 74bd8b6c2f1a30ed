// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * syscall(): the epoll calls of programs that make them by number.
 *
 * Unlike libc's epoll functions, syscall() is no cancellation point, and its
 * callers name the size of the signal set.
 */
#include <stdarg.h>

#include "device.h"
#include "preload.h"

#define SYSCALL_ARGS	6

/* A pointer among the arguments of a call. */
static void *pointer(long arg)
{
	return (void *)arg;
}

/* Put a call to the device. False when it is for the kernel: not epoll, or not ours. */
static bool device_syscall(long number, const long arg[SYSCALL_ARGS], long *ret)
{
	switch (number) {
#ifdef SYS_epoll_create
	case SYS_epoll_create:
		stats_count(COUNT_SYSCALL);
		*ret = epoll_create(arg[0]);
		return true;
#endif
	case SYS_epoll_create1:
		stats_count(COUNT_SYSCALL);
		*ret = create_instance(arg[0]);
		return true;
	case SYS_epoll_ctl:
		stats_count(COUNT_SYSCALL);
		*ret = instance_ctl(arg[0], arg[1], arg[2], pointer(arg[3]));
		return device_served(arg[0], *ret, COUNT_CTL);
#ifdef SYS_epoll_wait
	case SYS_epoll_wait:
		*ret = device_wait(arg[0], pointer(arg[1]), arg[2], arg[3], NULL, 0);
		break;
#endif
	case SYS_epoll_pwait:
		*ret = device_wait(arg[0], pointer(arg[1]), arg[2], arg[3], pointer(arg[4]),
				   arg[5]);
		break;
	case SYS_epoll_pwait2:
		*ret = device_wait_timespec(arg[0], pointer(arg[1]), arg[2], pointer(arg[3]),
					    pointer(arg[4]), arg[5]);
		break;
	default:
		return false;
	}
	stats_count(COUNT_SYSCALL);
	return device_served(arg[0], *ret, COUNT_WAIT);
}

long syscall(long number, ...)
{
	long arg[SYSCALL_ARGS], ret;
	int saved = errno;
	va_list ap;

	/* As libc does: all six, whatever the call; those not passed are not used. */
	va_start(ap, number);
	for (int i = 0; i < SYSCALL_ARGS; i++)
		arg[i] = va_arg(ap, long);
	va_end(ap);

	if (device_syscall(number, arg, &ret))
		return ret;
	errno = saved;

	switch (number) {
	case SYS_io_uring_setup:
		/* A ring would take the epoll calls past this library; libuv makes one. */
		if (!options.io_uring) {
			errno = ENOSYS;
			return -1;
		}
		break;
	case SYS_exit_group:
		stats_print();
		break;
	}
	return next()->syscall(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
