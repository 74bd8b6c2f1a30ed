/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * repoll: an alternate eventpoll, driven by ioctl on /dev/repoll.
 *
 * Each open() of /dev/repoll is one instance, the counterpart of one
 * epoll_create1(). The events are those of <linux/eventpoll.h>, and so is
 * struct epoll_event. A structure here has the same layout for 32-bit and
 * 64-bit callers and no implicit padding. A pointer travels as __u64, in the
 * caller's own address space.
 *
 * Growth: an unknown bit in a flags field is refused with EINVAL. A structure
 * that gains fields gets a new ioctl number, since its size is part of the
 * number. REPOLL_IOC_INFO tells what the loaded module knows.
 */
#ifndef _UAPI_LINUX_REPOLL_H
#define _UAPI_LINUX_REPOLL_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define REPOLL_DEVICE	"/dev/repoll"

/* Raised when a feature is added; never lowered, and nothing is taken away. */
#define REPOLL_ABI_VERSION	3

/**
 * struct repoll_info - what the loaded module offers (REPOLL_IOC_INFO)
 * @version:	REPOLL_ABI_VERSION of the module.
 * @max_nests:	deepest nesting of instances that REPOLL_IOC_CTL accepts.
 * @features:	REPOLL_FEATURE_* bits.
 * @ctl_flags:	flags that &struct repoll_ctl.flags accepts.
 * @wait_flags:	REPOLL_WAIT_* flags that &struct repoll_wait.flags accepts.
 */
struct repoll_info {
	__u32 version;
	__u32 max_nests;
	__u64 features;
	__u32 ctl_flags;
	__u32 wait_flags;
};

/* EPIOCSPARAMS and EPIOCGPARAMS are honoured (CONFIG_NET_RX_BUSY_POLL). */
#define REPOLL_FEATURE_BUSY_POLL	(1ULL << 0)
/* EPOLLWAKEUP is honoured for callers with CAP_BLOCK_SUSPEND (CONFIG_PM_SLEEP). */
#define REPOLL_FEATURE_WAKEUP		(1ULL << 1)
/* The calls by fadvise64() are there (CONFIG_ADVISE_SYSCALLS). Since version 2. */
#define REPOLL_FEATURE_FADVISE		(1ULL << 2)
/* REPOLL_CTL_WAKE_*. Since version 3. */
#define REPOLL_FEATURE_WAKE_POLICY	(1ULL << 3)
/* REPOLL_CTL_BIND is there. Since version 3. */
#define REPOLL_FEATURE_BIND		(1ULL << 4)
/* REPOLL_CTL_TOKEN is there. Since version 3. */
#define REPOLL_FEATURE_TOKEN		(1ULL << 5)
/* REPOLL_IOC_BATCH is there. Since version 3. */
#define REPOLL_FEATURE_BATCH		(1ULL << 6)
/* REPOLL_IOC_STATS is there. Since version 3. */
#define REPOLL_FEATURE_STATS		(1ULL << 7)
/* REPOLL_IOC_WAIT_MANY is there. Since version 3. */
#define REPOLL_FEATURE_WAIT_MANY	(1ULL << 8)
/* REPOLL_IOC_NOTIFY is there, and O_ASYNC on an instance. Since version 3. */
#define REPOLL_FEATURE_NOTIFY		(1ULL << 9)
/* REPOLL_CTL_HANDOVER is there (CONFIG_TRACEPOINTS). Since version 3. */
#define REPOLL_FEATURE_HANDOVER		(1ULL << 10)
/*
 * REPOLL_CTL_SYNC, REPOLL_IOC_SYNC and REPOLL_WAIT_GENERATION are there
 * (CONFIG_TRACEPOINTS). Since version 3.
 */
#define REPOLL_FEATURE_SYNC		(1ULL << 11)
/* REPOLL_IOC_TIMER is there. Since version 3. */
#define REPOLL_FEATURE_TIMER		(1ULL << 12)
/* REPOLL_IOC_RING and REPOLL_IOC_RING_ENTER are there. Since version 3. */
#define REPOLL_FEATURE_RING		(1ULL << 13)

