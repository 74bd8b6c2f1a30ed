/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * repoll: the epoll calls, served by /dev/repoll.
 *
 * Each function takes, returns and reports what the epoll function of the same
 * name does, so a program ports by a change of prefix. The events, the flags
 * and struct epoll_event are those of <sys/epoll.h>. An instance is closed
 * with close(), and may be polled, duplicated, inherited, passed to another
 * process, and added to another instance or to an epoll instance.
 *
 * All functions are thread-safe and async-signal-safe. On failure they return
 * -1 and set errno.
 */
#ifndef REPOLL_H
#define REPOLL_H

#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * repoll_create1() - open an instance
 * @flags:	0 or EPOLL_CLOEXEC.
 *
 * Return: the new file descriptor.
 *
 * Errors: EINVAL for an unknown flag; EMFILE, ENFILE, ENOMEM as for epoll. A
 * missing device is ENOENT (no /dev/repoll) or ENODEV (its module is not loaded).
 * EBUSY and ENODEV when the kernel does not let last closes be seen, EACCES
 * or EPERM when the device may not be opened.
 */
int repoll_create1(int flags);

/**
 * repoll_ctl() - change the interest set of an instance
 * @epfd:	the instance.
 * @op:		EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
 * @fd:		the watched file descriptor.
 * @event:	the events to watch for, and the data to return with them; not
 *		read for EPOLL_CTL_DEL.
 *
 * Return: 0.
 *
 * Errors: EBADF (@epfd or @fd is not open), EEXIST (ADD of a registered @fd),
 * ENOENT (MOD or DEL of an unregistered one), EPERM (@fd cannot be polled),
 * EFAULT (@event), EINVAL (@epfd is not an instance or is @fd; bad @op; events
 * that EPOLLEXCLUSIVE does not go with), ELOOP (a cycle, or nested too deep),
 * ENOSPC (the user's limit of watches), ENOMEM.
 */
int repoll_ctl(int epfd, int op, int fd, struct epoll_event *event);

/**
 * repoll_ctl_flags() - repoll_ctl() in ways that epoll_ctl() does not have
 * @epfd, @op, @fd, @event: as for repoll_ctl(), but for what a flag says of them.
 * @flags:	REPOLL_CTL_* bits of <linux/repoll.h>:
 *		REPOLL_CTL_BIND, for EPOLL_CTL_ADD: the registration ends when the number
 *		@fd is closed, also where the file stays open elsewhere.
 *		REPOLL_CTL_TOKEN, for EPOLL_CTL_ADD: the event's data is a token, which
 *		the instance has once; for the others, the registration is the one with
 *		the token that is the event's data, and @fd is -1.
 *		One of REPOLL_CTL_WAKE_*, for EPOLL_CTL_ADD and EPOLL_CTL_MOD: who is
 *		woken first by an event.
 *		REPOLL_CTL_HANDOVER, but for EPOLL_CTL_DEL: whoever is delivered the event
 *		has the registration to itself, until its next wait or its exit.
 *		REPOLL_CTL_SYNC, for EPOLL_CTL_ADD: the registration has a generation, and
 *		can be deleted with the flag; for EPOLL_CTL_DEL: when the call returns 0, no
 *		other thread is at work with an event of the registration any more. What
 *		this thread has been delivered itself, by its last wait, it gives up.
 *
 * Return: 0; for EPOLL_CTL_ADD with REPOLL_CTL_SYNC the generation, 1 to INT_MAX.
 *
 * Errors: those of repoll_ctl(); EINVAL for a flag that does not go with @op or @fd,
 * or that the loaded module does not know, see &struct repoll_info; EEXIST for a
 * token that is there, ENOENT for one that is not; with REPOLL_CTL_BIND also EBUSY
 * and ENODEV, when the kernel does not let closes be seen, and EBADF when another
 * thread has closed @fd meanwhile; with REPOLL_CTL_HANDOVER or REPOLL_CTL_SYNC
 * EOPNOTSUPP, when it does not let exits be seen. EPOLL_CTL_DEL with REPOLL_CTL_SYNC:
 * EINVAL for a registration that was added without, EINTR when a signal handler ran; the
 * registration is deleted then, and what is left to do is repoll_sync().
 */
