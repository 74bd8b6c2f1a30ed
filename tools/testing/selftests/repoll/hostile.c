// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of /dev/repoll, called as librepoll never would: each bad call gives
 * its errno and changes nothing.
 */
#include "bad_input.h"

REPOLL_FIXTURE(hostile);

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
			if (_IOC(dir, REPOLL_IOC_TYPE, nr, 24) != REPOLL_IOC_RING_ENTER)
				EXPECT_EQ(-ENOTTY,
					  call(_IOC(dir, REPOLL_IOC_TYPE, nr, 24), page));
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
	static const unsigned long good[] = {
		REPOLL_IOC_INFO, REPOLL_IOC_CTL, REPOLL_IOC_WAIT, REPOLL_IOC_BATCH,
		REPOLL_IOC_WAIT_MANY, REPOLL_IOC_NOTIFY, REPOLL_IOC_TIMER,
	};
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
				EXPECT_EQ(-ENOTTY,
					  call(_IOC(dir, REPOLL_IOC_TYPE, nr, size), page));
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
		/* Of a 32-bit caller's nanoseconds the kernel ignores the upper half. */
		if (sizeof(long) == 4 && !(uint32_t)invalid[i].nsec && !invalid[i].sec)
			continue;
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
	snapshot(ep, before, sizeof(before));

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

	snapshot(ep, after, sizeof(after));
	EXPECT_STREQ(before, after);
	/* Nor what is ready. */
	EXPECT_EQ(3, ready(ep));
	EXPECT_EQ(1, ready(ep));
}

TEST_HARNESS_MAIN
