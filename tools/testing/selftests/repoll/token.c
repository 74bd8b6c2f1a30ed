// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_CTL_TOKEN: registrations that are found by their data, so that a stale
 * one, whose number is closed but whose file is open elsewhere, can be removed.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "bad_input.h"
#include "flagged.h"

REPOLL_FIXTURE(token);

/* A registration with this token whose number is closed; the fd that keeps its file open. */
static int stale(uint64_t token)
{
	int fd = new_eventfd(1), copy = MUST(fcntl(fd, F_DUPFD_CLOEXEC, 100));

	MUST(add_token(fd, EPOLLIN, token) ? -1 : 0);
	close(fd);
	return copy;
}

TEST_F(token, del_removes_a_stale_registration)
{
	int copy = stale(7);

	/* The classic: it fires for ever, and no fd names it. */
	EXPECT_EQ(7, ready_data(ep));
	EXPECT_EQ(7, ready_data(ep));
	EXPECT_EQ(-ENOENT, del(ep, copy));
	EXPECT_EQ(0, del_token(7));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(-ENOENT, del_token(7));
	EXPECT_EQ(0, add(ep, copy, EPOLLIN));
}

TEST_F(token, mod_changes_a_stale_registration)
{
	int copy = stale(7);

	EXPECT_EQ(0, mod_token(EPOLLOUT | EPOLLONESHOT, 7));
	EXPECT_EQ(EPOLLOUT, revents(ep));
	EXPECT_EQ(0, revents(ep));
	EXPECT_EQ(0, mod_token(EPOLLIN, 7));
	EXPECT_EQ(EPOLLIN, revents(ep));
	drain(copy);
	EXPECT_EQ(0, revents(ep));
}

TEST_F(token, mod_wakes_a_waiter)
{
	struct epoll_event event;
	int copy = stale(7);

	ASSERT_EQ(0, mod_token(EPOLLIN | EPOLLET, 7));
	EXPECT_EQ(1, harvest(ep, &event, 1, 0));
	EXPECT_EQ(0, harvest(ep, &event, 1, 0));
	/* As a MOD by fd: what is ready is reported again. */
	ASSERT_EQ(0, mod_token(EPOLLIN | EPOLLET, 7));
	EXPECT_EQ(1, harvest(ep, &event, 1, -1));
	EXPECT_EQ(7U, event.data.u64);
	close(copy);
}

TEST_F(token, any_data_is_a_token)
{
	static const uint64_t tokens[] = { 0, 1, UINT32_MAX, 1ULL << 32, INT64_MAX, UINT64_MAX };
	int fds[ARRAY_SIZE(tokens)];

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		fds[i] = new_eventfd(0);
		ASSERT_EQ(0, add_token(fds[i], EPOLLIN, tokens[i]));
	}
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		EXPECT_EQ(-EEXIST, add_token(new_eventfd(0), EPOLLIN, tokens[i]));
		EXPECT_EQ(0, del_token(tokens[i]));
		EXPECT_EQ(-ENOENT, del_token(tokens[i]));
		EXPECT_EQ((int)(ARRAY_SIZE(tokens) - i - 1), registrations(ep));
	}
}

TEST_F(token, is_there_once_in_an_instance)
{
	int fd = new_eventfd(1), other = new_eventfd(1), plain = new_eventfd(1);
	int second = create();
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 7 };

	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	EXPECT_EQ(-EEXIST, add_token(other, EPOLLIN, 7));
	EXPECT_EQ(1, registrations(ep));
	/* The fd counts too. */
	EXPECT_EQ(-EEXIST, add_token(fd, EPOLLIN, 8));
	EXPECT_EQ(-ENOENT, del_token(8));
	/* Data that is no token may be the same, and is not found as one. */
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, plain, EPOLLIN, 7));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, other, EPOLLIN, 9));
	EXPECT_EQ(-ENOENT, del_token(9));
	EXPECT_EQ(0, del_token(7));
	EXPECT_EQ(-ENOENT, del(ep, fd));
	EXPECT_EQ(0, del(ep, plain));
	/* Another instance has tokens of its own. */
	EXPECT_EQ(0, repoll_ctl_flags(second, EPOLL_CTL_ADD, fd, &event, REPOLL_CTL_TOKEN));
	EXPECT_EQ(0, add_token(fd, EPOLLIN, 7));
}

TEST_F(token, is_free_again_when_the_registration_ends)
{
	int fd = new_eventfd(1), other = new_eventfd(1);

	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	ASSERT_EQ(0, del(ep, fd));
	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	close(fd);
	EXPECT_EQ(-ENOENT, mod_token(EPOLLIN, 7));
	EXPECT_EQ(0, add_token(other, EPOLLIN, 7));
	EXPECT_EQ(7, ready_data(ep));
}

TEST_F(token, mod_by_fd_leaves_it_alone)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	EXPECT_EQ(-EINVAL, ctl_data(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 8));
	EXPECT_EQ(EPOLLIN, revents(ep));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 7));
	EXPECT_EQ(EPOLLOUT, revents(ep));
	EXPECT_EQ(7, ready_data(ep));
}