/**
 * struct repoll_ctl - change the interest set (REPOLL_IOC_CTL)
 * @op:		EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
 * @fd:		the watched file descriptor; -1 for MOD and DEL with REPOLL_CTL_TOKEN.
 * @event:	pointer to a struct epoll_event; not read for EPOLL_CTL_DEL without
 *		REPOLL_CTL_TOKEN.
 * @flags:	REPOLL_CTL_* bits; 0 for what epoll_ctl() does.
 * @reserved:	must be 0.
 */
struct repoll_ctl {
	__s32 op;
	__s32 fd;
	__u64 event;
	__u32 flags;
	__u32 reserved;
};

/*
 * Of ADD and MOD: who is woken first by the registration's events, among threads
 * that wait on its instance and, if it has EPOLLEXCLUSIVE, among instances that
 * watch the file. With one of these, and not without, EPOLLEXCLUSIVE goes with
 * EPOLLONESHOT, and an exclusive registration can be modified.
 */
#define REPOLL_CTL_WAKE_LIFO		1U	/* in-tree's order */
#define REPOLL_CTL_WAKE_FIFO		2U	/* who has waited longest */
#define REPOLL_CTL_WAKE_ROUND_ROBIN	3U	/* whose last event is the longest ago */
#define REPOLL_CTL_WAKE_MASK		3U
/*
 * ADD only: the registration is bound to the number @fd in the caller's table of open
 * files, and ends when that is closed, also where the file stays open elsewhere.
 */
#define REPOLL_CTL_BIND		(1U << 2)
/*
 * ADD: the event's data is a token, of which there is one in the instance. MOD and
 * DEL: the registration is the one with the token that is the event's data,
 * whether its fd is still open or not.
 */
#define REPOLL_CTL_TOKEN	(1U << 3)
/*
 * Of ADD and MOD: whoever is delivered the registration's event has it to itself. It is
 * armed again by the next wait of that thread on the instance, by its exit, or by MOD.
 * Neither with EPOLLONESHOT nor with EPOLLET, and not of an eventpoll.
 */
#define REPOLL_CTL_HANDOVER	(1U << 6)
/*
 * ADD: the registration has a generation, which the ioctl returns, and DEL may have the
 * flag. DEL, but not of a batch: returns when no other thread that has been delivered the
 * registration's event has yet to come back. A thread comes back by its next wait on the
 * instance, by a DEL with this flag or REPOLL_IOC_SYNC on it, or by its exit.
 */
#define REPOLL_CTL_SYNC		(1U << 7)

/**
 * struct repoll_wait - wait for events (REPOLL_IOC_WAIT)
 * @events:	pointer to an array of @maxevents struct epoll_event.
 * @maxevents:	room in @events; 1 to INT_MAX / sizeof(struct epoll_event).
 * @flags:	REPOLL_WAIT_* bits.
 * @timeout:	without REPOLL_WAIT_TIMESPEC: milliseconds, negative for no limit.
 *		With it: pointer to a relative struct __kernel_timespec, 0 for no
 *		limit.
 * @sigmask:	pointer to the signal mask for the time of the wait, or 0.
 * @sigsetsize:	size of the kernel's sigset_t in bytes; read only with @sigmask.
 * @reserved:	must be 0.
 *
 * The ioctl returns the number of events stored, 0 when the timeout expired.
 */
struct repoll_wait {
	__u64 events;
	__s32 maxevents;
	__u32 flags;
	__s64 timeout;
	__u64 sigmask;
	__u32 sigsetsize;
	__u32 reserved;
};

/* @timeout is a pointer to a struct __kernel_timespec. */
#define REPOLL_WAIT_TIMESPEC	(1U << 0)
/* @events is an array of &struct repoll_event, which is what limits @maxevents, too. */
#define REPOLL_WAIT_GENERATION	(1U << 1)

