// SPDX-License-Identifier: GPL-2.0
/* epoll_create1() and epoll_ctl(): the interest set, its key, every errno. */
#include <sys/resource.h>

#include "eventpoll_test.h"

EVENTPOLL_FIXTURE(ctl);

#define KERNEL_POINTER	((struct epoll_event *)(~0UL - 4095))

TEST_F(ctl, create_takes_only_cloexec)
{
	EXPECT_EQ(-EINVAL, result(backend->create1(~EPOLL_CLOEXEC)));
	EXPECT_EQ(-EINVAL, result(backend->create1(EPOLL_CLOEXEC | O_NONBLOCK)));
	EXPECT_EQ(-EINVAL, result(backend->create1(-1)));
}

TEST_F(ctl, create_sets_cloexec_when_asked)
{
	int plain = backend->create1(0);

	ASSERT_LE(0, plain);
	EXPECT_EQ(FD_CLOEXEC, fcntl(ep, F_GETFD));
	EXPECT_EQ(0, fcntl(plain, F_GETFD));
	close(plain);
}

TEST_F(ctl, create_reports_a_full_fd_table)
{
	struct rlimit limit;
	int fd;

	/* Fill what the limit leaves. */
	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = 32;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	while ((fd = dup(ep)) >= 0)
		;
	ASSERT_EQ(EMFILE, errno);
	EXPECT_EQ(-EMFILE, create());
}

TEST_F(ctl, add_twice_gives_EEXIST)
{
	int fd = new_eventfd(0);

	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EEXIST, add(ep, fd, EPOLLIN));
	/* The first registration is untouched. */
	post(fd);
	EXPECT_EQ(1, ready(ep));
}

TEST_F(ctl, mod_of_unknown_gives_ENOENT)
{
	int fd = new_eventfd(0);

	EXPECT_EQ(-ENOENT, mod(ep, fd, EPOLLIN));
}

TEST_F(ctl, del_of_unknown_gives_ENOENT)
{
	int fd = new_eventfd(0);

	EXPECT_EQ(-ENOENT, del(ep, fd));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(-ENOENT, del(ep, fd));
}

TEST_F(ctl, bad_target_fd_gives_EBADF)
{
	int closed = new_eventfd(0);
	int path = open("/", O_PATH | O_CLOEXEC);

	ASSERT_LE(0, path);
	close(closed);
	EXPECT_EQ(-EBADF, add(ep, closed, EPOLLIN));
	EXPECT_EQ(-EBADF, mod(ep, closed, EPOLLIN));
	EXPECT_EQ(-EBADF, del(ep, closed));
	EXPECT_EQ(-EBADF, add(ep, -1, EPOLLIN));
	EXPECT_EQ(-EBADF, add(ep, INT_MIN, EPOLLIN));
	EXPECT_EQ(-EBADF, add(ep, INT_MAX, EPOLLIN));
	/* An O_PATH fd names a place, not an open file. */
	EXPECT_EQ(-EBADF, add(ep, path, EPOLLIN));
}

TEST_F(ctl, bad_instance_fd_gives_EBADF)
{
	struct epoll_event event;
	int fd = new_eventfd(0);
	int gone = create();

	ASSERT_LE(0, gone);
	close(gone);
	EXPECT_EQ(-EBADF, add(gone, fd, EPOLLIN));
	EXPECT_EQ(-EBADF, add(-1, fd, EPOLLIN));
	EXPECT_EQ(-EBADF, harvest(gone, &event, 1, 0));
	EXPECT_EQ(-EBADF, harvest(-1, &event, 1, 0));
}

TEST_F(ctl, instance_fd_of_another_kind_gives_EINVAL)
{
	struct epoll_event event;
	int fd = new_eventfd(0), fds[2], sock[2];
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int other[5];

	new_pipe(fds);
	new_socketpair(sock, SOCK_STREAM);
	ASSERT_LE(0, dir);
	other[0] = fds[0];
	other[1] = sock[0];
	other[2] = dir;
	other[3] = new_eventfd(0);
	other[4] = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(other); i++) {
		EXPECT_EQ(-EINVAL, add(other[i], fd, EPOLLIN));
		EXPECT_EQ(-EINVAL, mod(other[i], fd, EPOLLIN));
		EXPECT_EQ(-EINVAL, del(other[i], fd));
		EXPECT_EQ(-EINVAL, harvest(other[i], &event, 1, 0));
	}
}