int repoll_ctl_flags(int epfd, int op, int fd, struct epoll_event *event, unsigned int flags);

/**
 * repoll_sync() - wait for all threads at work
 * @epfd:	the instance.
 * @timeout:	in milliseconds; 0 does not block, a negative one never expires.
 *
 * Of registrations with REPOLL_CTL_SYNC that were deleted before the call, in whatever
 * way, no other thread has an event when it returns 0: each thread that had been delivered
 * something has waited again, has called this or deleted with REPOLL_CTL_SYNC, or has
 * exited. What this thread has been delivered itself it gives up. No cancellation point.
 *
 * Return: 0.
 *
 * Errors: EBADF (@epfd is not open), EINVAL (@epfd is not an instance; the loaded module
 * does not know the call), EINTR (a signal handler ran), ETIMEDOUT.
 */
int repoll_sync(int epfd, int timeout);

struct repoll_op;	/* of <linux/repoll.h> */

/**
 * repoll_batch() - change the interest set many times in one call
 * @epfd:	the instance.
 * @ops:	the operations, in the order in which they are carried out. The
 *		result of each is stored: 0, or the negative of the errno that
 *		repoll_ctl_flags() would have set.
 * @nr_ops:	how many they are, at most REPOLL_BATCH_MAX.
 * @flags:	0, or REPOLL_BATCH_ATOMIC: if one fails, none has an effect, and the
 *		result of all others is -ECANCELED.
 *
 * Return: how many operations succeeded.
 *
 * Errors: EBADF (@epfd is not open), EINVAL (@epfd is not an instance; @flags),
 * E2BIG (@nr_ops), EFAULT (@ops; what has been done by then stays done), ENOMEM
 * (only for REPOLL_BATCH_ATOMIC). Any other failure is the result of an operation.
 */
int repoll_batch(int epfd, struct repoll_op *ops, unsigned int nr_ops, unsigned int flags);

/**
 * repoll_batch_pwait() - change the interest set many times, and wait, in one call
 * @epfd, @ops, @nr_ops, @flags: as for repoll_batch().
 * @events, @maxevents, @timeout, @sigmask: as for repoll_pwait().
 *
 * If an operation failed, the wait does not sleep, so that its result can be
 * looked at. A cancellation point, as repoll_wait() is.
 *
 * Return: the number of events stored, 0 when the timeout expired or an operation
 * failed.
 *
 * Errors: those of repoll_batch(), and of repoll_pwait(). After EINTR, and after
 * EFAULT for @events, the operations have been carried out.
 */
int repoll_batch_pwait(int epfd, struct repoll_op *ops, unsigned int nr_ops,
		       unsigned int flags, struct epoll_event *events, int maxevents,
		       int timeout, const sigset_t *sigmask);

/* <linux/repoll.h> has these. */
struct repoll_stats_instance;
struct repoll_stats_record;

/**
 * repoll_stats_on() - begin to keep statistics
 * @epfd:	the instance.
 *
 * What is counted, of the instance and of each of its registrations, and what that
 * costs, is in Documentation/statistics.rst.
 *
 * Return: 0, or 1 if they were kept already: whoever began should end.
 *
 * Errors: EBADF (@epfd is not open), EINVAL (@epfd is not an instance, or the module
 * keeps none), ENOMEM.
 */
int repoll_stats_on(int epfd);

/**
 * repoll_stats_off() - keep statistics no longer, and forget those there are
 * @epfd:	the instance.
 *
 * Return: 0, or 1 if none were kept.
 *
 * Errors: as for repoll_stats_on(), but for ENOMEM.
 */
int repoll_stats_off(int epfd);

