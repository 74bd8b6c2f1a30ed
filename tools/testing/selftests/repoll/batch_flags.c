// SPDX-License-Identifier: GPL-2.0
/* Operations with flags in a batch: what each flag means alone, it means there. */
#include "batch.h"
#include "flagged.h"

REPOLL_FIXTURE(batch_flags);

enum { TOKEN = 77 };

static struct repoll_op with(struct repoll_op op, uint32_t flags)
{
	op.flags = flags;
	return op;
}

/* MOD or DEL of the registration with this token. */
static struct repoll_op by_token(int op, uint32_t events, uint64_t token)
{
	struct repoll_op this = op_of(op, -1, events);

	this.data = token;
	return with(this, REPOLL_CTL_TOKEN);
}

static struct repoll_op add_with_token(int fd, uint32_t events, uint64_t token)
{
	struct repoll_op this = ADD(fd, events);

	this.data = token;
	return with(this, REPOLL_CTL_TOKEN);
}

static void expect_results(struct __test_metadata *_metadata, const struct repoll_op *ops,
			   const int *want, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		EXPECT_EQ(want[i], ops[i].result) {
			TH_LOG("operation %zu", i);
		}
	}
}

TEST_F(batch_flags, token_finds_what_an_operation_before_added)
{
	int fd = new_eventfd(1), other = new_eventfd(1);
	struct repoll_op ops[] = {
		add_with_token(fd, EPOLLIN, TOKEN), add_with_token(other, EPOLLIN, TOKEN),
		ADD(other, EPOLLIN), by_token(EPOLL_CTL_MOD, EPOLLOUT, TOKEN),
		by_token(EPOLL_CTL_DEL, 0, TOKEN), by_token(EPOLL_CTL_DEL, 0, TOKEN),
		add_with_token(fd, EPOLLOUT, TOKEN),
	};
	static const int want[] = { 0, -EEXIST, 0, 0, 0, -ENOENT, 0 };

	EXPECT_EQ(5, batch(ops, ARRAY_SIZE(ops), 0));
	expect_results(_metadata, ops, want, ARRAY_SIZE(want));
	EXPECT_EQ(2, registrations(ep));
	EXPECT_EQ(0, mod_token(EPOLLIN, TOKEN));
}

TEST_F(batch_flags, bound_one_ends_with_its_number)
{
	int fd = new_eventfd(1), copy = MUST(dup(fd)), other = new_eventfd(1);
	struct repoll_op ops[] = {
		ADD(other, EPOLLIN), with(ADD(fd, EPOLLIN), REPOLL_CTL_BIND), ADD(copy, 0),
		with(MOD(fd, EPOLLIN), REPOLL_CTL_BIND), MOD(fd, EPOLLIN | EPOLLET),
	};
	static const int want[] = { 0, 0, 0, -EINVAL, 0 };

	EXPECT_EQ(4, batch(ops, ARRAY_SIZE(ops), 0));
	expect_results(_metadata, ops, want, ARRAY_SIZE(want));
	EXPECT_EQ(3, registrations(ep));
	close(fd);
	EXPECT_EQ(2, registrations(ep));
	EXPECT_EQ(other, ready_data(ep));
}

TEST_F(batch_flags, wake_policy_makes_an_exclusive_one_changeable)
{
	int fd = new_eventfd(1);
	uint32_t exclusive = EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT;
	struct repoll_op ops[] = {
		ADD(fd, exclusive), with(ADD(fd, exclusive), REPOLL_CTL_WAKE_FIFO),
		MOD(fd, EPOLLIN), with(MOD(fd, exclusive), REPOLL_CTL_WAKE_ROUND_ROBIN),
		with(DEL(fd), REPOLL_CTL_WAKE_FIFO),
	};
	static const int want[] = { -EINVAL, 0, -EINVAL, 0, -EINVAL };

	EXPECT_EQ(2, batch(ops, ARRAY_SIZE(ops), 0));
	expect_results(_metadata, ops, want, ARRAY_SIZE(want));
	EXPECT_EQ(fd, ready_data(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(batch_flags, all_or_nothing_takes_none)
{
	for (uint32_t bit = 1; bit <= REPOLL_CTL_TOKEN; bit <<= 1) {
		int fd = new_eventfd(1);
		struct repoll_op ops[] = {
			ADD(new_eventfd(1), EPOLLIN), with(ADD(fd, EPOLLIN), bit),
		};
		static const int want[] = { -ECANCELED, -EINVAL };

		EXPECT_EQ(0, batch(ops, 2, REPOLL_BATCH_ATOMIC));
		expect_results(_metadata, ops, want, ARRAY_SIZE(want));
	}
	EXPECT_EQ(0, registrations(ep));
}

/* It may end what was added with flags, and change what they leave to be changed. */
TEST_F(batch_flags, all_or_nothing_knows_what_was_added_with_flags)
{
	int bound = new_eventfd(1), copy = MUST(dup(bound)), token = new_eventfd(1);
	int policy = new_eventfd(1);
	struct repoll_op wrong[] = { MOD(bound, EPOLLIN), MOD(token, EPOLLIN) };
	struct repoll_op exclusive[] = { MOD(bound, EPOLLIN), MOD(policy, EPOLLIN) };
	struct repoll_op right[] = { MOD(bound, EPOLLIN), MOD(token, EPOLLIN), DEL(policy) };

	ASSERT_EQ(0, bind_fd(bound, EPOLLOUT));
	ASSERT_EQ(0, add_token(token, 0, TOKEN));
	ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, policy, EPOLLIN | EPOLLEXCLUSIVE, policy,
			       REPOLL_CTL_WAKE_FIFO));
	/* Its data is a token, and stays it. */
	EXPECT_EQ(0, batch(wrong, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EINVAL, wrong[1].result);
	EXPECT_EQ(0, batch(exclusive, 2, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(-EINVAL, exclusive[1].result);
	EXPECT_EQ(2, ready(ep));

	right[1].data = TOKEN;
	EXPECT_EQ(3, batch(right, 3, REPOLL_BATCH_ATOMIC));
	EXPECT_EQ(2, registrations(ep));
	EXPECT_EQ(2, ready(ep));
	close(bound);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, del_token(TOKEN));
	EXPECT_EQ(0, registrations(ep));
	close(copy);
}

TEST_HARNESS_MAIN