TEST_F(ctl, files_without_poll_give_EPERM)
{
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = new_regular_file();
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ASSERT_LE(0, dir);
	ASSERT_LE(0, null);
	EXPECT_EQ(-EPERM, add(ep, dir, EPOLLIN));
	EXPECT_EQ(-EPERM, add(ep, file, EPOLLIN));
	EXPECT_EQ(-EPERM, add(ep, null, EPOLLIN));
	EXPECT_EQ(-EPERM, mod(ep, file, EPOLLIN));
	EXPECT_EQ(-EPERM, del(ep, file));
}

TEST_F(ctl, an_instance_in_itself_gives_EINVAL)
{
	int copy = dup(ep);

	ASSERT_LE(0, copy);
	EXPECT_EQ(-EINVAL, add(ep, ep, EPOLLIN));
	EXPECT_EQ(-EINVAL, mod(ep, ep, EPOLLIN));
	EXPECT_EQ(-EINVAL, del(ep, ep));
	/* Nor under another number. */
	EXPECT_EQ(-EINVAL, add(ep, copy, EPOLLIN));
}

TEST_F(ctl, unknown_op_gives_EINVAL)
{
	static const int ops[] = { 0, -1, EPOLL_CTL_MOD + 1, 0x10001, INT_MAX, INT_MIN };
	int fd = new_eventfd(0);

	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		EXPECT_EQ(-EINVAL, ctl_data(ep, ops[i], fd, EPOLLIN, fd));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		EXPECT_EQ(-EINVAL, ctl_data(ep, ops[i], fd, EPOLLIN, fd));
}

TEST_F(ctl, bad_event_pointer_gives_EFAULT)
{
	int fd = new_eventfd(1);
	void *hole = mmap(NULL, 2 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *edge = hole + 4096 - sizeof(struct epoll_event) + 1;

	ASSERT_NE(MAP_FAILED, hole);
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, fd, NULL));
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, fd, hole));
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, fd, KERNEL_POINTER));
	/* All but its last byte is readable. */
	ASSERT_EQ(0, mprotect(hole, 4096, PROT_READ | PROT_WRITE));
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, fd, edge));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_MOD, fd, NULL));
	/* As registered. */
	EXPECT_EQ(fd, ready_data(ep));
}

TEST_F(ctl, del_does_not_read_the_event)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, ctl(ep, EPOLL_CTL_DEL, fd, KERNEL_POINTER));
}

TEST_F(ctl, two_bad_arguments)
{
	int closed = new_eventfd(0);
	int file = new_regular_file();
	int pipes[2];

	new_pipe(pipes);
	close(closed);
	/*
	 * An ioctl starts with its file: repoll knows a bad instance before it
	 * looks at the rest. In-tree epoll copies the event first, and asks for
	 * a pollable target before it asks for an instance.
	 */
	EXPECT_EQ(on_repoll() ? -EBADF : -EFAULT, ctl(closed, EPOLL_CTL_ADD, ep, NULL));
	EXPECT_EQ(on_repoll() ? -EINVAL : -EPERM, add(pipes[0], file, EPOLLIN));
	/* The same on both. */
	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, closed, NULL));
	EXPECT_EQ(-EFAULT, ctl(ep, 99, closed, NULL));
	EXPECT_EQ(-EBADF, ctl_data(ep, 99, closed, EPOLLIN, 0));
	EXPECT_EQ(-EPERM, ctl_data(ep, 99, file, EPOLLIN, 0));
	EXPECT_EQ(-EPERM, add(ep, file, EPOLLIN | EPOLLPRI | EPOLLEXCLUSIVE));
}

TEST_F(ctl, wait_checks_maxevents)
{
	static struct epoll_event events[4];
	const int limit = INT_MAX / sizeof(struct epoll_event);
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(-EINVAL, harvest(ep, events, 0, 0));
	EXPECT_EQ(-EINVAL, harvest(ep, events, -1, 0));
	EXPECT_EQ(-EINVAL, harvest(ep, events, INT_MIN, 0));
	EXPECT_EQ(-EINVAL, harvest(ep, events, INT_MAX, 0));
	EXPECT_EQ(-EINVAL, harvest(ep, events, limit + 1, 0));
	EXPECT_EQ(1, harvest(ep, events, limit, 0));
	/* Not even a wait that would block. */
	EXPECT_EQ(-EINVAL, harvest(ep, events, 0, -1));
}

TEST_F(ctl, wait_checks_the_address_range_first)
{
	/* Nothing is ready: nothing would be stored there. */
	EXPECT_EQ(0, harvest(ep, NULL, 1, 0));
	/* A 32-bit program has no name for an address of the kernel's. */
	if (sizeof(long) == 8) {
		EXPECT_EQ(-EFAULT, harvest(ep, KERNEL_POINTER, 1, 0));
		EXPECT_EQ(-EFAULT, harvest(ep, KERNEL_POINTER, 1, -1));
	}
}

