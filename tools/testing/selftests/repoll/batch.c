// SPDX-License-Identifier: GPL-2.0
/* REPOLL_IOC_BATCH: many operations in one call, in order, and a wait after them. */
#include "batch.h"

REPOLL_FIXTURE(batch);

enum { MANY = 100 };	/* more than one chunk of the module's, and not whole ones */

TEST_F(batch, info_has_the_feature)
{
	struct repoll_info info;

	ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &info));
	EXPECT_LE(3U, info.version);
	EXPECT_TRUE(info.features & REPOLL_FEATURE_BATCH);
}

TEST_F(batch, carries_out_in_order)
{
	int a = new_eventfd(1), b = new_eventfd(1);
	struct repoll_op ops[] = {
		ADD(a, EPOLLIN), MOD(a, EPOLLOUT), DEL(a), ADD(a, EPOLLIN),	/* one fd */
		ADD(b, EPOLLIN), ADD(b, EPOLLIN), DEL(b), DEL(b), MOD(b, EPOLLIN),
	};
	static const int want[] = { 0, 0, 0, 0, 0, -EEXIST, 0, -ENOENT, -ENOENT };

	EXPECT_EQ(6, batch(ops, ARRAY_SIZE(ops), 0));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(want[i], ops[i].result) {
			TH_LOG("operation %zu", i);
		}
	}
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(a, ready_data(ep));
}

TEST_F(batch, writes_nothing_but_the_results)
{
	struct repoll_op ops[MANY], before[MANY];

	for (int i = 0; i < MANY; i++)
		ops[i] = ADD(new_eventfd(0), EPOLLIN);
	memcpy(before, ops, sizeof(ops));
	ASSERT_EQ(MANY, batch(ops, MANY, 0));
	for (int i = 0; i < MANY; i++) {
		EXPECT_EQ(0, ops[i].result);
		before[i].result = 0;
	}
	EXPECT_EQ(0, memcmp(before, ops, sizeof(ops)));
	EXPECT_EQ(MANY, registrations(ep));
}

TEST_F(batch, each_operation_has_its_errno)
{
	int fd = new_eventfd(0), exclusive = new_eventfd(0), path = open("/", O_PATH | O_CLOEXEC);
	struct repoll_op ops[] = {
		ADD(exclusive, EPOLLIN | EPOLLEXCLUSIVE),
		ADD(-1, EPOLLIN), DEL(INT_MAX), MOD(path, EPOLLIN),
		ADD(new_regular_file(), EPOLLIN), ADD(ep, EPOLLIN), DEL(ep),
		op_of(0, fd, EPOLLIN), op_of(4, fd, EPOLLIN), op_of(0, -1, EPOLLIN),
		ADD(fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT),
		MOD(exclusive, EPOLLIN), MOD(exclusive, EPOLLIN | EPOLLEXCLUSIVE),
		DEL(fd), MOD(fd, EPOLLIN), ADD(exclusive, EPOLLIN),
	};
	static const int want[] = {
		0, -EBADF, -EBADF, -EBADF, -EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EBADF,
		-EINVAL, -EINVAL, -EINVAL, -ENOENT, -ENOENT, -EEXIST,
	};

	ASSERT_LE(0, path);
	EXPECT_EQ(1, batch(ops, ARRAY_SIZE(ops), 0));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		EXPECT_EQ(want[i], ops[i].result) {
			TH_LOG("operation %zu", i);
		}
	}
}

TEST_F(batch, bad_flags_and_reserved_fail_that_operation)
{
	struct repoll_info info;

	ASSERT_EQ(0, ioctl(ep, REPOLL_IOC_INFO, &info));
	for (int bit = 0; bit < 32; bit++) {
		int fd = new_eventfd(0);
		struct repoll_op ops[] = { ADD(fd, EPOLLIN), ADD(-1, EPOLLIN), ADD(fd, EPOLLIN) };

		ops[0].reserved = 1U << bit;
		/* Before it is found that there is no such fd. */
		ops[1].flags = 1U << bit & ~info.ctl_flags;
		EXPECT_EQ(1, batch(ops, 3, 0));
		EXPECT_EQ(-EINVAL, ops[0].result);
		EXPECT_EQ(ops[1].flags ? -EINVAL : -EBADF, ops[1].result);
		EXPECT_EQ(0, ops[2].result);
	}
}

