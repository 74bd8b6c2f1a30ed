// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * librepoll-preload.so: run an unmodified program on /dev/repoll.
 *
 *	LD_PRELOAD=librepoll-preload.so program
 *
 * The epoll functions of libc are replaced here, and the epoll calls made
 * through syscall() in preload_syscall.c. Out of reach are programs that are
 * linked statically or enter the kernel by themselves (Go, liburing).
 *
 * There is no state about file descriptors: each call is put to the device, and
 * the file itself tells whether it is an instance. So descriptors may be
 * duplicated, inherited and passed around freely.
 */
#define _GNU_SOURCE	/* RTLD_NEXT, strerrordesc_np() */
#undef _TIME_BITS	/* epoll_pwait2() is the one with the ABI's own timespec. */

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "device.h"
#include "preload.h"

struct options options;

static struct next libc;
static pthread_once_t libc_once = PTHREAD_ONCE_INIT;

/*
 * An allocator may call syscall() while it sets itself up (jemalloc does), so
 * this must not allocate. dlsym() does so only to report that it found nothing.
 */
static void look_up(void)
{
	libc.epoll_create1 = dlsym(RTLD_NEXT, "epoll_create1");
	libc.epoll_ctl = dlsym(RTLD_NEXT, "epoll_ctl");
	libc.epoll_wait = dlsym(RTLD_NEXT, "epoll_wait");
	libc.epoll_pwait = dlsym(RTLD_NEXT, "epoll_pwait");
	libc.epoll_pwait2 = dlsym(RTLD_NEXT, "epoll_pwait2");
#if __SIZEOF_LONG__ == 4
	libc.epoll_pwait2_time64 = dlsym(RTLD_NEXT, "__epoll_pwait2_time64");
#endif
	libc.syscall = dlsym(RTLD_NEXT, "syscall");
	libc.exit = dlsym(RTLD_NEXT, "_exit");
}

const struct next *next(void)
{
	pthread_once(&libc_once, look_up);
	return &libc;
}

/* A line on stderr, of three parts. */
static void say(const char *const parts[3])
{
	struct iovec iov[3];

	for (int i = 0; i < 3; i++)
		iov[i] = (struct iovec) { (void *)parts[i], strlen(parts[i]) };
	next()->syscall(SYS_writev, STDERR_FILENO, iov, 3);
}

static bool asked_for(const char *name)
{
	const char *value = secure_getenv(name);

	return value && !strcmp(value, "1");
}

/* The policy of this name, 0 for none. A name that there is not must not go unnoticed. */
static uint32_t wake_policy(const char *name)
{
	if (!name || !*name)
		return 0;
	if (!strcmp(name, "lifo"))
		return REPOLL_CTL_WAKE_LIFO;
	if (!strcmp(name, "fifo"))
		return REPOLL_CTL_WAKE_FIFO;
	if (!strcmp(name, "round-robin"))
		return REPOLL_CTL_WAKE_ROUND_ROBIN;
	say((const char *const []){
		"repoll-preload: REPOLL_PRELOAD_WAKE is lifo, fifo or round-robin, not ",
		name, "\n",
	});
	return 0;
}

/* Early, so that no signal handler is the first to look up symbols. */
__attribute__((constructor))
static void preload_load(void)
{
	next();
	options.fallback = asked_for("REPOLL_FALLBACK");
	options.io_uring = asked_for("REPOLL_IO_URING");
	options.stats = asked_for("REPOLL_PRELOAD_STATS");
	options.wake = wake_policy(secure_getenv("REPOLL_PRELOAD_WAKE"));
	if (options.stats)
		stats_init();
}

/* Say once, on stderr and whatever else happens, why a program cannot have repoll. */
static void complain(int error)
{
	static atomic_flag complained = ATOMIC_FLAG_INIT;

	if (atomic_flag_test_and_set(&complained))
		return;
	say((const char *const []){
		"repoll-preload: cannot open " REPOLL_DEVICE ": ", strerrordesc_np(error),
		"; load the module, or set REPOLL_FALLBACK=1 to run on in-tree epoll\n",
	});
}

/* Failures to open that epoll_create1() has too, and that say nothing of the device. */
static bool is_shortage(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOMEM;
}

int create_instance(int flags)
{
	int saved = errno;
	int fd = device_create(flags);

	if (fd >= 0) {
		stats_count(COUNT_CREATE);
		return fd;
	}
	if (flags & ~EPOLL_CLOEXEC || is_shortage(errno))
		return -1;
	if (options.fallback) {
		stats_count(COUNT_FALLBACK);
		errno = saved;
		return next()->epoll_create1(flags);
	}
	saved = errno;
	complain(saved);
	errno = saved;
	return -1;
}