/**
 * struct repoll_event - an event and which registration it is of
 * @events:	as of struct epoll_event.
 * @generation:	what the ADD of the registration returned, which had REPOLL_CTL_SYNC; 0
 *		of others, and of timers.
 * @data:	as of struct epoll_event.
 */
struct repoll_event {
	__u32 events;
	__u32 generation;
	__u64 data;
};

/**
 * struct repoll_sync - wait for the threads that have been delivered events (REPOLL_IOC_SYNC)
 * @timeout:	as in &struct repoll_wait, by REPOLL_SYNC_TIMESPEC.
 * @flags:	REPOLL_SYNC_* bits.
 * @reserved:	must be 0.
 *
 * The ioctl returns 0 when all other threads that had been delivered events of
 * registrations with REPOLL_CTL_SYNC have come back, or fails with ETIMEDOUT.
 */
struct repoll_sync {
	__s64 timeout;
	__u32 flags;
	__u32 reserved;
};

/* @timeout is a pointer to a struct __kernel_timespec. */
#define REPOLL_SYNC_TIMESPEC	(1U << 0)

/**
 * struct repoll_wait_many - wait for several events (REPOLL_IOC_WAIT_MANY)
 * @wait:	as for REPOLL_IOC_WAIT.
 * @min_events:	how many events end the wait, at least 1. A number above @wait.maxevents
 *		means that one.
 * @reserved:	must be 0.
 * @delay_ns:	how long after the first event it ends with fewer, in nanoseconds; 0
 *		for at once.
 *
 * The ioctl returns the number of events stored, 0 when the timeout expired and there
 * were none.
 */
struct repoll_wait_many {
	struct repoll_wait wait;
	__u32 min_events;
	__u32 reserved;
	__u64 delay_ns;
};

/**
 * struct repoll_op - one operation of a batch
 * @op:		EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
 * @fd:		the watched file descriptor; -1 for MOD and DEL with REPOLL_CTL_TOKEN.
 * @data:	the data of the event; read also for EPOLL_CTL_DEL, and ignored if it is
 *		not the token.
 * @events:	its mask; likewise.
 * @flags:	as in &struct repoll_ctl.
 * @result:	written: 0, or of an ADD with REPOLL_CTL_SYNC the generation; a negative
 *		errno, or -ECANCELED if it was not carried out.
 * @reserved:	must be 0.
 */
struct repoll_op {
	__s32 op;
	__s32 fd;
	__u64 data;
	__u32 events;
	__u32 flags;
	__s32 result;
	__u32 reserved;
};

/**
 * struct repoll_batch - change the interest set many times, and wait (REPOLL_IOC_BATCH)
 * @ops:	pointer to an array of @nr_ops &struct repoll_op.
 * @nr_ops:	0 to REPOLL_BATCH_MAX.
 * @flags:	REPOLL_BATCH_* bits.
 * @wait:	pointer to the &struct repoll_wait of a wait that follows, or 0 for none.
 * @succeeded:	written, before the wait: how many operations succeeded.
 * @reserved:	must be 0.
 *
 * The ioctl returns the number of operations that succeeded or, with @wait, what
 * the wait returns. That wait does not sleep if an operation failed.
 */
struct repoll_batch {
	__u64 ops;
	__u32 nr_ops;
	__u32 flags;
	__u64 wait;
	__u32 succeeded;
	__u32 reserved;
};

/* All of the operations have an effect, or none has. */
#define REPOLL_BATCH_ATOMIC	(1U << 0)

/* The most operations in one batch. */
#define REPOLL_BATCH_MAX	1024

/**
 * struct repoll_notify - be told of events that no thread waits for (REPOLL_IOC_NOTIFY)
 * @fd:		an eventfd, in place of the one that there was, or -1 for none.
 * @flags:	must be 0.
 *
 * 1 is added to the eventfd when the instance has events; then not again before a wait
 * has looked for them.
 */