TEST_F(batch, instances_nest_as_one_by_one)
{
	int inner = create(), in_tree = MUST(epoll_create1(EPOLL_CLOEXEC)), fd = new_eventfd(1);
	struct epoll_event event = { .events = EPOLLIN };
	struct repoll_op ops[] = {
		ADD(fd, EPOLLIN), ADD(inner, EPOLLIN), MOD(fd, EPOLLIN | EPOLLET),
		ADD(in_tree, EPOLLIN), ADD(inner, EPOLLIN), DEL(fd), MOD(inner, EPOLLIN),
	};
	static const int want[] = { 0, 0, 0, 0, -EEXIST, 0, 0 };

	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, epoll_ctl(in_tree, EPOLL_CTL_ADD, fd, &event));
	EXPECT_EQ(6, batch(ops, ARRAY_SIZE(ops), 0));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		EXPECT_EQ(want[i], ops[i].result);
	EXPECT_EQ(2, ready(ep));
}

TEST_F(batch, cycle_gives_ELOOP)
{
	int outer = ep, inner = create();
	struct repoll_op down = ADD(inner, EPOLLIN), up = ADD(outer, EPOLLIN);

	ASSERT_EQ(1, batch(&down, 1, 0));
	ep = inner;
	EXPECT_EQ(0, batch(&up, 1, 0));
	EXPECT_EQ(-ELOOP, up.result);
	EXPECT_EQ(0, registrations(inner));
	ep = outer;
}

/* A random operation, by the numbers of some fds and of the instance itself. */
static struct repoll_op random_op(uint32_t *state, const int *fds, int n, int self)
{
	static const uint32_t masks[] = {
		EPOLLIN, EPOLLIN | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLOUT, 0,
		EPOLLIN | EPOLLEXCLUSIVE, EPOLLOUT | EPOLLEXCLUSIVE | EPOLLONESHOT,
	};
	struct repoll_op op;

	*state = *state * 1664525 + 1013904223;
	op = op_of(*state >> 28 ? 1 + (*state >> 8) % 3 : 7, fds[(*state >> 12) % n],
		   masks[(*state >> 20) % ARRAY_SIZE(masks)]);
	if ((*state >> 24) % 32 == 0)
		op.fd = self;
	op.data = *state;
	return op;
}

TEST_F(batch, random_ones_are_as_one_by_one)
{
	enum { FDS = 12 };
	int fds[FDS], in_tree = MUST(epoll_create1(EPOLL_CLOEXEC)), twin = create(), failed = 0;
	uint32_t random = 1;

	for (int i = 0; i < FDS - 4; i++)
		fds[i] = new_eventfd(i & 1);
	fds[FDS - 4] = MUST(dup(fds[0]));
	fds[FDS - 3] = new_regular_file();
	fds[FDS - 2] = -1;
	fds[FDS - 1] = MUST(epoll_create1(EPOLL_CLOEXEC));
	for (int round = 0; round < 300; round++) {
		struct repoll_op ops[40];
		int n = 1 + round % ARRAY_SIZE(ops);
		const char *state;

		for (int i = 0; i < n; i++)
			ops[i] = random_op(&random, fds, FDS, ep);
		ASSERT_LE(0, batch(ops, n, 0));
		for (int i = 0; i < n; i++) {
			struct repoll_op single = ops[i];

			single.fd = ops[i].fd == ep ? twin : ops[i].fd;
			ASSERT_EQ(ops[i].result, alone(&backend_repoll, twin, &single)) {
				TH_LOG("round %d, %d of %d", round, i, n);
			}
			single.fd = ops[i].fd == ep ? in_tree : ops[i].fd;
			ASSERT_EQ(ops[i].result, alone(&backend_epoll, in_tree, &single)) {
				TH_LOG("round %d, %d of %d, in-tree", round, i, n);
			}
			failed += !!ops[i].result;
		}
		state = state_of(&backend_repoll, ep);
		ASSERT_STREQ(state, state_of(&backend_repoll, twin));
		ASSERT_STREQ(state, state_of(&backend_epoll, in_tree));
	}
	EXPECT_LT(100, failed);
}