/* Seen elsewhere (Starnix, gVisor): a refused ADD was found again by the next. */
TEST_F(ctl, failed_add_leaves_nothing)
{
	int fd = new_eventfd(1);
	int file = new_regular_file();

	EXPECT_EQ(-EFAULT, ctl(ep, EPOLL_CTL_ADD, fd, NULL));
	EXPECT_EQ(-ENOENT, del(ep, fd));
	EXPECT_EQ(-EINVAL, add(ep, fd, EPOLLIN | EPOLLPRI | EPOLLEXCLUSIVE));
	EXPECT_EQ(-ENOENT, del(ep, fd));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(-EPERM, add(ep, file, EPOLLIN));
	EXPECT_EQ(-EPERM, add(ep, file, EPOLLIN));
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(ctl, two_numbers_of_one_description_are_two_registrations)
{
	struct epoll_event events[4];
	int fd = new_eventfd(1);
	int copy = dup(fd);

	ASSERT_LE(0, copy);
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, add(ep, copy, EPOLLIN));
	ASSERT_EQ(2, harvest(ep, events, 4, 0));
	EXPECT_NE(events[0].data.u64, events[1].data.u64);
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(copy, ready_data(ep));
	EXPECT_EQ(0, del(ep, copy));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(ctl, one_number_of_two_descriptions_is_two_registrations)
{
	struct epoll_event events[4];
	int fd = new_eventfd(1), other = new_eventfd(1);
	int keep = dup(fd);

	ASSERT_LE(0, keep);
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1));
	ASSERT_EQ(fd, dup2(other, fd));
	/* The number now means another description, which is not in the set. */
	EXPECT_EQ(-ENOENT, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(-ENOENT, del(ep, fd));
	/* The old one still is, and nobody can name it. */
	EXPECT_EQ(1, ready_data(ep));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 2));
	EXPECT_EQ(2, harvest(ep, events, 4, 0));
	/* The old description under its own number again: it can be named. */
	ASSERT_EQ(fd, dup2(keep, fd));
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(2, ready_data(ep));
}

TEST_F(ctl, mod_replaces_mask_and_data)
{
	struct epoll_event event;
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, sock[0], EPOLLIN, 1));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, sock[0], EPOLLOUT, ~0ULL));
	ASSERT_EQ(1, harvest(ep, &event, 1, 0));
	EXPECT_EQ(EPOLLOUT, event.events);
	EXPECT_EQ(~0ULL, event.data.u64);
	EXPECT_EQ(0, mod(ep, sock[0], EPOLLIN));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(ctl, data_comes_back_bit_for_bit)
{
	static const uint64_t patterns[] = {
		0, 1, 0x8000000000000000ULL, ~0ULL, 0x0123456789abcdefULL, 0xffffffffULL,
	};
	struct epoll_event event;
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++) {
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_MOD, fd, EPOLLIN, patterns[i]));
		ASSERT_EQ(1, harvest(ep, &event, 1, 0));
		EXPECT_EQ(patterns[i], event.data.u64);
	}
}

TEST_F(ctl, mod_that_drops_the_event_clears_readiness)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(0, mod(ep, fd, 0));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, mod(ep, fd, EPOLLIN));
	EXPECT_EQ(1, ready(ep));
}

TEST_F(ctl, del_forgets_a_pending_event)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	post(fd);
	EXPECT_EQ(0, del(ep, fd));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(ctl, many_registrations_come_and_go)
{
	enum { MANY = 500 };
	static struct epoll_event events[MANY + 1];
	static int fds[MANY];
	static int seen[MANY + 64];

	for (int i = 0; i < MANY; i++) {
		fds[i] = new_eventfd(1);
		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fds[i], EPOLLIN, i));
	}
	ASSERT_EQ(MANY, harvest(ep, events, MANY + 1, 0));
	for (int i = 0; i < MANY; i++)
		seen[events[i].data.u64]++;
	for (int i = 0; i < MANY; i++)
		ASSERT_EQ(1, seen[i]);
	for (int i = 0; i < MANY; i += 2)
		ASSERT_EQ(0, del(ep, fds[i]));
	ASSERT_EQ(MANY / 2, harvest(ep, events, MANY + 1, 0));
	for (int i = 0; i < MANY / 2; i++)
		EXPECT_EQ(1U, events[i].data.u64 % 2);
}

TEST_F(ctl, instance_is_neither_read_nor_written)
{
	char byte;

	EXPECT_EQ(-EINVAL, result(read(ep, &byte, 1)));
	EXPECT_EQ(-EINVAL, result(write(ep, "", 1)));
}

TEST_HARNESS_MAIN
