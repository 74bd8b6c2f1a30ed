// SPDX-License-Identifier: GPL-2.0
/* Reading statistics: of many registrations, with bad input, and by other users. */
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "bad_input.h"
#include "stats.h"

REPOLL_FIXTURE(stats_read);

static int stats(struct repoll_stats *request)
{
	return result(ioctl(ep, REPOLL_IOC_STATS, request));
}

/* Bad input. */

TEST_F(stats_read, bad_requests_give_EINVAL_and_change_nothing)
{
	struct repoll_stats_record record;
	struct repoll_stats good = {
		.op = REPOLL_STATS_READ, .records = (uintptr_t)&record, .nr_records = 1,
	};

	ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	ASSERT_EQ(0, repoll_stats_on(ep));
	for (unsigned int op = 3; op; op <<= 1) {
		struct repoll_stats bad = good;

		bad.op = op;
		EXPECT_EQ(-EINVAL, stats(&bad));
	}
	for (int bit = 0; bit < 32; bit++) {
		struct repoll_stats bad = good;

		bad.reserved = 1U << bit;
		EXPECT_EQ(-EINVAL, stats(&bad));
	}
	for (unsigned int op = REPOLL_STATS_OFF; op <= REPOLL_STATS_ON; op++) {
		EXPECT_EQ(-EINVAL, stats(&(struct repoll_stats){ .op = op, .cursor = 1 }));
		EXPECT_EQ(-EINVAL, stats(&(struct repoll_stats){ .op = op, .nr_records = 1 }));
		EXPECT_EQ(-EINVAL, stats(&(struct repoll_stats){ .op = op, .instance = 8 }));
		EXPECT_EQ(-EINVAL, stats(&(struct repoll_stats){ .op = op, .records = 8 }));
	}
	for (unsigned int n = INT_MAX / sizeof(record) + 1; n; n <<= 1) {
		struct repoll_stats bad = good;

		bad.nr_records = n;
		EXPECT_EQ(-EINVAL, stats(&bad));
	}
	good.nr_records = INT_MAX / sizeof(record);
	EXPECT_EQ(1, stats(&good));
	EXPECT_EQ(REPOLL_STATS_END, good.cursor);
	/* They are still on. */
	EXPECT_EQ(1, repoll_stats_on(ep));
}

TEST_F(stats_read, bad_pointers_give_EFAULT)
{
	struct repoll_stats_instance instance;
	struct repoll_stats_record records[2];

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int kind = 0; kind < POINTERS; kind++) {
		void *bad = bad_pointer(kind);

		if (kind != READ_ONLY)
			EXPECT_EQ(-EFAULT, stats(bad));
		EXPECT_EQ(-EFAULT, result(repoll_stats_read(ep, &instance, bad, 2, NULL)));
		if (bad)
			EXPECT_EQ(-EFAULT, result(repoll_stats_read(ep, bad, records, 2, NULL)));
	}
	/* The second record does not fit. */
	EXPECT_EQ(-EFAULT, result(repoll_stats_read(ep, NULL, (void *)((char *)edge_of_page() -
						    sizeof(records[0])), 2, NULL)));
	EXPECT_EQ(2, repoll_stats_read(ep, NULL, records, 2, NULL));
}

TEST_F(stats_read, any_cursor_is_fine)
{
	struct repoll_stats_record records[8];

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < 4; i++)
		ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	for (unsigned int slot = 1; slot; slot <<= 1) {
		unsigned int cursor = slot;

		EXPECT_LE(0, repoll_stats_read(ep, NULL, records, 8, &cursor));
		cursor = slot - 1;
		EXPECT_LE(0, repoll_stats_read(ep, NULL, records, 8, &cursor));
		cursor = -slot;
		EXPECT_LE(0, repoll_stats_read(ep, NULL, records, 8, &cursor));
		EXPECT_EQ(REPOLL_STATS_END, cursor);
		EXPECT_EQ(0, repoll_stats_read(ep, NULL, records, 8, &cursor));
	}
}

TEST_F(stats_read, writes_what_it_says_and_no_more)
{
	struct { struct repoll_stats_record records[3]; char guard[64]; } out, other;
	struct { struct repoll_stats_instance stats; char guard[64]; } one;

	for (int i = 0; i < 2; i++)
		ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int fill = 0; fill < 256; fill += 255) {
		memset(&out, fill, sizeof(out));
		memset(&other, ~fill, sizeof(other));
		memset(&one, fill, sizeof(one));
		ASSERT_EQ(2, repoll_stats_read(ep, &one.stats, out.records, 3, NULL));
		ASSERT_EQ(2, repoll_stats_read(ep, NULL, other.records, 3, NULL));
		/* Each byte of a record is the kernel's. */
		EXPECT_EQ(0, memcmp(out.records, other.records, 2 * sizeof(out.records[0])));
		for (const char *p = (char *)&out.records[2]; p < (char *)(&out + 1); p++)
			ASSERT_EQ((char)fill, *p);
		for (size_t i = 0; i < sizeof(one.guard); i++)
			ASSERT_EQ((char)fill, one.guard[i]);
	}
}

/* Many. */

/* More take minutes where slabs are checked; samples/hot_fd.c has 10,000. */
enum { MANY = 1500 };

static int *new_many(struct __test_metadata *_metadata)
{
	static int fds[MANY];
	struct rlimit limit = { MANY + 100, MANY + 100 };

	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, add(ep, fds[i] = new_eventfd(0), EPOLLIN | EPOLLET));
	return fds;
}