struct repoll_notify {
	__s32 fd;
	__u32 flags;
};

/**
 * struct repoll_timer - set, cancel or look at a timer of the instance
 * @id:		what the timer is known by: any number. Only timers have these; it is
 *		the data of its events, which are EPOLLIN.
 * @expiry_ns:	SET: when it expires, in ns from now on, or of its clock with
 *		REPOLL_TIMER_ABSOLUTE; at once if that has passed. GET stores the time of
 *		its clock at which it expires next.
 * @interval_ns: SET: after how many ns it expires again, and again; 0 for once. GET
 *		stores it.
 * @slack_ns:	SET: by how many ns it may be late, so that it expires together with
 *		others; 0 for as exactly as the machine can. GET stores it.
 * @expirations: GET stores how often it has expired since it was set.
 * @op:		REPOLL_TIMER_SET, REPOLL_TIMER_CANCEL or REPOLL_TIMER_GET.
 * @clock:	SET: CLOCK_MONOTONIC, CLOCK_REALTIME or CLOCK_BOOTTIME. GET stores it.
 * @flags:	SET: REPOLL_TIMER_ABSOLUTE or 0. Else 0.
 * @result:	stored: 0, or a negative errno.
 *
 * No time may be above INT64_MAX. The fields that are not named for an operation are
 * neither looked at nor changed.
 */
struct repoll_timer {
	__u64 id;
	__u64 expiry_ns;
	__u64 interval_ns;
	__u64 slack_ns;
	__u64 expirations;
	__u32 op;
	__u32 clock;
	__u32 flags;
	__s32 result;
};

#define REPOLL_TIMER_SET	1U	/* in place of the one of this id, if there is one */
#define REPOLL_TIMER_CANCEL	2U	/* ENOENT: its event has been delivered, or there is none */
#define REPOLL_TIMER_GET	3U	/* ENOENT, as above */

#define REPOLL_TIMER_ABSOLUTE	(1U << 0)

/**
 * struct repoll_timers - operations on timers, in order (REPOLL_IOC_TIMER)
 * @timers:	pointer to an array of &struct repoll_timer, which is read and written.
 * @nr_timers:	how many they are, at most REPOLL_TIMERS_MAX.
 * @flags:	must be 0.
 *
 * The ioctl returns how many operations succeeded.
 */
struct repoll_timers {
	__u64 timers;
	__u32 nr_timers;
	__u32 flags;
};

/* The most operations in one call. */
#define REPOLL_TIMERS_MAX	65536

/**
 * struct repoll_ring - give the instance a ready ring (REPOLL_IOC_RING)
 * @entries:	how many events it has room for: a power of two, REPOLL_RING_MIN to
 *		REPOLL_RING_MAX.
 * @flags:	must be 0.
 * @size:	stored: the number of bytes that an mmap() of the instance maps, from
 *		offset 0, MAP_SHARED.
 *
 * The instance has no registrations yet. From here on its events are in the ring, and
 * nowhere else. In the mapping there is a &struct repoll_ring_header and, from
 * REPOLL_RING_OFFSET on, an array of @entries &struct repoll_ring_entry.
 */
struct repoll_ring {
	__u32 entries;
	__u32 flags;
	__u64 size;
};

#define REPOLL_RING_MIN		8
#define REPOLL_RING_MAX		65536
#define REPOLL_RING_OFFSET	4096

/**
 * struct repoll_ring_header - what consumers of a ready ring share
 * @head:	the position of the first entry that may not have been taken, modulo 2^32;
 *		moved on by who takes one.
 * @flags:	REPOLL_RING_* bits; written by the kernel.
 * @entries:	how many there are; written by the kernel, once.
 */
struct repoll_ring_header {
	__u32 head;
	__u32 pad1[15];
	__u32 flags;
	__u32 entries;
	__u32 pad2[14];
};

