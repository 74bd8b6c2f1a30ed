// SPDX-License-Identifier: GPL-2.0
/*
 * Wake policies: what is accepted and what is refused, and the order in which the
 * instances that watch a file are woken.
 */
#include "workers.h"

REPOLL_FIXTURE(wake_policy);

/* Rules. */

TEST_F(wake_policy, is_a_feature)
{
	struct repoll_info info;

	ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_LE(3, info.version);
	EXPECT_EQ(REPOLL_CTL_WAKE_MASK, info.ctl_flags & REPOLL_CTL_WAKE_MASK);
	EXPECT_NE(0, info.features & REPOLL_FEATURE_WAKE_POLICY);
}

TEST_F(wake_policy, makes_exclusive_legal_with_oneshot)
{
	static const uint32_t refused[] = {
		EPOLLPRI, EPOLLRDHUP, EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND,
		EPOLLMSG, 1U << 14, 1U << 27,
	};
	int fd = new_eventfd(0);

	EXPECT_EQ(-EINVAL, add_policy(ep, fd, EXCLUSIVE | EPOLLONESHOT, 0));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		EXPECT_EQ(0, add_policy(ep, fd, EXCLUSIVE | EPOLLONESHOT | EPOLLET, policies[i]));
		for (size_t j = 0; j < ARRAY_SIZE(refused); j++)
			EXPECT_EQ(-EINVAL, mod_policy(ep, fd, EXCLUSIVE | refused[j], policies[i]));
		EXPECT_EQ(0, del(ep, fd));
		for (size_t j = 0; j < ARRAY_SIZE(refused); j++)
			EXPECT_EQ(-EINVAL, add_policy(ep, fd, EXCLUSIVE | refused[j], policies[i]));
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(wake_policy, lets_exclusive_be_modified_but_not_changed)
{
	int fd = new_eventfd(1), plain = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EXCLUSIVE));
	ASSERT_EQ(0, add(ep, plain, EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		EXPECT_EQ(-EINVAL, mod_policy(ep, fd, EPOLLIN, policies[i]));
		EXPECT_EQ(-EINVAL, mod_policy(ep, plain, EXCLUSIVE, policies[i]));
		EXPECT_EQ(0, mod_policy(ep, fd, EXCLUSIVE | EPOLLET, policies[i]));
		EXPECT_EQ(0, mod_policy(ep, plain, EPOLLIN | EPOLLPRI, policies[i]));
		/* In-tree's rules are still those of a call without a policy. */
		EXPECT_EQ(-EINVAL, mod(ep, fd, EPOLLIN));
		EXPECT_EQ(-EINVAL, mod(ep, fd, EXCLUSIVE));
		EXPECT_EQ(0, mod(ep, plain, EPOLLIN));
	}
	EXPECT_EQ(2, ready(ep));
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(-ENOENT, mod_policy(ep, fd, EXCLUSIVE, FIFO));
	EXPECT_EQ(1, registrations(ep));
}

TEST_F(wake_policy, is_not_for_del)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN, FIFO));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++)
		EXPECT_EQ(-EINVAL, ctl_policy(ep, EPOLL_CTL_DEL, fd, 0, policies[i]));
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(0, ctl_policy(ep, EPOLL_CTL_DEL, fd, 0, 0));
}

TEST_F(wake_policy, does_not_make_an_instance_exclusive)
{
	int inner[2] = { create(), MUST(epoll_create1(EPOLL_CLOEXEC)) };

	ASSERT_LE(0, inner[0]);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		for (int j = 0; j < 2; j++) {
			EXPECT_EQ(-EINVAL, add_policy(ep, inner[j], EXCLUSIVE, policies[i]));
			EXPECT_EQ(0, add_policy(ep, inner[j], EPOLLIN, policies[i]));
			EXPECT_EQ(-EINVAL, mod_policy(ep, inner[j], EXCLUSIVE, policies[i]));
			EXPECT_EQ(0, del(ep, inner[j]));
		}
	}
}

