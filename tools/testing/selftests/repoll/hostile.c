// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/repoll, called as librepoll never would: each bad call gives
 * its errno and changes nothing.
 */
#include <sys/time.h>

#include "waiter.h"

REPOLL_FIXTURE(hostile);

enum { PAGE = 4096 };

#define SIGSET_SIZE	8

/* Pointers that cannot be written; the read-only one can be read. */
enum { NULL_POINTER, UNMAPPED, NO_ACCESS, KERNEL, WRAPPING, READ_ONLY, POINTERS };

static void *bad_pointer(int kind)
{
	static char *pages;

	if (!pages) {
		pages = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(pages == MAP_FAILED ? -1 : 0);
		MUST(mprotect(pages + PAGE, PAGE, PROT_NONE));
		MUST(munmap(pages + 2 * PAGE, PAGE));
	}
	switch (kind) {
	case UNMAPPED:
		return pages + 2 * PAGE;
	case NO_ACCESS:
		return pages + PAGE;
	case KERNEL:
		return (void *)(~0UL - PAGE + 1);
	case WRAPPING:
		return (void *)(~0UL - 2);
	case READ_ONLY:
		return pages;
	default:
		return NULL;
	}
}

static int call(unsigned long cmd, const void *arg)
{
	return result(ioctl(ep, cmd, arg));
}

static struct repoll_info info(void)
{
	struct repoll_info info;

	MUST(ioctl(ep, REPOLL_IOC_INFO, &info));
	return info;
}

static struct epoll_event events[4];

static struct repoll_wait good_wait(void)
{
	return (struct repoll_wait){ .events = (uintptr_t)events, .maxevents = 4 };
}

static struct repoll_ctl good_ctl(int op, int fd)
{
	static struct epoll_event event = { .events = EPOLLIN };

	return (struct repoll_ctl){ .op = op, .fd = fd, .event = (uintptr_t)&event };
}

TEST_F(hostile, info_tells_what_is_there)
{
	struct repoll_info known = info();

	EXPECT_LE(REPOLL_ABI_VERSION, known.version);
	EXPECT_EQ(4U, known.max_nests);
	EXPECT_EQ(REPOLL_WAIT_TIMESPEC, known.wait_flags & REPOLL_WAIT_TIMESPEC);
	/* Each byte of it is the kernel's. */
	for (int fill = 0; fill < 256; fill += 255) {
		struct repoll_info again;

		memset(&again, fill, sizeof(again));
		ASSERT_EQ(0, call(REPOLL_IOC_INFO, &again));
		EXPECT_EQ(0, memcmp(&known, &again, sizeof(known)));
	}
}

TEST_F(hostile, unknown_numbers_give_ENOTTY)
{
	char page[PAGE] = {};

	for (unsigned int dir = 0; dir < 4; dir++) {
		for (unsigned int nr = 3; nr < 256; nr++) {
			EXPECT_EQ(-ENOTTY, call(_IOC(dir, REPOLL_IOC_TYPE, nr, 0), page));
			EXPECT_EQ(-ENOTTY, call(_IOC(dir, REPOLL_IOC_TYPE, nr, 24), page));
		}
	}
	/* Other drivers' types. */
	for (unsigned int type = 0; type < 256; type++) {
		if (type != REPOLL_IOC_TYPE && type != 'T' && type != 'f' && type != 'X' &&
		    type != 0x94 && type != 0x8A && type != 0x15 && type != 0)
			EXPECT_EQ(-ENOTTY, call(_IOC(_IOC_READ, type, 0, 8), page)) {
				TH_LOG("type %#x", type);
			}
	}
	EXPECT_EQ(-ENOTTY, call(~0U, page));
	EXPECT_EQ(-ENOTTY, call(0, page));
	EXPECT_EQ(-ENOTTY, call(TCGETS, page));
}