/* There may be events that are not in the ring: REPOLL_IOC_RING_ENTER puts them there. */
#define REPOLL_RING_MORE	(1U << 0)

/**
 * struct repoll_ring_entry - an event in a ready ring
 * @word:	the lower half has the events, 0 if they have been taken; the upper half
 *		the position. The entry at a position is the one at that index, modulo the
 *		number of entries.
 * @data:	the data of the registration.
 */
struct repoll_ring_entry {
	__aligned_u64 word;
	__aligned_u64 data;
};

/**
 * struct repoll_ring_enter - put events into the ring, and wait for some
 *			      (REPOLL_IOC_RING_ENTER)
 * @timeout:	as in &struct repoll_wait.
 * @sigmask:	likewise.
 * @sigsetsize:	likewise.
 * @flags:	REPOLL_WAIT_TIMESPEC or 0.
 *
 * The ioctl returns how many events there are in the ring, about: at least 1 if there
 * is one. 0 when the timeout expired and there was none.
 */
struct repoll_ring_enter {
	__s64 timeout;
	__u64 sigmask;
	__u32 sigsetsize;
	__u32 flags;
};

/**
 * struct repoll_stats - switch statistics on or off, or read them (REPOLL_IOC_STATS)
 * @op:		REPOLL_STATS_ON, REPOLL_STATS_OFF or REPOLL_STATS_READ; all else is 0
 *		but for the last.
 * @cursor:	which record to begin with: 0, or what a call before has written here;
 *		REPOLL_STATS_END if there are no more.
 * @instance:	pointer to a &struct repoll_stats_instance to be written, or 0.
 * @records:	pointer to an array of @nr_records &struct repoll_stats_record.
 * @nr_records:	room in @records; 0 to INT_MAX / sizeof(struct repoll_stats_record).
 * @reserved:	must be 0.
 *
 * The ioctl returns the number of records stored; of ON and OFF 0, or 1 if they were
 * on, or off, before.
 */
struct repoll_stats {
	__u32 op;
	__u32 cursor;
	__u64 instance;
	__u64 records;
	__u32 nr_records;
	__u32 reserved;
};

#define REPOLL_STATS_OFF	0U
#define REPOLL_STATS_ON		1U
#define REPOLL_STATS_READ	2U

#define REPOLL_STATS_END	0xffffffffU

/* How many buckets the histograms have; the last is for all that is above. */
#define REPOLL_STATS_BATCHES	16
#define REPOLL_STATS_LATENCIES	40

/**
 * struct repoll_stats_instance - what is counted of an instance
 * @on_ns:	for how long.
 * @registrations: how many there are.
 * @empty:	waits that returned no event (and no error).
 * @sleeps:	how often a thread slept in a wait.
 * @in_vain:	how often it was woken and found nothing.
 * @batches:	waits that returned 2^i to 2^(i+1) - 1 events.
 * @latencies:	events delivered 2^i to 2^(i+1) - 1 ns after the wakeup (0 ns: i is 0).
 */
struct repoll_stats_instance {
	__u64 on_ns;
	__u64 registrations;
	__u64 empty;
	__u64 sleeps;
	__u64 in_vain;
	__u64 batches[REPOLL_STATS_BATCHES];
	__u64 latencies[REPOLL_STATS_LATENCIES];
};

/**
 * struct repoll_stats_record - what is counted of a registration
 * @id:		a number that no other registration of the instance has.
 * @fd:		the number that it was added under.
 * @events:	its mask.
 * @data:	its data.
 * @wakes:	wakeups for something that the mask asks for.
 * @merged:	those of them that came before a harvest had looked for the one before.
 * @filtered:	wakeups for something else, or while it was disarmed.
 * @deliveries:	how often its event was stored.
 * @spurious:	how often it was woken, and the file had nothing when it was asked.
 * @queued:	deliveries that a wakeup led to.
 * @queued_ns:	time between that wakeup and the delivery, in all.
 * @queued_max_ns: the longest.
 * @queued_since_ns: how long it has been waiting to be delivered now; 0 if it has not.
 * @waker:	who sent the last of @wakes: REPOLL_WAKER_*.
 * @waker_cpu:	on which CPU.
 * @waker_pid:	its process; 0 if it is no task, or has no number in the namespace of
 *		whoever switched statistics on, or if that is not the caller's own.
 * @waker_tid:	its thread; likewise.
 * @waker_comm:	the name of that, ended by a zero.
 */