TEST_F(wake_policy, does_not_show_in_fdinfo)
{
	char without[1024], with[1024];
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EXCLUSIVE));
	snapshot(ep, without, sizeof(without));
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		ASSERT_EQ(0, mod_policy(ep, fd, EXCLUSIVE, policies[i]));
		snapshot(ep, with, sizeof(with));
		EXPECT_STREQ(without, with);
	}
}

/* Order among instances. */

/* As in-tree: the first that was added, as long as it waits. */
TEST_F(wake_policy, lifo_keeps_the_order_of_add)
{
	static const unsigned int same[] = { 0, LIFO };

	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		int fd = new_eventfd(0);

		create_workers(fd, EXCLUSIVE, same[i]);
		start_workers();
		for (int round = 0; round < 3; round++) {
			EXPECT_NEXT_WORKER(0, fd);
			start_worker(0);
		}
		EXPECT_NEXT_WORKER(0, fd);
		EXPECT_NEXT_WORKER(1, fd);
		start_worker(1);
		EXPECT_NEXT_WORKER(1, fd);
		start_worker(0);
		EXPECT_NEXT_WORKER(0, fd);
		stop_workers(fd);
	}
}

TEST_F(wake_policy, fifo_wakes_who_is_idle_longest)
{
	static const int order[WORKERS] = { 2, 0, 3, 1 };
	int fd = new_eventfd(0);

	create_workers(fd, EXCLUSIVE, FIFO);
	for (int i = 0; i < WORKERS; i++)
		start_worker(order[i]);
	for (int i = 0; i < 2 * WORKERS; i++) {
		EXPECT_NEXT_WORKER(order[i % WORKERS], fd);
		start_worker(order[i % WORKERS]);
	}
	/* The order in which they come back, not that in which they left. */
	for (int i = 0; i < WORKERS; i++)
		EXPECT_NEXT_WORKER(order[i], fd);
	for (int i = 0; i < WORKERS; i++)
		start_worker(i);
	for (int i = 0; i < WORKERS; i++)
		EXPECT_NEXT_WORKER(i, fd);
	stop_workers(fd);
}

TEST_F(wake_policy, fifo_place_is_kept_by_a_wait_without_events)
{
	int fd = new_eventfd(0);
	struct epoll_event event;

	create_workers(fd, EXCLUSIVE, FIFO);
	EXPECT_EQ(0, harvest(eps[0], &event, 1, 1));
	for (int i = 1; i < WORKERS; i++)
		start_worker(i);
	/* Again and again, in vain: it is still the one that is idle longest. */
	for (int i = 0; i < 3; i++)
		EXPECT_EQ(0, harvest(eps[0], &event, 1, 1));
	start_worker(0);
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_NEXT_WORKER(i, fd);
		start_worker(i);
	}
	stop_workers(fd);
}

TEST_F(wake_policy, round_robin_goes_round)
{
	int fd = new_eventfd(0);

	create_workers(fd, EXCLUSIVE, ROUND);
	/* The order is that of the last events, and before those of ADD. */
	for (int i = WORKERS - 1; i >= 0; i--)
		start_worker(i);
	for (int i = 0; i < 3 * WORKERS; i++) {
		EXPECT_NEXT_WORKER(i % WORKERS, fd);
		start_worker(i % WORKERS);
	}
	/* Whoever is busy when its turn comes keeps it. */
	for (int i = 0; i < WORKERS + 1; i++) {
		EXPECT_NEXT_WORKER(i % WORKERS, fd);
		if (i != 1)
			start_worker(i % WORKERS);
	}
	EXPECT_NEXT_WORKER(2, fd);
	start_worker(1);
	EXPECT_NEXT_WORKER(1, fd);
	EXPECT_NEXT_WORKER(3, fd);
	stop_workers(fd);
}

