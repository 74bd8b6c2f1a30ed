/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * The calls of /dev/repoll as functions. Internal to the library and the
 * interposer; an error is left in errno as the kernel reported it, ENOTTY for a
 * file of another kind that has no such call.
 */
#ifndef REPOLL_DEVICE_H
#define REPOLL_DEVICE_H

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/repoll.h>
#include <linux/time_types.h>

/* Bytes of the kernel's sigset_t. The one of libc is larger. */
#define KERNEL_SIGSET_SIZE	(_NSIG / 8)

static inline uint64_t to_user_ptr(const void *ptr)
{
	return (uintptr_t)ptr;
}

static inline int device_create(int flags)
{
	if (flags & ~EPOLL_CLOEXEC) {
		errno = EINVAL;
		return -1;
	}
	/* Not open(), which is a cancellation point where epoll_create1() is none. */
	return syscall(SYS_openat, AT_FDCWD, REPOLL_DEVICE,
		       O_RDWR | (flags & EPOLL_CLOEXEC ? O_CLOEXEC : 0));
}

/* True when the file behind @epfd is an instance. Changes errno. */
static inline bool device_owns(int epfd)
{
	struct repoll_info info;

	return ioctl(epfd, REPOLL_IOC_INFO, &info) == 0;
}

/*
 * One of the calls by fadvise64(), which the kernel may have been built without.
 * 32-bit programs do without it: there its arguments are halves of numbers.
 */
static inline long device_advise(int epfd, const void *offset, uint64_t len, int advice)
{
#ifdef __x86_64__
	/* Not syscall(): on the way to a call this short it would be felt. */
	register long ret __asm__("rax") = SYS_fadvise64;
	register long arg4 __asm__("r10") = advice;

	__asm__ volatile("syscall"
			 : "+r"(ret)
			 : "D"((long)epfd), "S"(offset), "d"(len), "r"(arg4)
			 : "rcx", "r11", "memory");
	return ret;
#else
	long ret;

	if (sizeof(long) == 4)
		return -ENOSYS;
	ret = syscall(SYS_fadvise64, epfd, offset, len, advice);
	return ret < 0 ? -errno : ret;
#endif
}

/* The result of device_advise() as that of a function of libc. */
static inline int device_result(long ret)
{
	if (ret >= 0)
		return ret;
	/* A pipe takes no advice. */
	errno = ret == -ESPIPE ? ENOTTY : -ret;
	return -1;
}

static inline int device_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	long ret = device_advise(epfd, event, REPOLL_FADVISE_CTL | (uint32_t)fd, op);

	if (ret != -ENOSYS)
		return device_result(ret);

	struct repoll_ctl ctl = {
		.op = op,
		.fd = fd,
		.event = to_user_ptr(event),
	};

	return ioctl(epfd, REPOLL_IOC_CTL, &ctl);
}

/* A wait limited to @timeout milliseconds. */
static inline struct repoll_wait wait_msec(struct epoll_event *events, int maxevents, int timeout,
					   const void *sigmask, size_t sigsetsize)
{
	return (struct repoll_wait) {
		.events = to_user_ptr(events),
		.maxevents = maxevents,
		.timeout = timeout,
		.sigmask = to_user_ptr(sigmask),
		/* What does not fit is wrong, and must not be cut to what is right. */
		.sigsetsize = sigsetsize > UINT32_MAX ? UINT32_MAX : sigsetsize,
	};
}

/* A wait limited to @timeout, which has to stay in place until the wait is over. */
static inline struct repoll_wait wait_timespec(struct epoll_event *events, int maxevents,
					       const struct __kernel_timespec *timeout,
					       const void *sigmask, size_t sigsetsize)
{
	struct repoll_wait wait = wait_msec(events, maxevents, 0, sigmask, sigsetsize);

	wait.flags = REPOLL_WAIT_TIMESPEC;
	wait.timeout = to_user_ptr(timeout);
	return wait;
}

/*
 * The kernel's form of @timeout, in @kernel where the two differ. Where they do
 * not, the pointer is handed on unread, so that a bad one gives EFAULT.
 */
static inline const struct __kernel_timespec *
kernel_timeout(const struct timespec *timeout, struct __kernel_timespec *kernel)
{
	if (sizeof(*timeout) == sizeof(*kernel) || !timeout)
		return (const struct __kernel_timespec *)timeout;
	kernel->tv_sec = timeout->tv_sec;
	kernel->tv_nsec = timeout->tv_nsec;
	return kernel;
}

static inline int device_wait(int epfd, const struct repoll_wait *wait)
{
	if (!wait->flags && !wait->sigmask) {
		long ret = device_advise(epfd, (const void *)(uintptr_t)wait->events,
					 REPOLL_FADVISE_WAIT | (uint32_t)wait->maxevents,
					 wait->timeout);

		if (ret != -ENOSYS)
			return device_result(ret);
	}
	return ioctl(epfd, REPOLL_IOC_WAIT, wait);
}

/*
 * device_wait() as a cancellation point, which ioctl() is not: cancellation is
 * asynchronous for the length of the call. A single thread has nobody to cancel
 * it meanwhile, but may have cancelled itself before.
 */
static inline int device_wait_cancellable(int epfd, const struct repoll_wait *wait)
{
	int type, ret;

	if (__libc_single_threaded) {
		pthread_testcancel();
		return device_wait(epfd, wait);
	}

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	ret = device_wait(epfd, wait);
	pthread_setcanceltype(type, NULL);
	return ret;
}

#endif /* REPOLL_DEVICE_H */