struct repoll_stats_record {
	__u64 id;
	__s32 fd;
	__u32 events;
	__u64 data;
	__u64 wakes;
	__u64 merged;
	__u64 filtered;
	__u64 deliveries;
	__u64 spurious;
	__u64 queued;
	__u64 queued_ns;
	__u64 queued_max_ns;
	__u64 queued_since_ns;
	__u32 waker;
	__u32 waker_cpu;
	__s32 waker_pid;
	__s32 waker_tid;
	char waker_comm[16];
};

#define REPOLL_WAKER_NONE	0U	/* no wakeup yet */
#define REPOLL_WAKER_TASK	1U
#define REPOLL_WAKER_SOFTIRQ	2U	/* a timer, the network, on behalf of whomever */
#define REPOLL_WAKER_HARDIRQ	3U
#define REPOLL_WAKER_HIDDEN	4U	/* a task of another user */

#define REPOLL_IOC_TYPE	0xE9

#define REPOLL_IOC_INFO	_IOR(REPOLL_IOC_TYPE, 0x00, struct repoll_info)
#define REPOLL_IOC_CTL	_IOW(REPOLL_IOC_TYPE, 0x01, struct repoll_ctl)
#define REPOLL_IOC_WAIT	_IOW(REPOLL_IOC_TYPE, 0x02, struct repoll_wait)
#define REPOLL_IOC_BATCH	_IOWR(REPOLL_IOC_TYPE, 0x03, struct repoll_batch)
#define REPOLL_IOC_WAIT_MANY	_IOW(REPOLL_IOC_TYPE, 0x04, struct repoll_wait_many)
#define REPOLL_IOC_STATS	_IOWR(REPOLL_IOC_TYPE, 0x05, struct repoll_stats)
#define REPOLL_IOC_NOTIFY	_IOW(REPOLL_IOC_TYPE, 0x06, struct repoll_notify)
#define REPOLL_IOC_SYNC	_IOW(REPOLL_IOC_TYPE, 0x07, struct repoll_sync)
#define REPOLL_IOC_TIMER	_IOW(REPOLL_IOC_TYPE, 0x08, struct repoll_timers)
#define REPOLL_IOC_RING	_IOWR(REPOLL_IOC_TYPE, 0x09, struct repoll_ring)
#define REPOLL_IOC_RING_ENTER	_IOW(REPOLL_IOC_TYPE, 0x0a, struct repoll_ring_enter)

/*
 * The two frequent calls without the detour that ioctl() is: a module cannot add
 * a system call, but fadvise64(fd, offset, len, advice) leads straight to the
 * file, with its arguments in registers. They do what the ioctls do, and return
 * what those return.
 *
 *	fadvise64(epfd, (__s64)events, REPOLL_FADVISE_WAIT | maxevents, timeout)
 *	fadvise64(epfd, (__s64)event, REPOLL_FADVISE_CTL | fd, op)
 *
 * @timeout is in milliseconds, negative for no limit; @maxevents and @fd are
 * 32 bits wide. A @len with the sign bit is refused by other files: with EINVAL,
 * pipes with ESPIPE. One without it is answered as by an in-tree instance.
 */
#define REPOLL_FADVISE_WAIT	(-0x7fffffffffffffffLL - 1)
#define REPOLL_FADVISE_CTL	(REPOLL_FADVISE_WAIT | (1LL << 32))

#endif /* _UAPI_LINUX_REPOLL_H */