/**
 * repoll_stats_read() - read statistics
 * @epfd:	the instance.
 * @instance:	where to store what is counted of it, or NULL.
 * @records:	where to store what is counted of registrations.
 * @nr_records:	room in @records; 0 for none of them.
 * @cursor:	0 to begin with, and given back as the last call has left it to go on;
 *		NULL if one call is all there will be.
 *
 * A registration that is there from the first of these calls to the last is among the
 * records once. Their order means nothing.
 *
 * Return: the number of records stored. If there are fewer than @nr_records, there are
 * no more.
 *
 * Errors: as for repoll_stats_on(), and ENODATA (statistics are off), EFAULT
 * (@instance, @records), EINVAL (@nr_records is out of range).
 */
int repoll_stats_read(int epfd, struct repoll_stats_instance *instance,
		      struct repoll_stats_record *records, unsigned int nr_records,
		      unsigned int *cursor);

/**
 * repoll_wait() - wait for events
 * @epfd:	the instance.
 * @events:	where to store them.
 * @maxevents:	room in @events, at least 1.
 * @timeout:	in milliseconds; 0 does not block, a negative one never expires.
 *
 * A cancellation point. A thread that is cancelled in the instant after events
 * were taken loses what was taken, which for EPOLLET and EPOLLONESHOT is for
 * good.
 *
 * Return: the number of events stored, 0 when the timeout expired.
 *
 * Errors: EBADF (@epfd is not open), EINVAL (@epfd is not an instance, or
 * @maxevents is out of range), EFAULT (@events), EINTR (a signal handler ran).
 */
int repoll_wait(int epfd, struct epoll_event *events, int maxevents, int timeout);

/**
 * repoll_pwait() - wait for events or a signal
 * @epfd, @events, @maxevents, @timeout: as for repoll_wait().
 * @sigmask:	the thread's signal mask for the time of the wait, or NULL to
 *		leave the mask alone.
 *
 * Return, errors and cancellation: as for repoll_wait(), and EFAULT also for
 * @sigmask.
 */
int repoll_pwait(int epfd, struct epoll_event *events, int maxevents, int timeout,
		 const sigset_t *sigmask);

/**
 * repoll_pwait2() - wait for events or a signal, timeout in nanoseconds
 * @epfd, @events, @maxevents, @sigmask: as for repoll_pwait().
 * @timeout:	relative; zero does not block, NULL never expires.
 *
 * Return, errors and cancellation: as for repoll_pwait(), and EINVAL also for
 * a @timeout that is negative or has a tv_nsec of a second or more.
 */
#if __SIZEOF_LONG__ == 4 && defined(_TIME_BITS) && _TIME_BITS == 64
/* This program's struct timespec is wider than the one of its ABI. */
int repoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
		  const struct timespec *timeout, const sigset_t *sigmask)
	__asm__("repoll_pwait2_time64");
#else
int repoll_pwait2(int epfd, struct epoll_event *events, int maxevents,
		  const struct timespec *timeout, const sigset_t *sigmask);
#endif

struct repoll_event;	/* of <linux/repoll.h> */

/**
 * repoll_wait_generations() - wait for events, and learn which registrations they are of
 * @epfd, @maxevents, @timeout: as for repoll_wait().
 * @events:	where to store them, each with the generation of its registration: what
 *		repoll_ctl_flags() returned for an ADD with REPOLL_CTL_SYNC, 0 for others.
 *
 * Return, errors and cancellation: as for repoll_wait(); EINVAL also if the loaded module
 * does not know the call.
 */
int repoll_wait_generations(int epfd, struct repoll_event *events, int maxevents, int timeout);