TEST_F(batch, bounds)
{
	struct repoll_op ops[REPOLL_BATCH_MAX + 1];
	struct repoll_batch request = batch_of(ops, REPOLL_BATCH_MAX + 1);
	int fd = new_eventfd(0);

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = i & 1 ? DEL(fd) : ADD(fd, EPOLLIN);
	EXPECT_EQ(-E2BIG, call_batch(&request));
	request.nr_ops = UINT32_MAX;
	EXPECT_EQ(-E2BIG, call_batch(&request));
	EXPECT_EQ(INT_MAX, ops[0].result);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(REPOLL_BATCH_MAX, batch(ops, REPOLL_BATCH_MAX, 0));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, batch(NULL, 0, 0));
	EXPECT_EQ(0, batch(NULL, 0, REPOLL_BATCH_ATOMIC));
}

TEST_F(batch, unknown_flags_and_reserved_give_EINVAL)
{
	struct repoll_op op = ADD(new_eventfd(0), EPOLLIN);

	for (int bit = 0; bit < 32; bit++) {
		struct repoll_batch request = batch_of(&op, 1);

		request.flags = 1U << bit & ~REPOLL_BATCH_ATOMIC;
		request.reserved = request.flags ? 0 : 1;
		EXPECT_EQ(-EINVAL, call_batch(&request));
		request.flags = 0;
		request.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, call_batch(&request));
	}
	EXPECT_EQ(INT_MAX, op.result);
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(batch, bad_pointers_change_nothing)
{
	struct repoll_op op = ADD(new_eventfd(1), EPOLLIN);

	for (int kind = 0; kind < POINTERS; kind++) {
		struct repoll_batch request = batch_of(bad_pointer(kind), 1);

		EXPECT_EQ(-EFAULT, call_batch(&request));
		request.flags = REPOLL_BATCH_ATOMIC;
		EXPECT_EQ(-EFAULT, call_batch(&request));
		/* The wait is looked at before anything is done. */
		request = batch_of(&op, 1);
		request.wait = (uintptr_t)bad_pointer(kind);
		if (kind != NULL_POINTER)
			EXPECT_EQ(kind == READ_ONLY ? -EINVAL : -EFAULT, call_batch(&request));
		if (kind != READ_ONLY)
			EXPECT_EQ(-EFAULT, call_batch(bad_pointer(kind)));
	}
	EXPECT_EQ(INT_MAX, op.result);
	EXPECT_EQ(0, registrations(ep));
}

/* The operations before the edge of what can be read and written are carried out. */
TEST_F(batch, array_that_ends_early_gives_EFAULT)
{
	struct repoll_op *edge = (struct repoll_op *)edge_of_page();

	for (int fit = 0; fit <= 33; fit++) {
		struct repoll_batch request = batch_of(edge - fit, fit + 3);

		for (int i = 0; i < fit; i++)
			edge[i - fit] = ADD(new_eventfd(0), EPOLLIN);
		request.flags = REPOLL_BATCH_ATOMIC;
		EXPECT_EQ(-EFAULT, call_batch(&request));
		EXPECT_EQ(0, registrations(ep));
		request.flags = 0;
		EXPECT_EQ(-EFAULT, call_batch(&request));
		EXPECT_EQ(fit, registrations(ep));
		for (int i = 0; i < fit; i++) {
			EXPECT_EQ(0, edge[i - fit].result);
			edge[i - fit].op = EPOLL_CTL_DEL;
		}
		EXPECT_EQ(fit, batch(edge - fit, fit, 0));
		for (int i = 0; i < fit; i++)
			close(edge[i - fit].fd);
	}
}

TEST_F(batch, read_only_request_tells_in_the_results)
{
	struct repoll_op op = ADD(new_eventfd(0), EPOLLIN);
	struct repoll_batch *request = (struct repoll_batch *)((char *)edge_of_page() - PAGE);

	*request = batch_of(&op, 1);
	MUST(mprotect(request, PAGE, PROT_READ));
	EXPECT_EQ(-EFAULT, call_batch(request));
	EXPECT_EQ(0, op.result);
	EXPECT_EQ(1, registrations(ep));
}

TEST_HARNESS_MAIN