TEST_F(hostile, other_sizes_and_directions_give_ENOTTY)
{
	static const unsigned long good[] = { REPOLL_IOC_INFO, REPOLL_IOC_CTL, REPOLL_IOC_WAIT };
	char page[1 << _IOC_SIZEBITS] = {};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		unsigned int nr = _IOC_NR(good[i]), size = _IOC_SIZE(good[i]);

		for (unsigned int s = 0; s < 1 << _IOC_SIZEBITS; s += s < 128 ? 1 : 997) {
			if (s != size)
				EXPECT_EQ(-ENOTTY, call(_IOC(_IOC_DIR(good[i]),
							     REPOLL_IOC_TYPE, nr, s), page));
		}
		for (unsigned int dir = 0; dir < 4; dir++) {
			if (dir != _IOC_DIR(good[i]))
				EXPECT_EQ(-ENOTTY, call(_IOC(dir, REPOLL_IOC_TYPE, nr, size), page));
		}
	}
}

TEST_F(hostile, bad_argument_pointers_give_EFAULT)
{
	for (int kind = 0; kind < POINTERS; kind++) {
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_INFO, bad_pointer(kind))) {
			TH_LOG("pointer %d", kind);
		}
		if (kind == READ_ONLY)
			continue;
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_CTL, bad_pointer(kind)));
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, bad_pointer(kind)));
	}
	/* A page of zeros: op 0, and room for no event. */
	EXPECT_EQ(-EFAULT, call(REPOLL_IOC_CTL, bad_pointer(READ_ONLY)));
	EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, bad_pointer(READ_ONLY)));
}

TEST_F(hostile, unknown_flags_and_reserved_fields_give_EINVAL)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int bit = 0; bit < 32; bit++) {
		struct repoll_ctl ctl = good_ctl(EPOLL_CTL_DEL, fd);
		struct repoll_wait wait = good_wait();

		ctl.flags = 1U << bit;
		if (!(info().ctl_flags & ctl.flags))
			EXPECT_EQ(-EINVAL, call(REPOLL_IOC_CTL, &ctl));
		ctl.flags = 0;
		ctl.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, call(REPOLL_IOC_CTL, &ctl));
		wait.flags = 1U << bit;
		if (!(info().wait_flags & wait.flags))
			EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));
		wait.flags = 0;
		wait.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));
	}
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(hostile, bad_event_pointers_give_EFAULT)
{
	int fd = new_eventfd(1);

	for (int kind = 0; kind < READ_ONLY; kind++) {
		struct repoll_ctl ctl = good_ctl(EPOLL_CTL_ADD, fd);

		ctl.event = (uintptr_t)bad_pointer(kind);
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_CTL, &ctl));
	}
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	for (int kind = 0; kind < POINTERS; kind++) {
		struct repoll_ctl ctl = good_ctl(EPOLL_CTL_MOD, fd);
		struct repoll_wait wait = good_wait();

		if (kind != READ_ONLY) {
			ctl.event = (uintptr_t)bad_pointer(kind);
			EXPECT_EQ(-EFAULT, call(REPOLL_IOC_CTL, &ctl));
		}
		wait.events = (uintptr_t)bad_pointer(kind);
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, &wait));
	}
	EXPECT_EQ(fd, ready_data(ep));
}

TEST_F(hostile, maxevents_out_of_range_gives_EINVAL)
{
	const int limit = INT_MAX / sizeof(struct epoll_event);
	static const int outside[] = { 0, -1, INT_MIN, INT_MAX };
	struct repoll_wait wait = good_wait();

	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		wait.maxevents = outside[i];
		EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));
	}
	wait.maxevents = limit + 1;
	EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));
	wait.maxevents = limit;
	EXPECT_EQ(1, call(REPOLL_IOC_WAIT, &wait));
	/* In range, but not in the address space. */
	wait.events = (uintptr_t)bad_pointer(KERNEL);
	wait.maxevents = 1;
	EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, &wait));
}

