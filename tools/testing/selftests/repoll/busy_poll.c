// SPDX-License-Identifier: GPL-2.0
/* EPIOCSPARAMS and EPIOCGPARAMS: the busy-polling parameters of an instance. */
#include <linux/capability.h>

#include "many.h"

EVENTPOLL_FIXTURE(busy_poll);

/* <linux/eventpoll.h> does not go with <sys/epoll.h>, which may lack them. */
#ifndef EPIOCSPARAMS
struct epoll_params {
	uint32_t busy_poll_usecs;
	uint16_t busy_poll_budget;
	uint8_t prefer_busy_poll;
	uint8_t __pad;
};

#define EPIOCSPARAMS _IOW(0x8A, 0x01, struct epoll_params)
#define EPIOCGPARAMS _IOR(0x8A, 0x02, struct epoll_params)
#endif

enum { NAPI_POLL_WEIGHT = 64 };

static int set_params(struct epoll_params params)
{
	return result(ioctl(ep, EPIOCSPARAMS, &params));
}

static struct epoll_params get_params(void)
{
	struct epoll_params params;

	memset(&params, 0xff, sizeof(params));
	MUST(ioctl(ep, EPIOCGPARAMS, &params));
	return params;
}

static void drop_net_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	MUST(syscall(SYS_capget, &header, data));
	data[0].effective &= ~CAP_TO_MASK(CAP_NET_ADMIN);
	MUST(syscall(SYS_capset, &header, data));
}

#define EXPECT_PARAMS(usecs, budget, prefer) do {				\
	struct epoll_params _params = get_params();				\
	EXPECT_EQ(usecs, _params.busy_poll_usecs);				\
	EXPECT_EQ(budget, _params.busy_poll_budget);				\
	EXPECT_EQ(prefer, _params.prefer_busy_poll);				\
	EXPECT_EQ(0, _params.__pad);						\
} while (0)

TEST_F(busy_poll, is_off_at_first)
{
	EXPECT_PARAMS(0U, 0, 0);
}

TEST_F(busy_poll, get_returns_what_was_set)
{
	struct epoll_params params = { 50, 16, 1, 0 };
	int other = create();

	ASSERT_LE(0, other);
	EXPECT_EQ(0, set_params(params));
	EXPECT_PARAMS(50U, 16, 1);
	EXPECT_EQ(0, set_params((struct epoll_params){ INT_MAX, NAPI_POLL_WEIGHT, 0, 0 }));
	EXPECT_PARAMS((unsigned int)INT_MAX, NAPI_POLL_WEIGHT, 0);
	/* An instance's own. */
	ASSERT_EQ(0, ioctl(other, EPIOCGPARAMS, &params));
	EXPECT_EQ(0U, params.busy_poll_usecs);
}

TEST_F(busy_poll, bad_parameters_give_EINVAL_and_change_nothing)
{
	ASSERT_EQ(0, set_params((struct epoll_params){ 7, 8, 1, 0 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ 1, 1, 0, 1 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ 1, 1, 0, 255 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ INT_MAX + 1U, 1, 0, 0 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ UINT_MAX, 1, 0, 0 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ 1, 1, 2, 0 }));
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ 1, 1, 255, 0 }));
	EXPECT_PARAMS(7U, 8, 1);
}

TEST_F(busy_poll, large_budget_takes_a_capability)
{
	if (geteuid())
		SKIP(return, "needs CAP_NET_ADMIN to compare with");
	EXPECT_EQ(0, set_params((struct epoll_params){ 0, NAPI_POLL_WEIGHT + 1, 0, 0 }));
	EXPECT_EQ(0, set_params((struct epoll_params){ 0, UINT16_MAX, 0, 0 }));
	drop_net_admin();
	EXPECT_EQ(-EPERM, set_params((struct epoll_params){ 0, NAPI_POLL_WEIGHT + 1, 0, 0 }));
	EXPECT_PARAMS(0U, UINT16_MAX, 0);
	EXPECT_EQ(0, set_params((struct epoll_params){ 0, NAPI_POLL_WEIGHT, 0, 0 }));
	/* A parameter out of range is told before the lack of the capability. */
	EXPECT_EQ(-EINVAL, set_params((struct epoll_params){ 0, UINT16_MAX, 2, 0 }));
}

TEST_F(busy_poll, bad_pointer_gives_EFAULT)
{
	static const struct epoll_params read_only = { 9, 9, 0, 0 };

	EXPECT_EQ(-EFAULT, result(ioctl(ep, EPIOCSPARAMS, NULL)));
	EXPECT_EQ(-EFAULT, result(ioctl(ep, EPIOCGPARAMS, NULL)));
	EXPECT_EQ(-EFAULT, result(ioctl(ep, EPIOCSPARAMS, (void *)(~0UL - 4095))));
	EXPECT_EQ(-EFAULT, result(ioctl(ep, EPIOCGPARAMS, (void *)(~0UL - 4095))));
	EXPECT_EQ(-EFAULT, result(ioctl(ep, EPIOCGPARAMS, &read_only)));
	EXPECT_EQ(0, result(ioctl(ep, EPIOCSPARAMS, &read_only)));
	EXPECT_PARAMS(9U, 9, 0);
}

TEST_F(busy_poll, waits_work_as_before)
{
	struct epoll_event event;
	int fd = new_eventfd(0), sock[2];
	int64_t start;

	/* Nothing here has a NAPI context to poll. */
	ASSERT_EQ(0, set_params((struct epoll_params){ 100, 8, 1, 0 }));
	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, sock[0], EPOLLIN));
	start = now_ns();
	EXPECT_EQ(0, harvest(ep, &event, 1, 20));
	EXPECT_LE(20 * NSEC_PER_MSEC, now_ns() - start);
	put_bytes(sock[1], 1);
	EXPECT_EQ(sock[0], ready_data(ep));
	take_bytes(sock[0], 1);
	post(fd);
	EXPECT_EQ(1, harvest(ep, &event, 1, -1));
}

REPOLL_FIXTURE(busy_poll_repoll);

TEST_F(busy_poll_repoll, waits_for_several_work_as_before)
{
	int fd = new_eventfd(0), other = new_eventfd(0);
	struct collector c;

	ASSERT_EQ(0, set_params((struct epoll_params){ 100, 8, 1, 0 }));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	collector_start(&c, ep, 2, FOR_EVER, -1);
	post(fd);
	sleep_ms(20);
	EXPECT_FALSE(waiter_done(&c.w));
	post(other);
	EXPECT_EQ(2, waiter_join(&c.w));
}

TEST_HARNESS_MAIN
