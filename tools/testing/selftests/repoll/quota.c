// SPDX-License-Identifier: GPL-2.0
/*
 * max_user_watches: how many registrations a user may have. The tests run as
 * real users of their own, with root's privileges, and restore the limit.
 */
#include "eventpoll_test.h"

FIXTURE(quota) {
	long limit;	/* as found */
};

FIXTURE_VARIANT(quota) {
	const struct backend *backend;
	const char *sysctl;
};

FIXTURE_VARIANT_ADD(quota, epoll) {
	.backend = &backend_epoll,
	.sysctl = "/proc/sys/fs/epoll/max_user_watches",
};

FIXTURE_VARIANT_ADD(quota, repoll) {
	.backend = &backend_repoll,
	.sysctl = "/proc/sys/fs/repoll/max_user_watches",
};

enum { LIMIT = 8, USER = 64321, OTHER_USER = 64322 };

static long read_limit(const char *path)
{
	FILE *file = fopen(path, "re");
	long limit = -1;

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &limit) != 1)
		limit = -EIO;
	fclose(file);
	return limit;
}

static int write_limit(const char *path, long limit)
{
	FILE *file = fopen(path, "we");
	int ret;

	if (!file)
		return -errno;
	fprintf(file, "%ld\n", limit);
	ret = result(fflush(file));
	fclose(file);
	return ret;
}

FIXTURE_SETUP(quota)
{
	backend = variant->backend;
	if (geteuid())
		SKIP(return, "needs root");
	self->limit = read_limit(variant->sysctl);
	ASSERT_LT(0, self->limit) {
		TH_LOG("%s: %s", variant->sysctl, strerror(-self->limit));
	}
	/* A user is the real uid; the privileges are those of the effective one. */
	ASSERT_EQ(0, setresuid(USER, 0, 0));
	ASSERT_EQ(0, write_limit(variant->sysctl, LIMIT));
	ep = create();
	ASSERT_LE(0, ep);
}

/* By the parent: also when the test was killed. */
FIXTURE_TEARDOWN_PARENT(quota)
{
	if (self->limit > 0)
		write_limit(variant->sysctl, self->limit);
}

/* Add new fds until that fails: how many went in. */
static int add_until_refused(struct __test_metadata *_metadata, int epfd, int *fds, int max)
{
	for (int n = 0; n < max; n++) {
		int ret;

		fds[n] = new_eventfd(0);
		ret = add(epfd, fds[n], EPOLLIN);
		if (ret) {
			EXPECT_EQ(-ENOSPC, ret);
			return n;
		}
	}
	return max;
}

TEST_F(quota, limit_is_the_number_of_registrations)
{
	int fds[LIMIT + 1];

	EXPECT_EQ(LIMIT, read_limit(variant->sysctl));
	EXPECT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	EXPECT_EQ(LIMIT, registrations(ep));
}

TEST_F(quota, refused_add_leaves_nothing)
{
	int fds[LIMIT + 1];

	ASSERT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	EXPECT_EQ(-ENOENT, del(ep, fds[LIMIT]));
	EXPECT_EQ(-ENOSPC, add(ep, fds[LIMIT], EPOLLIN));
	ASSERT_EQ(0, del(ep, fds[0]));
	EXPECT_EQ(0, add(ep, fds[LIMIT], EPOLLIN));
	EXPECT_EQ(-ENOSPC, add(ep, fds[0], EPOLLIN));
}

TEST_F(quota, mod_and_wait_work_at_the_limit)
{
	int fds[LIMIT + 1];

	ASSERT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	post(fds[0]);
	EXPECT_EQ(0, mod(ep, fds[0], EPOLLIN | EPOLLET));
	EXPECT_EQ(1, ready(ep));
}

/* Close of a number, while a duplicate keeps the file: see REPOLL_CTL_BIND. */
TEST_F(quota, only_a_bound_registration_gives_back_with_its_number)
{
	unsigned int flags = on_repoll() ? REPOLL_CTL_BIND : 0;
	struct epoll_event event = { .events = EPOLLIN };

	for (int i = 0; i < 3 * LIMIT; i++) {
		int fd = new_eventfd(1), ret;

		ret = flags ? result(repoll_ctl_flags(ep, EPOLL_CTL_ADD, fd, &event, flags))
			    : ctl(ep, EPOLL_CTL_ADD, fd, &event);
		EXPECT_EQ(on_repoll() || i < LIMIT ? 0 : -ENOSPC, ret);
		MUST(dup(fd));
		close(fd);
	}
}

