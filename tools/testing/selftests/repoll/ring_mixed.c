// SPDX-License-Identifier: GPL-2.0
/* The ready ring beside all else: flags, batches, instances, processes. */

#include <poll.h>

#include "flagged.h"
#include "rings.h"

REPOLL_FIXTURE(ring_mixed);

TEST_F(ring_mixed, close_of_a_bound_number_takes_back)
{
	int fd = new_eventfd(0);
	int copy = MUST(dup(fd));

	new_ring(8);
	ASSERT_EQ(0, bind_fd(fd, EPOLLIN));
	post(copy);
	close(fd);
	EXPECT_EQ(0, pop_events());
	post(copy);
	EXPECT_EQ(0, enter(0));
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(ring_mixed, token)
{
	int fd = new_eventfd(0);

	new_ring(8);
	ASSERT_EQ(0, add_token(fd, EPOLLIN | EPOLLONESHOT, 42));
	post(fd);
	EXPECT_EQ(42, pop_data());
	EXPECT_EQ(0, mod_token(EPOLLIN, 42));
	EXPECT_EQ(42, pop_data());
	EXPECT_EQ(1, enter(0));
	EXPECT_EQ(0, del_token(42));
	EXPECT_EQ(0, pop_events());
}

TEST_F(ring_mixed, batch)
{
	struct repoll_op ops[2] = {
		{ .op = EPOLL_CTL_ADD, .events = EPOLLIN, .data = 1 },
		{ .op = EPOLL_CTL_ADD, .events = EPOLLIN, .data = 2 },
	};

	new_ring(8);
	for (unsigned int flags = 0; flags <= REPOLL_BATCH_ATOMIC; flags++) {
		for (int i = 0; i < 2; i++)
			ops[i].fd = new_eventfd(1);
		ASSERT_EQ(2, repoll_batch(ep, ops, 2, flags));
		EXPECT_EQ(1, pop_data());
		EXPECT_EQ(2, pop_data());
		post(ops[1].fd);
		EXPECT_EQ(2, pop_data());
		for (int i = 0; i < 2; i++)
			ASSERT_EQ(0, del(ep, ops[i].fd));
	}
}

/* Ready for who polls it exactly if a call would find something. */
TEST_F(ring_mixed, poll_and_nesting)
{
	int fd = new_eventfd(0), outer = create();
	struct epoll_event event;

	new_ring(8);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(outer, ep, EPOLLIN));
	EXPECT_EQ(0, poll_in(ep));
	EXPECT_EQ(0, ready(outer));
	for (int i = 0; i < 3; i++) {
		post(fd);
		EXPECT_EQ(1, poll_in(ep));
		EXPECT_EQ(1, harvest(outer, &event, 1, 1000));
		EXPECT_EQ(fd, pop_data());
		EXPECT_EQ(0, poll_in(ep));
		EXPECT_EQ(0, ready(outer));
	}
	close(outer);
}

/* Instances of either kind below one with a ring. */
TEST_F(ring_mixed, instances_below)
{
	int ours = create(), in_tree = MUST(epoll_create1(EPOLL_CLOEXEC));
	int fds[] = { new_eventfd(0), new_eventfd(0) };
	struct epoll_event event = { .events = EPOLLIN };

	new_ring(8);
	ASSERT_EQ(0, add(ours, fds[0], EPOLLIN));
	MUST(epoll_ctl(in_tree, EPOLL_CTL_ADD, fds[1], &event));
	ASSERT_EQ(0, add(ep, ours, EPOLLIN));
	ASSERT_EQ(0, add(ep, in_tree, EPOLLIN));
	EXPECT_EQ(0, enter(0));
	for (int i = 0; i < 2; i++) {
		post(fds[i]);
		EXPECT_EQ(1, enter(1000));
		EXPECT_EQ(i ? in_tree : ours, pop_data());
		EXPECT_EQ(1, enter(0));
		EXPECT_EQ(EPOLLIN, pop_events());
		drain(fds[i]);
		EXPECT_EQ(0, enter(0));
	}
}