bool device_served(int epfd, int ret, enum counter counter)
{
	bool served = true;

	/* In-tree epoll refuses an unknown ioctl with EINVAL, other files with ENOTTY. */
	if (ret < 0 && (errno == ENOTTY || errno == EINVAL)) {
		served = device_owns(epfd);
		errno = EINVAL;
	}
	stats_count(served ? counter : COUNT_FALLBACK);
	return served;
}

int epoll_create1(int flags)
{
	return create_instance(flags);
}

int epoll_create(int size)
{
	if (size <= 0) {
		errno = EINVAL;
		return -1;
	}
	return create_instance(0);
}

/*
 * Can 8 bytes be read at @address? The kernel looks at a signal mask before it looks at
 * what is to be done with it, which is nothing here. (process_vm_readv() is not there on
 * each kernel, nor allowed in each container.)
 */
static bool is_readable(const void *address)
{
	enum { NOTHING = -1, SIGSET_SIZE = 8 };

	return next()->syscall(SYS_rt_sigprocmask, NOTHING, address, NULL, SIGSET_SIZE) >= 0 ||
	       errno != EFAULT;
}

/*
 * Whether an event is one for an exclusive registration. It may be anywhere: what the
 * kernel answers with EFAULT must not be a fault here.
 */
static bool is_exclusive(const struct epoll_event *event)
{
	/* One-shot with it is refused, as it is to every program that knows in-tree epoll only. */
	return event && is_readable(event) &&
	       (event->events & (EPOLLEXCLUSIVE | EPOLLONESHOT)) == EPOLLEXCLUSIVE;
}

int instance_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int saved = errno, ret;
	bool with_policy = options.wake && op == EPOLL_CTL_ADD && is_exclusive(event);

	errno = saved;
	if (!with_policy)
		return device_ctl(epfd, op, fd, event);
	ret = device_ioctl_ctl(epfd, op, fd, event, options.wake);
	if (!ret)
		stats_count(COUNT_POLICY);
	return ret;
}

int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int saved = errno;
	int ret = instance_ctl(epfd, op, fd, event);

	if (device_served(epfd, ret, COUNT_CTL))
		return ret;
	errno = saved;
	return next()->epoll_ctl(epfd, op, fd, event);
}

int epoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout)
{
	int saved = errno;
	int ret = CANCELLABLE(device_wait(epfd, events, maxevents, timeout, NULL, 0));

	if (device_served(epfd, ret, COUNT_WAIT))
		return ret;
	errno = saved;
	return next()->epoll_wait(epfd, events, maxevents, timeout);
}

int epoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		const sigset_t *sigmask)
{
	int saved = errno;
	int ret = CANCELLABLE(device_wait(epfd, events, maxevents, timeout, sigmask,
					  KERNEL_SIGSET_SIZE));

	if (device_served(epfd, ret, COUNT_WAIT))
		return ret;
	errno = saved;
	return next()->epoll_pwait(epfd, events, maxevents, timeout, sigmask);
}

int epoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
		 const struct timespec *timeout, const sigset_t *sigmask)
{
	struct __kernel_timespec kernel;
	int saved = errno;
	int ret = CANCELLABLE(device_wait_timespec(epfd, events, maxevents,
						   kernel_timeout(timeout, &kernel), sigmask,
						   KERNEL_SIGSET_SIZE));

	if (device_served(epfd, ret, COUNT_WAIT))
		return ret;
	errno = saved;
	return next()->epoll_pwait2(epfd, events, maxevents, timeout, sigmask);
}

#if __SIZEOF_LONG__ == 4
/* What libc calls epoll_pwait2() in a 32-bit program that is built with _TIME_BITS=64. */
int __epoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			  const struct __kernel_timespec *timeout, const sigset_t *sigmask);

int __epoll_pwait2_time64(int epfd, struct epoll_event *events, int maxevents,
			  const struct __kernel_timespec *timeout, const sigset_t *sigmask)
{
	int saved = errno;
	int ret = CANCELLABLE(device_wait_timespec(epfd, events, maxevents, timeout, sigmask,
						   KERNEL_SIGSET_SIZE));

	if (device_served(epfd, ret, COUNT_WAIT))
		return ret;
	errno = saved;
	return next()->epoll_pwait2_time64(epfd, events, maxevents, timeout, sigmask);
}
#endif