TEST_F(quota, del_close_and_end_of_instance_give_back)
{
	int fds[LIMIT + 1], other = create();

	ASSERT_LE(0, other);
	for (int how = 0; how < 3; how++) {
		ASSERT_EQ(LIMIT, add_until_refused(_metadata, other, fds, LIMIT + 1)) {
			TH_LOG("way %d did not give back", how - 1);
		}
		switch (how) {
		case 0:
			for (int i = 0; i < LIMIT; i++)
				ASSERT_EQ(0, del(other, fds[i]));
			break;
		case 1:
			for (int i = 0; i < LIMIT; i++)
				close(fds[i]);
			break;
		case 2:
			close(other);
			break;
		}
	}
	EXPECT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
}

TEST_F(quota, failed_adds_cost_nothing)
{
	int file = new_regular_file(), inner = create();
	int fd = new_eventfd(0), other = new_eventfd(0), fds[LIMIT + 1];

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, inner, EPOLLIN));
	for (int i = 0; i < 3 * LIMIT; i++) {
		ASSERT_EQ(-EEXIST, add(ep, fd, EPOLLIN));
		ASSERT_EQ(-EPERM, add(ep, file, EPOLLIN));
		ASSERT_EQ(-EINVAL, add(ep, ep, EPOLLIN));
		ASSERT_EQ(-ELOOP, add(inner, ep, EPOLLIN));
		ASSERT_EQ(-EINVAL, add(ep, other, EPOLLPRI | EPOLLEXCLUSIVE));
	}
	EXPECT_EQ(LIMIT - 2, add_until_refused(_metadata, ep, fds, LIMIT + 1));
}

TEST_F(quota, is_shared_by_the_instances_of_a_user)
{
	int fds[LIMIT + 1], other = create();

	ASSERT_LE(0, other);
	ASSERT_EQ(3, add_until_refused(_metadata, other, fds, 3));
	EXPECT_EQ(LIMIT - 3, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	EXPECT_EQ(-ENOSPC, add(other, new_eventfd(0), EPOLLIN));
}

TEST_F(quota, another_user_has_one_of_its_own)
{
	int fds[LIMIT + 1];
	pid_t child;

	ASSERT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		int mine;

		ASSERT_EQ(0, setresuid(OTHER_USER, 0, 0));
		mine = create();
		EXPECT_EQ(LIMIT, add_until_refused(_metadata, mine, fds, LIMIT + 1));
		/* An instance is charged to who created it. */
		EXPECT_EQ(-ENOSPC, add(ep, new_eventfd(0), EPOLLIN));
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

TEST_F(quota, lowered_limit_keeps_what_is_there)
{
	int fds[LIMIT + 1];

	ASSERT_EQ(LIMIT, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	ASSERT_EQ(0, write_limit(variant->sysctl, 2));
	EXPECT_EQ(LIMIT, registrations(ep));
	ASSERT_EQ(0, del(ep, fds[0]));
	EXPECT_EQ(-ENOSPC, add(ep, fds[0], EPOLLIN));
	ASSERT_EQ(0, write_limit(variant->sysctl, 0));
	EXPECT_EQ(-ENOSPC, add(ep, fds[0], EPOLLIN));
	ASSERT_EQ(0, write_limit(variant->sysctl, LIMIT + 1));
	EXPECT_EQ(0, add(ep, fds[0], EPOLLIN));
}

TEST_F(quota, limit_is_written_by_root_only)
{
	pid_t child = fork();

	ASSERT_LE(0, child);
	if (!child) {
		ASSERT_EQ(0, setresuid(USER, USER, USER));
		EXPECT_EQ(-EACCES, write_limit(variant->sysctl, 1000000));
		EXPECT_EQ(LIMIT, read_limit(variant->sysctl));
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
}

/* Both implementations count into the user's one counter. */
TEST_F(quota, in_tree_watches_count_too)
{
	int fds[LIMIT + 1], in_tree = epoll_create1(EPOLL_CLOEXEC);

	ASSERT_LE(0, in_tree);
	for (int i = 0; i < 5; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		ASSERT_EQ(0, epoll_ctl(in_tree, EPOLL_CTL_ADD, new_eventfd(0), &event));
	}
	EXPECT_EQ(LIMIT - 5, add_until_refused(_metadata, ep, fds, LIMIT + 1));
	close(in_tree);
	EXPECT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
}

TEST_HARNESS_MAIN