/**
 * repoll_wait_many() - wait for several events
 * @epfd, @events, @maxevents, @timeout: as for repoll_wait().
 * @min_events:	how many events end the wait, at least 1; @maxevents if that is less.
 * @delay_ns:	how long after the first event fewer end it, in nanoseconds; 0 for at
 *		once, UINT64_MAX for never.
 *
 * The thread is not woken by each event. Those that are there when the timeout expires
 * or a signal comes are returned.
 *
 * Return: the number of events stored, 0 when the timeout expired and there were none.
 *
 * Errors: those of repoll_wait(), EINTR if there was no event; EINVAL also for a
 * @min_events of 0, and if the loaded module does not know the call. Cancellation: as
 * for repoll_wait().
 */
int repoll_wait_many(int epfd, struct epoll_event *events, int maxevents,
		     unsigned int min_events, uint64_t delay_ns, int timeout);

/**
 * repoll_pwait_many() - wait for several events or a signal
 * @epfd, @events, @maxevents, @min_events, @delay_ns, @timeout: as for
 *		repoll_wait_many().
 * @sigmask:	as for repoll_pwait().
 *
 * Return and errors: as for repoll_wait_many(), and EFAULT also for @sigmask.
 */
int repoll_pwait_many(int epfd, struct epoll_event *events, int maxevents,
		      unsigned int min_events, uint64_t delay_ns, int timeout,
		      const sigset_t *sigmask);

/**
 * repoll_notify() - be told of events that no thread waits for
 * @epfd:	the instance.
 * @fd:		an eventfd, in place of the one that there was, or -1 for none.
 *
 * 1 is added to the eventfd when the instance has events and no thread waits for any;
 * then not again before a wait has looked for them. If that leaves some, it is at once.
 * A signal instead: fcntl(F_SETOWN) and O_ASYNC, on @epfd.
 *
 * Return: 0.
 *
 * Errors: EBADF (@epfd or @fd is not open), EINVAL (@epfd is not an instance, or @fd
 * not an eventfd; the loaded module does not know the call), ENOMEM.
 */
int repoll_notify(int epfd, int fd);

struct repoll_timer;	/* of <linux/repoll.h> */

/**
 * repoll_timers() - set, cancel or look at many timers in one call
 * @epfd:	the instance.
 * @timers:	the operations, in the order in which they are carried out. The result
 *		of each is stored: 0, -EINVAL, -ENOENT (there is no such timer), -ENOMEM,
 *		-ENOSPC (the user's watches, of which a timer is one).
 * @nr_timers:	how many they are, at most REPOLL_TIMERS_MAX.
 *
 * A timer needs no file descriptor. When it expires, a wait stores an event: EPOLLIN,
 * with the timer's id as data.
 *
 * Return: how many operations succeeded.
 *
 * Errors: EBADF (@epfd is not open), EINVAL (@epfd is not an instance; the loaded module
 * does not know the call), E2BIG (@nr_timers), EFAULT (@timers; what has been done by
 * then stays done). Any other failure is the result of an operation.
 */
int repoll_timers(int epfd, struct repoll_timer *timers, unsigned int nr_timers);

/**
 * repoll_timer_set() - set one timer
 * @epfd:	the instance.
 * @id:		the timer's, and the data of its event. If it is set, it is set anew.
 * @ns:		from now on, by CLOCK_MONOTONIC.
 * @slack_ns:	by how much it may be late.
 *
 * It expires once; repoll_timers() has all that there is.
 *
 * Return: 0.
 *
 * Errors: EBADF, EINVAL (as above; a time above INT64_MAX), ENOMEM, ENOSPC.
 */
int repoll_timer_set(int epfd, uint64_t id, uint64_t ns, uint64_t slack_ns);

/**
 * repoll_timer_cancel() - cancel a timer
 * @epfd:	the instance.
 * @id:		the timer's.
 *
 * When this succeeds, no event of the timer is returned by any wait; when it fails with
 * ENOENT, the event of one that was set for once has been returned by some wait.
 *
 * Return: 0.
 *
 * Errors: EBADF, EINVAL (as above), ENOENT.
 */
int repoll_timer_cancel(int epfd, uint64_t id);

#ifdef __cplusplus
}
#endif

#endif /* REPOLL_H */