/* Reads all records, so many at a time; how often each fd is among them goes to @seen. */
static int read_in_parts(unsigned int at_once, unsigned char *seen)
{
	static struct repoll_stats_record records[MANY];
	unsigned int cursor = 0;
	int all = 0, n;

	memset(seen, 0, MANY + 100);
	do {
		n = MUST(repoll_stats_read(ep, NULL, records, at_once, &cursor));
		for (int i = 0; i < n; i++)
			seen[records[i].fd]++;
		all += n;
	} while (n == (int)at_once);
	return all;
}

TEST_F(stats_read, each_of_many_is_read_once)
{
	static const unsigned int parts[] = { 7, 64, 65, 1000, MANY };
	static unsigned char seen[MANY + 100];
	int *fds = new_many(_metadata);

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		EXPECT_EQ(MANY, read_in_parts(parts[i], seen));
		for (int j = 0; j < MANY; j++)
			ASSERT_EQ(1, seen[fds[j]]);
	}
	/* Most of them go, and others come in their places. */
	for (int i = 0; i < MANY; i += 1 + (i % 10 == 0))
		ASSERT_EQ(0, del(ep, fds[i]));
	EXPECT_EQ((int)instance_stats().registrations, read_in_parts(100, seen));
	for (int i = 0; i < MANY; i++) {
		int ret = add(ep, fds[i], EPOLLIN | EPOLLET);

		ASSERT_TRUE(ret == 0 || ret == -EEXIST);
	}
	EXPECT_EQ(MANY, read_in_parts(100, seen));
	for (int j = 0; j < MANY; j++)
		ASSERT_EQ(1, seen[fds[j]]);
}

TEST_F(stats_read, hot_one_of_many_is_found)
{
	static struct repoll_stats_record records[MANY];
	const struct repoll_stats_record *hot = records;
	int *fds = new_many(_metadata);

	ASSERT_EQ(0, repoll_stats_on(ep));
	for (int i = 0; i < 500; i++) {
		post(fds[i]);
		post(fds[777]);
	}
	ASSERT_EQ(MANY, repoll_stats_read(ep, NULL, records, MANY, NULL));
	for (int i = 1; i < MANY; i++) {
		if (records[i].wakes > hot->wakes)
			hot = &records[i];
	}
	EXPECT_EQ(fds[777], hot->fd);
	EXPECT_EQ(500, hot->wakes);
	EXPECT_EQ(getpid(), hot->waker_pid);
}

/* Who may see whom. */

/* In a child that is another user from here on. */
static void become(uid_t uid)
{
	MUST(setgroups(0, NULL));
	MUST(setresuid(uid, uid, uid));
}

TEST_F(stats_read, other_users_are_hidden)
{
	int fd = counted_eventfd(), status;
	struct repoll_stats_record record;
	pid_t pid;

	if (getuid())
		SKIP(return, "needs root");
	post(fd);
	record = record_of(fd);
	EXPECT_EQ(REPOLL_WAKER_TASK, record.waker);
	EXPECT_EQ(getpid(), record.waker_pid);
	pid = MUST(fork());
	if (!pid) {
		become(65534);
		record = record_of(fd);
		EXPECT_EQ(REPOLL_WAKER_HIDDEN, record.waker);
		EXPECT_EQ(0, record.waker_pid);
		EXPECT_EQ(0, record.waker_tid);
		EXPECT_STREQ("", record.waker_comm);
		EXPECT_EQ(1, record.wakes);
		/* Itself it sees. */
		prctl(PR_SET_NAME, "nobody");
		post(fd);
		record = record_of(fd);
		EXPECT_EQ(REPOLL_WAKER_TASK, record.waker);
		EXPECT_EQ(getpid(), record.waker_pid);
		EXPECT_STREQ("nobody", record.waker_comm);
		_exit(_metadata->exit_code == KSFT_FAIL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* Who may trace anybody sees everybody. */
	EXPECT_EQ(pid, record_of(fd).waker_pid);
	EXPECT_STREQ("nobody", record_of(fd).waker_comm);
	/* A third user sees neither. */
	pid = MUST(fork());
	if (!pid) {
		become(65533);
		_exit(record_of(fd).waker != REPOLL_WAKER_HIDDEN);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_F(stats_read, numbers_are_not_told_in_another_namespace)
{
	int fd = counted_eventfd(), status;
	struct repoll_stats_record record;
	pid_t pid;

	if (getuid())
		SKIP(return, "needs root");
	if (unshare(CLONE_NEWPID) && errno == EINVAL)
		SKIP(return, "the kernel has no namespaces of process numbers");
	pid = MUST(fork());
	if (!pid) {
		post(fd);
		record = record_of(fd);
		EXPECT_EQ(REPOLL_WAKER_TASK, record.waker);
		EXPECT_EQ(0, record.waker_pid);
		EXPECT_EQ(0, record.waker_tid);
		/* Switched on in here, the numbers are those in here. */
		EXPECT_EQ(0, repoll_stats_off(ep));
		EXPECT_EQ(0, repoll_stats_on(ep));
		post(fd);
		EXPECT_EQ(1, record_of(fd).waker_pid);
		EXPECT_EQ(1, record_of(fd).waker_tid);
		_exit(_metadata->exit_code == KSFT_FAIL);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, record_of(fd).waker_pid);
	/* Whoever is outside has no number in there. */
	ASSERT_EQ(0, repoll_stats_off(ep));
	ASSERT_EQ(0, repoll_stats_on(ep));
	post(fd);
	EXPECT_EQ(getpid(), record_of(fd).waker_pid);
}

TEST_HARNESS_MAIN
