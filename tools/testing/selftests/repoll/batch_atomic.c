// SPDX-License-Identifier: GPL-2.0
/* REPOLL_BATCH_ATOMIC: all operations of a batch have an effect, or nobody can see one. */
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "batch.h"
#include "waiter.h"

REPOLL_FIXTURE(batch_atomic);

enum { MANY = 100, POSITIONS = 5 };

TEST_F(batch_atomic, all_have_an_effect)
{
	int edge = new_eventfd(1), level = new_eventfd(1), gone = new_eventfd(1);
	struct repoll_op ops[] = {
		ADD(new_eventfd(0), EPOLLIN), ADD(edge, EPOLLIN | EPOLLET), MOD(level, EPOLLIN),
		DEL(gone),
	};

	ASSERT_EQ(0, add(ep, level, EPOLLPRI));
	ASSERT_EQ(0, add(ep, gone, EPOLLIN));
	EXPECT_EQ(4, batch(ops, 4, REPOLL_BATCH_ATOMIC));
	for (int i = 0; i < 4; i++)
		EXPECT_EQ(0, ops[i].result);
	EXPECT_EQ(3, registrations(ep));
	EXPECT_EQ(edge, ready_data(ep));
	EXPECT_EQ(level, ready_data(ep));
	EXPECT_EQ(1, ready(ep));
	/* The hooks are where they should be. */
	post(edge);
	post(ops[0].fd);
	EXPECT_EQ(3, ready(ep));
}

