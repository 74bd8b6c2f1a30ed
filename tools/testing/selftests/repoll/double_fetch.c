// SPDX-License-Identifier: GPL-2.0
/*
 * What a caller passes in memory is read once: another thread may change it at any time,
 * and what was checked must be what is used. A breakpoint of the CPU counts who reads a
 * byte, the kernel too.
 */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>

#include "eventpoll_test.h"

EVENTPOLL_FIXTURE(double_fetch);

/* Counts accesses to the byte at @address, by this thread; -errno. Begins stopped. */
static int watchpoint(const void *address)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_RW, .bp_addr = (uintptr_t)address,
		.bp_len = HW_BREAKPOINT_LEN_1, .disabled = 1,
	};

	return result(syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
}

/* How often @call accesses the byte at @address; -errno if that cannot be told. */
#define ACCESSES(address, call) ({						\
	int64_t _count = watchpoint(address);					\
	int _fd = _count;							\
										\
	if (_fd >= 0) {								\
		MUST(ioctl(_fd, PERF_EVENT_IOC_ENABLE, 0));			\
		call;								\
		MUST(ioctl(_fd, PERF_EVENT_IOC_DISABLE, 0));			\
		MUST(read(_fd, &_count, sizeof(_count)));			\
		close(_fd);							\
	}									\
	_count;									\
})

/* Does the breakpoint count what the kernel does? */
static bool can_count(void)
{
	static const uint64_t one = 1;
	int fd = new_eventfd(0);
	bool once, twice;

	once = ACCESSES(&one, MUST(write(fd, &one, sizeof(one)))) == 1;
	twice = ACCESSES(&one, { MUST(write(fd, &one, sizeof(one)));
				 MUST(write(fd, &one, sizeof(one))); }) == 2;
	close(fd);
	return once && twice;
}

#define NEED_BREAKPOINTS()							\
	do {									\
		if (!can_count())						\
			SKIP(return, "no breakpoints that count the kernel's accesses"); \
	} while (0)

TEST_F(double_fetch, event_of_ctl)
{
	static struct epoll_event event = { .events = EPOLLIN };
	static const size_t bytes[] = { 0, 3, 4, sizeof(event) - 1 };
	int fd = new_eventfd(0), ret = 0;

	NEED_BREAKPOINTS();
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		const char *byte = (const char *)&event + bytes[i];

		EXPECT_EQ(1, ACCESSES(byte, ret = ctl(ep, EPOLL_CTL_ADD, fd, &event)));
		EXPECT_EQ(0, ret);
		EXPECT_EQ(1, ACCESSES(byte, ret = ctl(ep, EPOLL_CTL_MOD, fd, &event)));
		EXPECT_EQ(0, ret);
		EXPECT_EQ(0, ACCESSES(byte, ret = ctl(ep, EPOLL_CTL_DEL, fd, &event)));
		EXPECT_EQ(0, ret);
	}
}

TEST_F(double_fetch, events_are_written_once)
{
	static struct epoll_event event;
	int fd = new_eventfd(1), ret = 0;

	NEED_BREAKPOINTS();
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ACCESSES(&event, ret = harvest(ep, &event, 1, 0)));
	EXPECT_EQ(1, ret);
}

TEST_F(double_fetch, timeout_and_signal_mask)
{
	static struct timespec timeout = { 0, NSEC_PER_MSEC };
	static sigset_t mask;
	const void *const bytes[] = { &timeout.tv_sec, &timeout.tv_nsec, &mask };
	struct epoll_event event;
	int ret = -1;

	NEED_BREAKPOINTS();
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
		EXPECT_EQ(1, ACCESSES(bytes[i],
				      ret = backend->pwait2(ep, &event, 1, &timeout, &mask))) {
			TH_LOG("of %zu", i);
		}
		EXPECT_EQ(0, ret);
	}
}

/* The requests themselves, which in-tree epoll has in registers. */
REPOLL_FIXTURE(request_fetch);

TEST_F(request_fetch, each_byte_of_ctl)
{
	static struct epoll_event event = { .events = EPOLLIN };
	static struct repoll_ctl request = { .op = EPOLL_CTL_ADD, .event = (uintptr_t)&event };
	int ret = 0;

	NEED_BREAKPOINTS();
	for (size_t i = 0; i < sizeof(request); i++) {
		request.fd = new_eventfd(0);
		EXPECT_EQ(1, ACCESSES((char *)&request + i,
				      ret = ioctl(ep, REPOLL_IOC_CTL, &request))) {
			TH_LOG("byte %zu", i);
		}
		EXPECT_EQ(0, ret);
	}
}

TEST_F(request_fetch, each_byte_of_wait)
{
	static struct epoll_event event;
	static struct repoll_wait request = {
		.events = (uintptr_t)&event, .maxevents = 1, .timeout = 1,
	};
	int ret = 0;

	NEED_BREAKPOINTS();
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	for (size_t i = 0; i < sizeof(request); i++) {
		EXPECT_EQ(1, ACCESSES((char *)&request + i,
				      ret = ioctl(ep, REPOLL_IOC_WAIT, &request))) {
			TH_LOG("byte %zu", i);
		}
		EXPECT_EQ(1, ret);
	}
}

TEST_F(request_fetch, each_byte_of_batch)
{
	static struct epoll_event event;
	static struct repoll_wait wait = { .events = (uintptr_t)&event, .maxevents = 1 };
	static struct repoll_op op = { .op = EPOLL_CTL_ADD, .events = EPOLLIN };
	static struct repoll_batch request = {
		.ops = (uintptr_t)&op, .nr_ops = 1, .wait = (uintptr_t)&wait,
	};
	int ret = 0;

	NEED_BREAKPOINTS();
	for (int atomic = 0; atomic < 2; atomic++) {
		request.flags = atomic ? REPOLL_BATCH_ATOMIC : 0;
		for (size_t i = 0; i < sizeof(op); i++) {
			/* The result is written when it is read and when it is known. */
			bool twice = i / 4 == offsetof(struct repoll_op, result) / 4;

			op.fd = new_eventfd(0);
			EXPECT_EQ(1 + twice,
				  ACCESSES((char *)&op + i,
					   ret = ioctl(ep, REPOLL_IOC_BATCH, &request))) {
				TH_LOG("byte %zu of the operation", i);
			}
			EXPECT_EQ(0, ret);
			EXPECT_EQ(0, op.result);
		}
	}
	for (size_t i = 0; i < sizeof(request); i++) {
		bool twice = i / 4 == offsetof(struct repoll_batch, succeeded) / 4;

		op.fd = new_eventfd(0);
		/* It is read as a whole, and has a field that is written. */
		EXPECT_EQ(1 + twice, ACCESSES((char *)&request + i,
					      ret = ioctl(ep, REPOLL_IOC_BATCH, &request))) {
			TH_LOG("byte %zu of the request", i);
		}
		EXPECT_EQ(0, ret);
		EXPECT_EQ(1U, request.succeeded);
	}
	for (size_t i = 0; i < sizeof(wait); i++) {
		op.fd = new_eventfd(0);
		EXPECT_EQ(1, ACCESSES((char *)&wait + i,
				      ret = ioctl(ep, REPOLL_IOC_BATCH, &request))) {
			TH_LOG("byte %zu of the wait", i);
		}
		EXPECT_EQ(0, ret);
	}
}

TEST_HARNESS_MAIN