TEST_F(wake_policy, edge_and_oneshot_take_turns_too)
{
	static const uint32_t kinds[] = { EXCLUSIVE | EPOLLET, EXCLUSIVE | EPOLLONESHOT };

	for (size_t policy = 1; policy < ARRAY_SIZE(policies); policy++) {
		for (size_t kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
			int fd = new_eventfd(0);

			create_workers(fd, kinds[kind], policies[policy]);
			start_workers();
			for (int i = 0; i < 3 * WORKERS; i++) {
				int worker = i % WORKERS;

				EXPECT_NEXT_WORKER(worker, fd);
				EXPECT_EQ(0, ready(eps[worker]));
				EXPECT_EQ(0, mod_policy(eps[worker], fd, kinds[kind],
							policies[policy]));
				start_worker(worker);
			}
			stop_workers(fd);
		}
	}
}

TEST_F(wake_policy, disarmed_oneshot_does_not_take_the_wakeup)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		int fd = new_eventfd(0);

		create_workers(fd, EXCLUSIVE | EPOLLONESHOT, policies[i]);
		start_workers();
		EXPECT_NEXT_WORKER(0, fd);
		/* It waits, for what it will not get. */
		start_worker(0);
		EXPECT_NEXT_WORKER(1, fd);
		EXPECT_EQ(0, mod_policy(eps[0], fd, EXCLUSIVE | EPOLLONESHOT, policies[i]));
		if (policies[i] == LIFO)
			EXPECT_NEXT_WORKER(0, fd);
		for (int j = 0; j < WORKERS; j++)
			mod_policy(eps[j], fd, EXCLUSIVE, policies[i]);
		stop_workers(fd);
	}
}

TEST_F(wake_policy, mod_changes_it)
{
	int fd = new_eventfd(0);

	create_workers(fd, EXCLUSIVE, 0);
	start_workers();
	EXPECT_NEXT_WORKER(0, fd);
	start_worker(0);
	EXPECT_NEXT_WORKER(0, fd);
	start_worker(0);
	for (int i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, mod_policy(eps[i], fd, EXCLUSIVE, ROUND));
	for (int i = 0; i < WORKERS; i++) {
		EXPECT_NEXT_WORKER(i, fd);
		start_worker(i);
	}
	for (int i = 0; i < WORKERS; i++)
		EXPECT_EQ(0, mod_policy(eps[i], fd, EXCLUSIVE, LIFO));
	EXPECT_NEXT_WORKER(0, fd);
	start_worker(0);
	EXPECT_NEXT_WORKER(0, fd);
	stop_workers(fd);
}

TEST_F(wake_policy, plain_registrations_are_all_woken)
{
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		int fd = new_eventfd(0);

		create_workers(fd, EPOLLIN | EPOLLET, policies[i]);
		for (int round = 0; round < 3; round++) {
			start_workers();
			post(fd);
			for (int j = 0; j < WORKERS; j++)
				EXPECT_EQ(1, waiter_join(&workers[j]));
		}
		for (int j = 0; j < WORKERS; j++)
			close(eps[j]);
	}
}

TEST_F(wake_policy, plain_registrations_are_woken_beside_exclusive_ones)
{
	struct waiter plain;

	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		int fd = new_eventfd(0);

		create_workers(fd, EXCLUSIVE, policies[i]);
		ASSERT_EQ(0, add_policy(ep, fd, EPOLLIN | EPOLLET, policies[i]));
		start_workers();
		for (int round = 0; round < 2 * WORKERS; round++) {
			int worker = policies[i] == LIFO ? 0 : round % WORKERS;

			waiter_start(&plain, ep, -1);
			post(fd);
			EXPECT_EQ(1, waiter_join(&plain));
			EXPECT_EQ(worker, woken_worker(fd));
			start_worker(worker);
		}
		stop_workers(fd);
		ASSERT_EQ(0, del(ep, fd));
	}
}

TEST_HARNESS_MAIN