TEST_F(hostile, bad_timespec_gives_EFAULT_or_EINVAL)
{
	static const struct { int64_t sec, nsec; } invalid[] = {
		{ -1, 0 }, { INT64_MIN, 0 }, { 0, -1 }, { 0, 1000000000 },
		{ 0, INT64_MAX }, { 0, INT64_MIN }, { INT64_MAX, INT64_MAX },
	};
	struct repoll_wait wait = good_wait();

	/* Also when nobody would have to wait. */
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	wait.flags = REPOLL_WAIT_TIMESPEC;
	for (int kind = UNMAPPED; kind < READ_ONLY; kind++) {
		wait.timeout = (uintptr_t)bad_pointer(kind);
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, &wait));
	}
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++) {
		wait.timeout = (uintptr_t)&invalid[i];
		EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait)) {
			TH_LOG("timespec %zu", i);
		}
	}
	/* A pointer of 0 is no limit. */
	wait.timeout = 0;
	EXPECT_EQ(1, call(REPOLL_IOC_WAIT, &wait));
	/* Zeros are no time. */
	wait.timeout = (uintptr_t)bad_pointer(READ_ONLY);
	EXPECT_EQ(1, call(REPOLL_IOC_WAIT, &wait));
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* From now on, no wait lasts. */
static void alarm_every_ms(int ms)
{
	struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };
	struct sigaction action = { .sa_handler = on_alarm };

	MUST(sigaction(SIGALRM, &action, NULL));
	MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

TEST_F(hostile, milliseconds_of_any_size_are_a_timeout)
{
	static const int64_t timeouts[] = {
		-1, -2, INT_MIN, (int64_t)INT_MIN - 1, INT64_MIN, INT64_MIN + 1,
		INT_MAX, (int64_t)INT_MAX + 1, UINT32_MAX, (int64_t)UINT32_MAX + 1,
		INT64_MAX / 1000000, INT64_MAX / 1000000 + 1, INT64_MAX / 1000,
		INT64_MAX - 1, INT64_MAX,
	};

	alarm_every_ms(20);
	for (size_t i = 0; i < ARRAY_SIZE(timeouts); i++) {
		struct repoll_wait wait = good_wait();

		/* Not one of them is over before the signal. */
		wait.timeout = timeouts[i];
		EXPECT_EQ(-EINTR, call(REPOLL_IOC_WAIT, &wait)) {
			TH_LOG("timeout %lld", (long long)timeouts[i]);
		}
	}
}

TEST_F(hostile, bad_signal_mask_gives_EFAULT_or_EINVAL)
{
	uint64_t mask = 0;
	struct repoll_wait wait = good_wait();

	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	wait.sigsetsize = SIGSET_SIZE;
	for (int kind = UNMAPPED; kind < READ_ONLY; kind++) {
		wait.sigmask = (uintptr_t)bad_pointer(kind);
		EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, &wait));
	}
	wait.sigmask = (uintptr_t)&mask;
	for (wait.sigsetsize = 0; wait.sigsetsize < 130; wait.sigsetsize++) {
		EXPECT_EQ(wait.sigsetsize == SIGSET_SIZE ? 1 : -EINVAL,
			  call(REPOLL_IOC_WAIT, &wait));
	}
	wait.sigsetsize = ~0U;
	EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));
}

