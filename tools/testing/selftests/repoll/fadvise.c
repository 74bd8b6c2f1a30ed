// SPDX-License-Identifier: GPL-2.0
/*
 * The calls by fadvise64(): each is the ioctl of the same name, what is no call is
 * advice as to any file, and a call to a file of another kind is refused.
 */
#include "bad_input.h"

REPOLL_FIXTURE(fadvise);
EVENTPOLL_FIXTURE(advice);

static struct epoll_event events[4];

static int call_wait(const void *array, int maxevents, int timeout)
{
	return advise(ep, (uintptr_t)array, REPOLL_FADVISE_WAIT | (uint32_t)maxevents, timeout);
}

static int call_ctl(int op, int fd, const void *event)
{
	return advise(ep, (uintptr_t)event, REPOLL_FADVISE_CTL | (uint32_t)fd, op);
}

TEST_F(fadvise, is_among_the_features)
{
	struct repoll_info info;

	MUST(ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_LE(2U, info.version);
	EXPECT_TRUE(info.features & REPOLL_FEATURE_FADVISE);
}

TEST_F(fadvise, ctl_and_wait_do_what_the_ioctls_do)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 0x0123456789abcdef };
	int fd = new_eventfd(0);

	EXPECT_EQ(-ENOENT, call_ctl(EPOLL_CTL_MOD, fd, &event));
	ASSERT_EQ(0, call_ctl(EPOLL_CTL_ADD, fd, &event));
	EXPECT_EQ(-EEXIST, call_ctl(EPOLL_CTL_ADD, fd, &event));
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(0, call_wait(events, 4, 0));
	post(fd);
	ASSERT_EQ(1, call_wait(events, 4, -1));
	EXPECT_EQ(EPOLLIN, events[0].events);
	EXPECT_EQ(event.data.u64, events[0].data.u64);

	event.events = EPOLLOUT;
	ASSERT_EQ(0, call_ctl(EPOLL_CTL_MOD, fd, &event));
	ASSERT_EQ(1, call_wait(events, 1, 0));
	EXPECT_EQ(EPOLLOUT, events[0].events);
	/* Not read for a DEL. */
	ASSERT_EQ(0, call_ctl(EPOLL_CTL_DEL, fd, bad_pointer(KERNEL)));
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fadvise, timeout_is_in_milliseconds)
{
	int64_t before = now_ns();

	EXPECT_EQ(0, call_wait(events, 4, 20));
	EXPECT_LE(20000000, now_ns() - before);
	alarm_every_ms(20);
	EXPECT_EQ(-EINTR, call_wait(events, 4, -1));
	EXPECT_EQ(-EINTR, call_wait(events, 4, INT_MIN));
	EXPECT_EQ(-EINTR, call_wait(events, 4, INT_MAX));
}

TEST_F(fadvise, bad_arguments_give_the_errnos_of_the_ioctls)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int fd = new_eventfd(1);

	for (int kind = 0; kind < READ_ONLY; kind++)
		EXPECT_EQ(-EFAULT, call_ctl(EPOLL_CTL_ADD, fd, bad_pointer(kind)));
	EXPECT_EQ(-EBADF, call_ctl(EPOLL_CTL_ADD, -1, &event));
	EXPECT_EQ(-EINVAL, call_ctl(EPOLL_CTL_ADD, ep, &event));
	EXPECT_EQ(-EINVAL, call_ctl(0, fd, &event));
	EXPECT_EQ(-EINVAL, call_ctl(INT_MIN, fd, &event));
	EXPECT_EQ(0, registrations(ep));

	ASSERT_EQ(0, call_ctl(EPOLL_CTL_ADD, fd, &event));
	EXPECT_EQ(-EINVAL, call_wait(events, 0, 0));
	EXPECT_EQ(-EINVAL, call_wait(events, -1, 0));
	EXPECT_EQ(-EINVAL, call_wait(events, INT_MAX / sizeof(events[0]) + 1, 0));
	for (int kind = 0; kind < POINTERS; kind++)
		EXPECT_EQ(-EFAULT, call_wait(bad_pointer(kind), 1, 0));
	/* None of which took the edge. */
	EXPECT_EQ(1, call_wait(events, 4, 0));
}

TEST_F(fadvise, unknown_calls_give_EINVAL)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (int bit = 33; bit < 63; bit++) {
		for (int advice = 0; advice < 6; advice++) {
			EXPECT_EQ(-EINVAL, advise(ep, 0, REPOLL_FADVISE_WAIT | 1LL << bit | 4,
						  advice));
			EXPECT_EQ(-EINVAL, advise(ep, 0, REPOLL_FADVISE_CTL | 1LL << bit | fd,
						  advice));
		}
	}
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(fadvise, calls_to_other_files_are_refused)
{
	int pipe_fds[2], fd = new_eventfd(1), in_tree = MUST(epoll_create1(0));
	int others[] = { fd, in_tree, MUST(open("/dev/null", O_RDWR)), MUST(memfd_create("", 0)),
			 MUST(open(REPOLL_DEVICE, O_PATH)), -1 };
	static const int refusals[] = { EINVAL, EINVAL, EINVAL, EINVAL, EBADF, EBADF };

	MUST(pipe(pipe_fds));
	for (int advice = 0; advice < 6; advice++) {
		for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
			EXPECT_EQ(-refusals[i], advise(others[i], 0, REPOLL_FADVISE_WAIT | 1,
						       advice));
			EXPECT_EQ(-refusals[i], advise(others[i], 0, REPOLL_FADVISE_CTL | fd,
						       advice));
		}
		EXPECT_EQ(-ESPIPE, advise(pipe_fds[0], 0, REPOLL_FADVISE_WAIT | 1, advice));
	}
	/* The library's word for it is that of epoll. */
	EXPECT_EQ(-EINVAL, result(repoll_wait(pipe_fds[0], events, 1, 0)));
	EXPECT_EQ(-EINVAL, result(repoll_wait(fd, events, 1, 0)));
	EXPECT_EQ(-EINVAL, result(repoll_ctl(pipe_fds[0], EPOLL_CTL_DEL, fd, NULL)));
}

TEST_F(advice, on_access_is_accepted_and_ignored)
{
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (int advice = POSIX_FADV_NORMAL; advice <= POSIX_FADV_NOREUSE; advice++) {
		EXPECT_EQ(0, advise(ep, 0, 0, advice));
		EXPECT_EQ(0, advise(ep, 4096, INT64_MAX, advice));
	}
	EXPECT_EQ(-EINVAL, advise(ep, 0, 0, -1));
	EXPECT_EQ(-EINVAL, advise(ep, 0, 0, 6));
	EXPECT_EQ(-EINVAL, advise(ep, 0, -1, POSIX_FADV_NORMAL));
	EXPECT_EQ(-EINVAL, advise(ep, -1, 1LL << 33, POSIX_FADV_NORMAL));
	EXPECT_EQ(1, ready(ep));
}

TEST_HARNESS_MAIN
