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

/* A failure of device_advise() as that of a function of libc. */
__attribute__((cold, noinline, unused))
static int device_failure(long ret)
{
	/* A pipe takes no advice. */
	errno = ret == -ESPIPE ? ENOTTY : -ret;
	return -1;
}

/* Out of line: few calls need it, and it has a structure to fill in. */
__attribute__((noinline, unused))
static int device_ioctl_ctl(int epfd, int op, int fd, const struct epoll_event *event,
			    uint32_t flags)
{
	struct repoll_ctl ctl = {
		.op = op,
		.fd = fd,
		.event = to_user_ptr(event),
		.flags = flags,
	};

	return ioctl(epfd, REPOLL_IOC_CTL, &ctl);
}

static inline int device_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	long ret = device_advise(epfd, event, REPOLL_FADVISE_CTL | (uint32_t)fd, op);

	if (ret >= 0)
		return ret;
	return ret == -ENOSYS ? device_ioctl_ctl(epfd, op, fd, event, 0) : device_failure(ret);
}

/* Operations, and a wait after them unless that is NULL. */
__attribute__((unused))
static int device_batch(int epfd, struct repoll_op *ops, uint32_t nr_ops, uint32_t flags,
			const struct repoll_wait *wait)
{
	struct repoll_batch batch = {
		.ops = to_user_ptr(ops),
		.nr_ops = nr_ops,
		.flags = flags,
		.wait = to_user_ptr(wait),
	};

	return ioctl(epfd, REPOLL_IOC_BATCH, &batch);
}

/* A wait for @min_events, or @delay_ns after the first. */
__attribute__((unused))
static int device_wait_many(int epfd, const struct repoll_wait *wait, uint32_t min_events,
			    uint64_t delay_ns)
{
	struct repoll_wait_many many = {
		.wait = *wait,
		.min_events = min_events,
		.delay_ns = delay_ns,
	};

	return ioctl(epfd, REPOLL_IOC_WAIT_MANY, &many);
}

__attribute__((unused))
static int device_notify(int epfd, int fd)
{
	struct repoll_notify notify = { .fd = fd };

	return ioctl(epfd, REPOLL_IOC_NOTIFY, &notify);
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

/* A wait by ioctl. Out of line for the same reason. */
__attribute__((noinline, unused))
static int device_ioctl_wait(int epfd, struct epoll_event *events, int maxevents, uint32_t flags,
			     int64_t timeout, const void *sigmask, size_t sigsetsize)
{
	struct repoll_wait wait = {
		.events = to_user_ptr(events),
		.maxevents = maxevents,
		.flags = flags,
		.timeout = timeout,
		.sigmask = to_user_ptr(sigmask),
		/* What does not fit is wrong, and must not be cut to what is right. */
		.sigsetsize = sigsetsize > UINT32_MAX ? UINT32_MAX : sigsetsize,
	};

	return ioctl(epfd, REPOLL_IOC_WAIT, &wait);
}

/* A wait limited to @timeout milliseconds. */
static inline int device_wait(int epfd, struct epoll_event *events, int maxevents, int timeout,
			      const void *sigmask, size_t sigsetsize)
{
	if (!sigmask) {
		long ret = device_advise(epfd, events,
					 REPOLL_FADVISE_WAIT | (uint32_t)maxevents, timeout);

		if (ret >= 0)
			return ret;
		if (ret != -ENOSYS)
			return device_failure(ret);
	}
	return device_ioctl_wait(epfd, events, maxevents, 0, timeout, sigmask, sigsetsize);
}

/* A wait limited to @timeout. */
static inline int device_wait_timespec(int epfd, struct epoll_event *events, int maxevents,
				       const struct __kernel_timespec *timeout,
				       const void *sigmask, size_t sigsetsize)
{
	return device_ioctl_wait(epfd, events, maxevents, REPOLL_WAIT_TIMESPEC,
				 to_user_ptr(timeout), sigmask, sigsetsize);
}

/*
 * One of these as a cancellation point, which none of the system calls is:
 * cancellation is asynchronous for the length of the call. A single thread has
 * nobody to cancel it meanwhile, but may have cancelled itself before.
 */
#define CANCELLABLE(call) \
	(__libc_single_threaded ? (pthread_testcancel(), (call)) : CANCELLABLE_AT_ANY_TIME(call))

#define CANCELLABLE_AT_ANY_TIME(call) ({					\
	int _type, _ret;							\
										\
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &_type);		\
	_ret = (call);								\
	pthread_setcanceltype(_type, NULL);					\
	_ret;									\
})

#endif /* REPOLL_DEVICE_H */