TEST_F(hostile, fds_of_every_kind)
{
	int path = open("/", O_PATH | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = new_regular_file();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	const struct { int fd, want; } targets[] = {
		{ -1, -EBADF }, { INT_MIN, -EBADF }, { INT_MAX, -EBADF }, { 1 << 20, -EBADF },
		{ AT_FDCWD, -EBADF }, { path, -EBADF }, { dir, -EPERM }, { file, -EPERM },
		{ null, -EPERM }, { ep, -EINVAL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
		for (int op = EPOLL_CTL_ADD; op <= EPOLL_CTL_MOD; op++) {
			struct repoll_ctl ctl = good_ctl(op, targets[i].fd);

			EXPECT_EQ(targets[i].want, call(REPOLL_IOC_CTL, &ctl)) {
				TH_LOG("fd %d, op %d", targets[i].fd, op);
			}
		}
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(hostile, unopened_device_takes_no_ioctl)
{
	struct repoll_wait wait = good_wait();
	int path = open(REPOLL_DEVICE, O_PATH | O_CLOEXEC);

	ASSERT_LE(0, path);
	EXPECT_EQ(-EBADF, result(ioctl(path, REPOLL_IOC_WAIT, &wait)));
}

TEST_F(hostile, instance_cannot_be_read_written_or_mapped)
{
	char byte;

	EXPECT_EQ(-EINVAL, result(read(ep, &byte, 1)));
	EXPECT_EQ(-EINVAL, result(write(ep, "", 1)));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ep, 0));
	EXPECT_EQ(ENODEV, errno);
	EXPECT_EQ(-EINVAL, result(ftruncate(ep, 0)));
}

/* All that /proc shows of the instance. */
static void snapshot(char *buf, size_t size)
{
	char path[64];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", ep);
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	len = MUST(read(fd, buf, size - 1));
	buf[len] = 0;
	close(fd);
}

TEST_F(hostile, bad_calls_change_nothing)
{
	static char before[PAGE], after[PAGE];
	int edge = new_eventfd(0), oneshot = new_eventfd(1), level = new_eventfd(0);
	struct repoll_ctl ctl;
	struct repoll_wait wait;

	ASSERT_EQ(0, add(ep, edge, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, oneshot, EPOLLIN | EPOLLONESHOT));
	ASSERT_EQ(0, add(ep, level, EPOLLIN | EPOLLOUT));
	post(edge);
	snapshot(before, sizeof(before));

	for (int fd = -2; fd < 32; fd++) {
		for (int op = -1; op < 6; op++) {
			ctl = good_ctl(op, fd);
			ctl.flags = ~info().ctl_flags;
			EXPECT_EQ(-EINVAL, call(REPOLL_IOC_CTL, &ctl));
			if (op == EPOLL_CTL_DEL)
				continue;
			ctl.flags = 0;
			ctl.event = (uintptr_t)bad_pointer(NO_ACCESS);
			EXPECT_EQ(-EFAULT, call(REPOLL_IOC_CTL, &ctl));
		}
	}
	wait = good_wait();
	wait.events = (uintptr_t)bad_pointer(READ_ONLY);
	EXPECT_EQ(-EFAULT, call(REPOLL_IOC_WAIT, &wait));
	wait = good_wait();
	wait.maxevents = -1;
	EXPECT_EQ(-EINVAL, call(REPOLL_IOC_WAIT, &wait));

	snapshot(after, sizeof(after));
	EXPECT_STREQ(before, after);
	/* Nor what is ready. */
	EXPECT_EQ(3, ready(ep));
	EXPECT_EQ(1, ready(ep));
}

/*
 * Pseudo-random calls, the same in every run. Most are nearly right: a random
 * number alone would not get past the first check.
 */

enum { SLOTS = 16, THREADS = 3, CALLS = 4000 };

static int slots[SLOTS];	/* fds that the calls are about */

struct chaos {
	uint32_t state;
	int unexpected;		/* an errno that no document names */
	struct epoll_event buffer[8];
	uint64_t mask;		/* of signals: none */
};

static uint32_t rnd(struct chaos *c, uint32_t below)
{
	c->state = c->state * 1664525 + 1013904223;
	return (c->state >> 8) % below;
}

static uint64_t rnd_pointer(struct chaos *c, void *good)
{
	return rnd(c, 8) ? (uintptr_t)good : (uintptr_t)bad_pointer(rnd(c, POINTERS));
}

static int rnd_fd(struct chaos *c)
{
	return rnd(c, 16) ? __atomic_load_n(&slots[rnd(c, SLOTS)], __ATOMIC_RELAXED) :
			    (int)rnd(c, 64) - 8;
}

static uint32_t rnd_events(struct chaos *c)
{
	static const uint32_t masks[] = {
		0, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN | EPOLLWAKEUP,
	};

	return rnd(c, 8) ? masks[rnd(c, ARRAY_SIZE(masks))] : c->state;
}

static int rnd_call(struct chaos *c)
{
	struct epoll_event event = { .events = rnd_events(c), .data.u64 = c->state };
	struct repoll_ctl ctl = {
		.op = rnd(c, 8) ? 1 + rnd(c, 3) : (int)c->state,
		.fd = rnd_fd(c),
		.event = rnd_pointer(c, &event),
		.flags = rnd(c, 16) ? 0 : c->state,
		.reserved = rnd(c, 16) ? 0 : c->state,
	};
	struct repoll_wait wait = {
		.events = rnd_pointer(c, c->buffer),
		.maxevents = rnd(c, 8) ? 1 + rnd(c, ARRAY_SIZE(c->buffer)) : -(int)rnd(c, 9),
		.flags = rnd(c, 16) ? 0 : c->state,
		.timeout = rnd(c, 8) ? 0 : (int64_t)rnd(c, 5) - 2,
		.sigmask = rnd(c, 4) ? 0 : rnd_pointer(c, &c->mask),
		.sigsetsize = rnd(c, 8) ? SIGSET_SIZE : rnd(c, 32),
		.reserved = rnd(c, 16) ? 0 : c->state,
	};
	int instance = rnd(c, 4) ? ep : slots[rnd(c, 4)], slot, fd;

	switch (rnd(c, 8)) {
	case 0 ... 3:
		return result(ioctl(instance, REPOLL_IOC_CTL, rnd(c, 32) ? &ctl : NULL));
	case 4 ... 5:
		return result(ioctl(instance, REPOLL_IOC_WAIT, rnd(c, 32) ? &wait : NULL));
	case 6:
		/* Another file under a number that may be registered. */
		slot = 4 + rnd(c, SLOTS - 4);
		fd = rnd(c, 4) ? new_eventfd(rnd(c, 2)) : (int)MUST(dup(slots[rnd(c, 4)]));
		dup2(fd, slots[slot]);
		close(fd);
		return 0;
	default:
		return result(ioctl(instance, _IOC(rnd(c, 4), rnd(c, 2) ? REPOLL_IOC_TYPE : 0x8A,
						   rnd(c, 4), rnd(c, 64)), &wait));
	}
}

static void *chaos_main(void *arg)
{
	static const int documented[] = {
		EFAULT, EINVAL, EBADF, EPERM, EEXIST, ENOENT, ELOOP, ENOTTY, EINTR,
	};
	struct chaos *c = arg;

	for (int i = 0; i < CALLS; i++) {
		int ret = rnd_call(c);
		bool known = ret >= 0;

		for (size_t e = 0; e < ARRAY_SIZE(documented); e++)
			known |= ret == -documented[e];
		if (!known)
			c->unexpected = ret;
	}
	return NULL;
}

TEST_F(hostile, pseudo_random_calls_are_survived)
{
	struct chaos chaos[THREADS] = {};
	pthread_t threads[THREADS];
	int fresh;

	for (int i = 0; i < SLOTS; i++)
		slots[i] = i < 4 ? create() : new_eventfd(i % 2);
	bad_pointer(0);
	/* Ends the waits without a limit: the mask of the waits lets it in. */
	alarm_every_ms(5);
	for (int i = 0; i < THREADS; i++) {
		chaos[i].state = 20240601 + i;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, chaos_main, &chaos[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		/* The signal must find who waits. */
		while (pthread_tryjoin_np(threads[i], NULL)) {
			for (int j = i; j < THREADS; j++)
				pthread_kill(threads[j], SIGALRM);
			usleep(2000);
		}
		EXPECT_EQ(0, chaos[i].unexpected);
	}
	/* A new instance is as good as ever. */
	fresh = create();
	ASSERT_LE(0, fresh);
	ASSERT_EQ(0, add(fresh, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(1, ready(fresh));
	ASSERT_EQ(0, syscall(SYS_close_range, slots[0], slots[SLOTS - 1], 0));
}

TEST_HARNESS_MAIN