/* What does not go with a ring, before it is made and after. */
TEST_F(ring_mixed, refused)
{
	int fd = new_eventfd(1), notified = new_eventfd(0), plain;
	struct epoll_event event;
	struct repoll_timer timer = { .op = REPOLL_TIMER_GET };
	struct repoll_op op = { .op = EPOLL_CTL_ADD, .fd = fd, .events = EPOLLIN };
	struct epoll_params params = {};

	new_ring(8);
	EXPECT_EQ(-EINVAL, harvest(ep, &event, 1, 0));
	EXPECT_EQ(-EINVAL, harvest(ep, &event, 1, -1));
	EXPECT_EQ(-EINVAL, result(repoll_pwait2(ep, &event, 1, NULL, NULL)));
	EXPECT_EQ(-EINVAL, result(repoll_wait_many(ep, &event, 1, 1, 0, 0)));
	EXPECT_EQ(-EINVAL, result(repoll_wait_many(ep, &event, 2, 2, 1000, -1)));
	EXPECT_EQ(-EINVAL, result(repoll_batch_pwait(ep, &op, 1, 0, &event, 1, 0, NULL)));
	EXPECT_EQ(-EINVAL, result(repoll_notify(ep, notified)));
	EXPECT_EQ(-EINVAL, result(repoll_stats_on(ep)));
	EXPECT_EQ(-EINVAL, result(repoll_timers(ep, &timer, 1)));
	EXPECT_EQ(-EINVAL, result(ioctl(ep, EPIOCSPARAMS, &params)));
	EXPECT_EQ(-EINVAL, result(fcntl(ep, F_SETFL, O_ASYNC)));
	EXPECT_EQ(-EINVAL, add(ep, fd, EPOLLIN | EPOLLEXCLUSIVE));
	EXPECT_EQ(-EINVAL, add(ep, fd, EPOLLIN | EPOLLWAKEUP));
	for (unsigned int policy = 1; policy <= 3; policy++)
		EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, 0, policy));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, 0, REPOLL_CTL_HANDOVER));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_ADD, fd, EPOLLIN, 0, REPOLL_CTL_SYNC));
	op.events |= EPOLLEXCLUSIVE;
	EXPECT_EQ(0, result(repoll_batch(ep, &op, 1, REPOLL_BATCH_ATOMIC)));
	EXPECT_EQ(-EINVAL, op.result);
	EXPECT_EQ(0, registrations(ep));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EINVAL, mod(ep, fd, EPOLLOUT | EPOLLWAKEUP));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_MOD, fd, EPOLLOUT, 0, REPOLL_CTL_HANDOVER));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_MOD, fd, EPOLLOUT, 0, REPOLL_CTL_WAKE_FIFO));
	EXPECT_EQ(EPOLLIN, pop_events());
	EXPECT_EQ(-EBUSY, result(repoll_ring_setup(ep, 8, &ring)));

	plain = create();
	EXPECT_EQ(-EINVAL, result(ioctl(plain, REPOLL_IOC_RING_ENTER,
					&(struct repoll_ring_enter){})));
	ASSERT_EQ(0, add(plain, fd, EPOLLIN));
	EXPECT_EQ(-EBUSY, result(repoll_ring_setup(plain, 8, &ring)));
	ASSERT_EQ(0, del(plain, fd));
	EXPECT_EQ(0, result(repoll_stats_on(plain)));
	EXPECT_EQ(-EINVAL, result(repoll_ring_setup(plain, 8, &ring)));
	EXPECT_EQ(0, result(repoll_stats_off(plain)));
	EXPECT_EQ(0, result(repoll_notify(plain, notified)));
	EXPECT_EQ(-EINVAL, result(repoll_ring_setup(plain, 8, &ring)));
	EXPECT_EQ(0, result(repoll_notify(plain, -1)));
	EXPECT_EQ(0, result(repoll_ring_setup(plain, 8, &ring)));
	close(plain);
}

/* A mapping is a reference of the file, as any is: the close of the fd is not the last. */
TEST_F(ring_mixed, mapping_keeps_the_instance)
{
	int fd = new_eventfd(1), plain = create();
	struct repoll_ring_map mapped;
	struct epoll_event event;

	ASSERT_EQ(0, repoll_ring_setup(plain, 8, &mapped));
	ASSERT_EQ(0, add(plain, fd, EPOLLIN | EPOLLET));
	close(plain);
	EXPECT_EQ(1, repoll_ring_pop(&mapped, &event));
	post(fd);
	EXPECT_EQ(1, repoll_ring_pop(&mapped, &event));
	EXPECT_EQ(fd, event.data.fd);
	memset(mapped.header, 0xff, mapped.size);
	repoll_ring_unmap(&mapped);
	post(fd);
}

/* A child has the mapping too: each event is one process's. */
TEST_F(ring_mixed, fork)
{
	int fds[2] = { new_eventfd(0), new_eventfd(0) };
	int status;
	pid_t pid;

	new_ring(8);
	for (int i = 0; i < 2; i++) {
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLET));
		post(fds[i]);
	}
	pid = MUST(fork());
	if (!pid)
		_exit(pop_data() == fds[0] && enter(0) == 1 ? 0 : 1);
	MUST(waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(fds[1], pop_data());
	EXPECT_EQ(-ENODATA, pop_data());
}

TEST_HARNESS_MAIN
