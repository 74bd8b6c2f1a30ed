// SPDX-License-Identifier: GPL-2.0
/* /proc/<pid>/fdinfo of an instance: in-tree's format, which checkpoint tools parse. */
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(fdinfo);

enum { LINE = 160 };

/* The "tfd:" lines of an instance, sorted: the order is not part of the format. */
static int tfd_lines(int epfd, char (*lines)[LINE], int max)
{
	char path[64];
	FILE *info;
	int n = 0;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	info = fopen(path, "re");
	MUST(info ? 0 : -1);
	while (n < max && fgets(lines[n], LINE, info))
		n += !strncmp(lines[n], "tfd:", 4);
	fclose(info);
	qsort(lines, n, LINE, (int (*)(const void *, const void *))strcmp);
	return n;
}

TEST_F(fdinfo, empty_instance_has_no_tfd_line)
{
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fdinfo, line_tells_fd_events_data_and_inode)
{
	unsigned long long data, ino;
	char line[1][LINE], want[LINE];
	struct stat st;
	long long pos;
	int fd = new_eventfd(0);
	unsigned int events, sdev;
	int tfd;

	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0xfedcba9876543210ULL));
	ASSERT_EQ(1, tfd_lines(ep, line, 1));
	ASSERT_EQ(6, sscanf(line[0], "tfd: %d events: %x data: %llx pos:%lli ino:%llx sdev:%x",
			    &tfd, &events, &data, &pos, &ino, &sdev));
	ASSERT_EQ(0, fstat(fd, &st));
	EXPECT_EQ(fd, tfd);
	/* Errors and hangups are always asked for. */
	EXPECT_EQ(EPOLLIN | EPOLLET | EPOLLERR | EPOLLHUP, events);
	EXPECT_EQ(0xfedcba9876543210ULL, data);
	EXPECT_EQ(0, pos);
	EXPECT_EQ(st.st_ino, ino);
	/* In the kernel's own encoding of a device number. */
	EXPECT_EQ(major(st.st_dev) << 20 | minor(st.st_dev), sdev);
	snprintf(want, sizeof(want),
		 "tfd: %8d events: %8x data: %16llx  pos:%lli ino:%llx sdev:%x\n",
		 tfd, events, data, pos, ino, sdev);
	EXPECT_STREQ(want, line[0]);
}

TEST_F(fdinfo, lines_are_those_of_in_tree_epoll)
{
	char seen[8][LINE], want[8][LINE];
	int reference = epoll_create1(EPOLL_CLOEXEC), fds[2], sock[2];
	int watched[6];
	uint32_t masks[] = {
		EPOLLIN, EPOLLOUT | EPOLLET, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE,
		0, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP,
	};

	new_pipe(fds);
	new_socketpair(sock, SOCK_STREAM);
	watched[0] = fds[0];
	watched[1] = fds[1];
	watched[2] = sock[0];
	watched[3] = sock[1];
	watched[4] = dup(fds[0]);
	watched[5] = new_eventfd(1);
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++) {
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, watched[i], masks[i], ~i));
		ASSERT_EQ(0, result(epoll_ctl(reference, EPOLL_CTL_ADD, watched[i],
					      &(struct epoll_event){ masks[i], { .u64 = ~i } })));
	}
	ASSERT_EQ((int)ARRAY_SIZE(watched), tfd_lines(reference, want, 8));
	ASSERT_EQ((int)ARRAY_SIZE(watched), tfd_lines(ep, seen, 8));
	for (size_t i = 0; i < ARRAY_SIZE(watched); i++)
		EXPECT_STREQ(want[i], seen[i]);
}

TEST_F(fdinfo, mod_changes_the_line)
{
	char before[1][LINE], after[1][LINE];
	unsigned int events;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(1, tfd_lines(ep, before, 1));
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, fd, EPOLLOUT, 99));
	ASSERT_EQ(1, tfd_lines(ep, after, 1));
	EXPECT_STRNE(before[0], after[0]);
	ASSERT_EQ(1, sscanf(after[0], "tfd: %*d events: %x", &events));
	EXPECT_EQ(EPOLLOUT | EPOLLERR | EPOLLHUP, events);
}

TEST_F(fdinfo, disarmed_oneshot_shows_no_events)
{
	char line[1][LINE];
	unsigned int events;

	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN | EPOLLET | EPOLLONESHOT));
	ASSERT_EQ(1, ready(ep));
	ASSERT_EQ(1, tfd_lines(ep, line, 1));
	ASSERT_EQ(1, sscanf(line[0], "tfd: %*d events: %x", &events));
	EXPECT_EQ(EPOLLET | EPOLLONESHOT, events);
}

TEST_F(fdinfo, closed_number_is_still_shown_while_the_file_is_open)
{
	char line[1][LINE];
	int fd = new_eventfd(0), copy = dup(fd), tfd;

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	close(fd);
	ASSERT_EQ(1, tfd_lines(ep, line, 1));
	ASSERT_EQ(1, sscanf(line[0], "tfd: %d", &tfd));
	EXPECT_EQ(fd, tfd);
	close(copy);
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fdinfo, shows_all_of_a_large_set)
{
	enum { MANY = 500 };

	/* More than one page of text. */
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	EXPECT_EQ(MANY, registrations(ep));
}

static void *add_and_del(void *arg)
{
	int fd = new_eventfd(0);

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		add(ep, fd, EPOLLIN);
		del(ep, fd);
	}
	return NULL;
}

TEST_F(fdinfo, may_be_read_while_the_set_changes)
{
	pthread_t thread;
	bool odd = false;

	for (int i = 0; i < 20; i++)
		ASSERT_EQ(0, add(ep, new_eventfd(0), EPOLLIN));
	ASSERT_EQ(0, pthread_create(&thread, NULL, add_and_del, NULL));
	for (int i = 0; i < 100; i++) {
		int n = registrations(ep);

		odd |= n < 20 || n > 21;
	}
	pthread_join(thread, NULL);
	EXPECT_FALSE(odd);
	EXPECT_EQ(20, registrations(ep));
}

TEST_F(fdinfo, link_names_the_kind_of_instance)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", ep);
	ASSERT_LT(0, readlink(path, target, sizeof(target) - 1));
	/* A device has a name in the file system; in-tree epoll has none. */
	EXPECT_STREQ(on_repoll() ? REPOLL_DEVICE : "anon_inode:[eventpoll]", target);
}

TEST_HARNESS_MAIN