TEST_F(batch_atomic, as_many_as_allowed)
{
	const struct rlimit files = { 4096, 4096 };
	struct repoll_op ops[REPOLL_BATCH_MAX];

	MUST(setrlimit(RLIMIT_NOFILE, &files));
	for (int i = 0; i < REPOLL_BATCH_MAX; i++)
		ops[i] = ADD(new_eventfd(i & 1), EPOLLIN);
	ASSERT_EQ(REPOLL_BATCH_MAX, batch(ops, REPOLL_BATCH_MAX, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(REPOLL_BATCH_MAX, registrations(ep));
	for (int i = 0; i < REPOLL_BATCH_MAX; i++)
		ops[i].op = EPOLL_CTL_DEL;
	ops[REPOLL_BATCH_MAX - 1].op = EPOLL_CTL_ADD;
	ASSERT_EQ(0, batch(ops, REPOLL_BATCH_MAX, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EEXIST, ops[REPOLL_BATCH_MAX - 1].result);
	EXPECT_EQ(REPOLL_BATCH_MAX, registrations(ep));
}

/* Operations that fail, each for another reason. */
static int failing_op(int kind, struct repoll_op *op)
{
	int fd = new_eventfd(0), exclusive = new_eventfd(0);

	switch (kind) {
	case 0:
		*op = ADD(-1, EPOLLIN);
		return -EBADF;
	case 1:
		*op = ADD(new_regular_file(), EPOLLIN);
		return -EPERM;
	case 2:
		*op = MOD(ep, EPOLLIN);
		return -EINVAL;
	case 3:
		*op = op_of(4, fd, EPOLLIN);
		return -EINVAL;
	case 4:
		MUST(add(ep, fd, EPOLLIN));
		*op = ADD(fd, EPOLLIN);
		return -EEXIST;
	case 5:
		*op = MOD(fd, EPOLLIN);
		return -ENOENT;
	case 6:
		*op = DEL(fd);
		return -ENOENT;
	case 7:
		MUST(add(ep, exclusive, EPOLLIN | EPOLLEXCLUSIVE));
		*op = MOD(exclusive, EPOLLIN);
		return -EINVAL;
	case 8:
		*op = ADD(fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT);
		return -EINVAL;
	case 9:
		*op = ADD(create(), EPOLLIN);
		return -EINVAL;
	case 10:
		*op = ADD(MUST(epoll_create1(EPOLL_CLOEXEC)), EPOLLIN);
		return -EINVAL;
	case 11:
		*op = ADD(fd, EPOLLIN);
		op->reserved = 1;
		return -EINVAL;
	case 12:
		*op = ADD(fd, EPOLLIN);
		op->flags = 1U << 31;
		return -EINVAL;
	default:
		return 0;
	}
}

TEST_F(batch_atomic, each_failure_at_each_place_undoes_all)
{
	int oneshot = new_eventfd(1), level = new_eventfd(1), outer = create(), want;
	struct repoll_op bad;

	ASSERT_EQ(0, add(ep, oneshot, EPOLLIN | EPOLLONESHOT));
	EXPECT_EQ(1, ready(ep));
	ASSERT_EQ(0, add(ep, level, EPOLLPRI));
	for (int kind = 0; (want = failing_op(kind, &bad)); kind++) {
		char before[32768];

		strcpy(before, state_of(&backend_repoll, ep));
		for (int at = 0; at < POSITIONS; at++) {
			struct repoll_op ops[POSITIONS], good[] = {
				ADD(new_eventfd(1), EPOLLIN), MOD(oneshot, EPOLLIN),
				ADD(new_eventfd(1), EPOLLIN | EPOLLEXCLUSIVE), DEL(level),
			};

			for (int i = 0, next = 0; i < POSITIONS; i++)
				ops[i] = i == at ? bad : good[next++];
			EXPECT_EQ(0, batch(ops, POSITIONS, REPOLL_BATCH_ATOMIC));
			for (int i = 0; i < POSITIONS; i++) {
				EXPECT_EQ(i == at ? want : -ECANCELED, ops[i].result) {
					TH_LOG("failure %d at %d: operation %d", kind, at, i);
				}
			}
			EXPECT_STREQ(before, state_of(&backend_repoll, ep));
			/* Without the bad one it is fine: nothing is in the way. */
			if (kind == 0 && at == 0) {
				EXPECT_EQ(4, batch(good, 4, REPOLL_BATCH_ATOMIC));
				EXPECT_EQ(3, ready(ep));
				del(ep, good[0].fd);
				del(ep, good[2].fd);
				ASSERT_EQ(0, add(ep, level, EPOLLPRI));
				ASSERT_EQ(0, mod(ep, oneshot, EPOLLIN | EPOLLONESHOT));
				EXPECT_EQ(1, ready(ep));
				strcpy(before, state_of(&backend_repoll, ep));
			}
			close(good[0].fd);
			close(good[2].fd);
		}
	}
	close(outer);
}

TEST_F(batch_atomic, repeated_fd_gives_EINVAL)
{
	int a = new_eventfd(1), b = new_eventfd(1);
	struct repoll_op ops[] = { ADD(a, EPOLLIN), ADD(b, EPOLLIN), DEL(b), MOD(a, EPOLLIN) };

	EXPECT_EQ(0, batch(ops, 4, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-ECANCELED, ops[0].result);
	EXPECT_EQ(-ECANCELED, ops[1].result);
	EXPECT_EQ(-EINVAL, ops[2].result);
	EXPECT_EQ(-ECANCELED, ops[3].result);
	EXPECT_EQ(0, registrations(ep));
	/* Another number for the same file is another registration. */
	ops[1] = ADD(MUST(dup(a)), EPOLLIN);
	EXPECT_EQ(2, batch(ops, 2, REPOLL_BATCH_ATOMIC));
}

TEST_F(batch_atomic, no_add_to_an_instance_that_is_watched)
{
	int outer = create(), fd = new_eventfd(1), member = new_eventfd(1);
	struct repoll_op ops[] = { ADD(fd, EPOLLIN), MOD(member, EPOLLIN) };

	ASSERT_EQ(0, add(ep, member, EPOLLPRI));
	ASSERT_EQ(0, add(outer, ep, EPOLLIN));
	EXPECT_EQ(0, batch(ops, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EINVAL, ops[0].result);
	EXPECT_EQ(0, ready(outer));
	EXPECT_EQ(1, batch(ops + 1, 1, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(1, ready(outer));
	/* In order, it may. */
	EXPECT_EQ(1, batch(ops, 1, 0));
}

TEST_F(batch_atomic, members_that_are_instances_may_be_changed)
{
	int inner = create(), in_tree = MUST(epoll_create1(EPOLL_CLOEXEC)), fd = new_eventfd(1);
	struct epoll_event event = { .events = EPOLLIN };
	struct repoll_op mods[] = { MOD(inner, EPOLLIN), MOD(in_tree, EPOLLIN) };
	struct repoll_op dels[] = { DEL(inner), DEL(in_tree) };

	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, epoll_ctl(in_tree, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, add(ep, inner, EPOLLPRI));
	ASSERT_EQ(0, add(ep, in_tree, EPOLLPRI));
	EXPECT_EQ(2, batch(mods, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(2, ready(ep));
	EXPECT_EQ(2, batch(dels, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(0, registrations(ep));
}

/* What fails for want of permission to have more, fails before anything is done. */
TEST_F(batch_atomic, limit_of_watches_undoes_all)
{
	static const char sysctl[] = "/proc/sys/fs/repoll/max_user_watches";
	struct repoll_op ops[6];
	long limit = 0;
	pid_t child;
	FILE *file;
	int status;

	if (geteuid())
		SKIP(return, "needs root");
	file = fopen(sysctl, "r+e");
	ASSERT_TRUE(file && fscanf(file, "%ld", &limit) == 1);
	rewind(file);
	fprintf(file, "4\n");
	fflush(file);
	child = MUST(fork());
	if (!child) {
		MUST(setresuid(64323, -1, -1));
		ep = create();
		for (int i = 0; i < 6; i++)
			ops[i] = ADD(new_eventfd(0), EPOLLIN);
		EXPECT_EQ(0, batch(ops, 6, REPOLL_BATCH_ATOMIC));
		EXPECT_EQ(-ENOSPC, ops[4].result);
		EXPECT_EQ(0, registrations(ep));
		EXPECT_EQ(4, batch(ops, 4, REPOLL_BATCH_ATOMIC));
		ops[0].op = EPOLL_CTL_DEL;
		EXPECT_EQ(2, batch(ops, 1, 0) + batch(ops + 5, 1, 0));
		/* One by one, a DEL makes room for the ADD behind it. */
		ops[0] = DEL(ops[1].fd);
		ops[1] = ADD(ops[0].fd, EPOLLIN);
		EXPECT_EQ(2, batch(ops, 2, 0));
		_exit(_metadata->exit_code);
	}
	waitpid(child, &status, 0);
	rewind(file);
	fprintf(file, "%ld\n", limit);
	fclose(file);
	EXPECT_EQ(0, status);
}

TEST_F(batch_atomic, failed_one_wakes_nobody)
{
	int member = new_eventfd(1);
	struct repoll_op ops[] = {
		ADD(new_eventfd(1), EPOLLIN), MOD(member, EPOLLIN), DEL(new_eventfd(0)),
	};
	struct pollfd pollfd = { .fd = ep, .events = POLLIN };
	struct waiter waiter;

	ASSERT_EQ(0, add(ep, member, EPOLLPRI));
	waiter_start(&waiter, ep, -1);
	for (int i = 0; i < 20; i++)
		EXPECT_EQ(0, batch(ops, 3, REPOLL_BATCH_ATOMIC));
	settle();
	EXPECT_FALSE(waiter_done(&waiter));
	EXPECT_EQ(0, poll(&pollfd, 1, 0));
	EXPECT_EQ(2, batch(ops, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(1, waiter_join(&waiter));
}

static int flag;

static bool is_set(void)
{
	return __atomic_load_n(&flag, __ATOMIC_ACQUIRE);
}

static void set(int value)
{
	__atomic_store_n(&flag, value, __ATOMIC_RELEASE);
}

/* Fails again and again to add @arg, exclusively. */
static void *fail_to_add(void *arg)
{
	int fd = *(int *)arg, other = new_eventfd(0);

	while (!is_set()) {
		struct repoll_op ops[MANY];

		ops[0] = ADD(fd, EPOLLIN | EPOLLEXCLUSIVE);
		for (int i = 1; i < MANY; i++)
			ops[i] = ADD(MUST(dup(other)), EPOLLIN);
		ops[MANY - 1].op = EPOLL_CTL_DEL;
		MUST(batch(ops, MANY, REPOLL_BATCH_ATOMIC) ? -1 : 0);
		for (int i = 1; i < MANY; i++)
			close(ops[i].fd);
	}
	return NULL;
}

/* An exclusive wakeup goes to one who is there to stay. */
TEST_F(batch_atomic, failed_one_takes_no_exclusive_wakeup)
{
	int fd = new_eventfd(0), other = create();
	struct waiter waiter, rest;
	pthread_t thread;

	ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET));
	/* Somebody waits at the instance in question: it has a use for wakeups. */
	waiter_start(&rest, ep, -1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, fail_to_add, &fd));
	for (int i = 0; i < 300; i++) {
		/* Behind the other one in the queue, if that is there at the moment. */
		del(other, fd);
		ASSERT_EQ(0, add(other, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET));
		waiter_start(&waiter, other, 10000);
		post(fd);
		ASSERT_EQ(1, waiter_join(&waiter)) {
			TH_LOG("event %d", i);
		}
		drain(fd);
	}
	set(1);
	pthread_join(thread, NULL);
	EXPECT_FALSE(waiter_done(&rest));
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	waiter_join(&rest);
}

/* Nobody sees some of the operations and not the others. */
static void *swap_pairs(void *arg)
{
	int *fds = arg;

	for (int i = 0; i < 2000; i++) {
		int in = fds[i & 1], out = fds[~i & 1];
		struct repoll_op ops[] = { DEL(out), ADD(in, EPOLLIN) };

		MUST(batch(ops, 2, REPOLL_BATCH_ATOMIC) == 2 ? 0 : -1);
	}
	set(1);
	return NULL;
}

TEST_F(batch_atomic, nobody_sees_half_of_it)
{
	int fds[2] = { new_eventfd(1), new_eventfd(1) }, looks = 0;
	pthread_t thread;

	ASSERT_EQ(0, add(ep, fds[1], EPOLLIN));
	ASSERT_EQ(0, pthread_create(&thread, NULL, swap_pairs, fds));
	for (; !is_set(); looks++) {
		ASSERT_EQ(1, ready(ep));
		ASSERT_EQ(1, registrations(ep));
	}
	pthread_join(thread, NULL);
	EXPECT_LT(0, looks);
}

TEST_HARNESS_MAIN