TEST_F(token, mod_keeps_the_rules_of_exclusive)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add_token(fd, EPOLLIN | EPOLLEXCLUSIVE, 7));
	EXPECT_EQ(-EINVAL, mod_token(EPOLLIN, 7));
	EXPECT_EQ(7, ready_data(ep));
	EXPECT_EQ(0, del_token(7));
	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	EXPECT_EQ(-EINVAL, mod_token(EPOLLIN | EPOLLEXCLUSIVE, 7));
}

TEST_F(token, of_instances_of_either_kind)
{
	int ours = create(), theirs = MUST(epoll_create1(EPOLL_CLOEXEC)), fd = new_eventfd(1);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, add(ours, fd, EPOLLIN));
	ASSERT_EQ(0, epoll_ctl(theirs, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, add_token(ours, EPOLLIN, 1));
	ASSERT_EQ(0, add_token(theirs, EPOLLIN, 2));
	EXPECT_EQ(2, ready(ep));
	EXPECT_EQ(-EEXIST, add_token(MUST(epoll_create1(EPOLL_CLOEXEC)), EPOLLIN, 1));
	EXPECT_EQ(-EEXIST, add_token(create(), EPOLLIN, 2));
	EXPECT_EQ(0, mod_token(EPOLLIN | EPOLLONESHOT, 1));
	EXPECT_EQ(0, mod_token(EPOLLIN | EPOLLONESHOT, 2));
	EXPECT_EQ(2, ready(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, del_token(1));
	EXPECT_EQ(0, del_token(2));
	EXPECT_EQ(0, registrations(ep));
	/* The edge of a refused one is not left behind. */
	EXPECT_EQ(0, add(ours, ep, EPOLLIN));
}

TEST_F(token, errnos)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add_token(fd, EPOLLIN, 7));
	for (int op = EPOLL_CTL_DEL; op <= EPOLL_CTL_MOD; op++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = 7 };

		/* An fd beside a token is a mistake, though it be the right one. */
		EXPECT_EQ(-EINVAL, ctl_flags(op, fd, EPOLLIN, 7, REPOLL_CTL_TOKEN));
		EXPECT_EQ(-EINVAL, ctl_flags(op, -2, EPOLLIN, 7, REPOLL_CTL_TOKEN));
		EXPECT_EQ(-EINVAL, ctl_flags(op, 0, EPOLLIN, 7, REPOLL_CTL_TOKEN));
		EXPECT_EQ(-ENOENT, ctl_flags(op, -1, EPOLLIN, 6, REPOLL_CTL_TOKEN));
		EXPECT_EQ(-EINVAL, ctl_flags(op, -1, EPOLLIN, 7, REPOLL_CTL_TOKEN | 1U << 31));
		EXPECT_EQ(-EBADF, result(repoll_ctl_flags(-1, op, -1, &event, REPOLL_CTL_TOKEN)));
		for (int kind = 0; kind < READ_ONLY; kind++) {
			EXPECT_EQ(-EFAULT, result(repoll_ctl_flags(ep, op, -1, bad_pointer(kind),
								   REPOLL_CTL_TOKEN)));
		}
	}
	EXPECT_EQ(-EBADF, ctl_flags(EPOLL_CTL_ADD, -1, EPOLLIN, 8, REPOLL_CTL_TOKEN));
	EXPECT_EQ(-EINVAL, ctl_flags(99, -1, EPOLLIN, 7, REPOLL_CTL_TOKEN));
	EXPECT_EQ(-EINVAL, ctl_flags(99, fd, EPOLLIN, 7, REPOLL_CTL_TOKEN));
	EXPECT_EQ(7, ready_data(ep));
	EXPECT_EQ(1, registrations(ep));
}

/* Threads that add, change, remove and wait for the same few tokens and fds. */

enum { TOKENS = 4, ROUNDS = 1500 };

static bool stop;

static void *remove_by_token(void *arg)
{
	unsigned int seed = (uintptr_t)arg;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t token = rand_r(&seed) % TOKENS;

		if (rand_r(&seed) % 2)
			del_token(token);
		else
			mod_token(EPOLLIN | (rand_r(&seed) % 2 ? EPOLLONESHOT : EPOLLET), token);
	}
	return NULL;
}

static void *wait_for_tokens(void *arg)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		ready(ep);
	return arg;
}

TEST_F(token, threads_that_race)
{
	void *(*const mains[])(void *) = { remove_by_token, remove_by_token, wait_for_tokens };
	pthread_t threads[ARRAY_SIZE(mains)];
	unsigned int seed = 42;

	for (size_t i = 0; i < ARRAY_SIZE(mains); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, mains[i], (void *)(i + 1)));
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t token = rand_r(&seed) % TOKENS;
		int fd = new_eventfd(1), ret = add_token(fd, EPOLLIN, token);

		EXPECT_TRUE(ret == 0 || ret == -EEXIST);
		if (rand_r(&seed) % 2)
			ret = del(ep, fd);
		close(fd);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (size_t i = 0; i < ARRAY_SIZE(mains); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, registrations(ep));
	for (uint64_t token = 0; token < TOKENS; token++)
		EXPECT_EQ(-ENOENT, del_token(token));
}

TEST_HARNESS_MAIN
