// SPDX-License-Identifier: GPL-2.0
/*
 * REPOLL_CTL_BIND: a registration that ends when its number is closed, by
 * whatever closes it, though the file stay open elsewhere.
 */
#include <sys/resource.h>

#include "flagged.h"
#include "uring.h"
#include "waiter.h"

REPOLL_FIXTURE(fd_lifetime);

TEST_F(fd_lifetime, close_ends_it)
{
	struct bound b = bound();

	close(b.fd);
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, close_of_the_copy_does_not)
{
	struct bound b = bound();

	close(b.copy);
	EXPECT_EQ(b.fd, ready_data(ep));
	EXPECT_EQ(0, mod(ep, b.fd, EPOLLOUT));
	EXPECT_EQ(EPOLLOUT, revents(ep));
	EXPECT_EQ(0, del(ep, b.fd));
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fd_lifetime, without_the_flag_it_stays)
{
	int fd = new_eventfd(1), copy = dup(fd);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, bind_fd(copy, EPOLLIN));
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	close(fd);
	EXPECT_EQ(2, ready(ep));
	close(copy);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(fd_lifetime, dup2_over_it_ends_it)
{
	struct bound b = bound();

	ASSERT_EQ(b.fd, dup2(new_eventfd(1), b.fd));
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, dup3_over_it_ends_it)
{
	struct bound b = bound();

	ASSERT_EQ(b.fd, dup3(new_eventfd(1), b.fd, O_CLOEXEC));
	expect_ended(_metadata, &b);
}

/* The number leads to the file before and after: that it was closed is not to be seen. */
TEST_F(fd_lifetime, dup2_of_the_same_file_over_it_does_not)
{
	struct bound b = bound();

	ASSERT_EQ(b.fd, dup2(b.copy, b.fd));
	EXPECT_EQ(b.fd, ready_data(ep));
	close(b.fd);
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, close_range_ends_it)
{
	struct bound b = bound();

	ASSERT_EQ(0, syscall(SYS_close_range, b.fd, b.fd, 0));
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, io_uring_ends_it)
{
	struct bound b = bound();
	struct completion done;
	struct uring ring = {};

	if (uring_open(&ring))
		SKIP(return, "no io_uring");
	uring_submit(&ring, &(struct io_uring_sqe){ .opcode = IORING_OP_CLOSE, .fd = b.fd });
	done = uring_take(&ring);
	ASSERT_EQ(0, done.res);
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, in_flight_does_not_keep_it)
{
	struct bound b = bound();
	int sock[2];

	new_socketpair(sock, SOCK_STREAM);
	send_fd(sock[0], b.fd);
	close(b.copy);
	close(b.fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	b.copy = receive_fd(sock[1]);
	expect_ended(_metadata, &b);
}

TEST_F(fd_lifetime, each_number_ends_its_own)
{
	int fd = new_eventfd(1), fds[10];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = dup(fd);
		ASSERT_EQ(0, bind_fd(fds[i], EPOLLIN));
	}
	for (int i = ARRAY_SIZE(fds); i > 0; i--) {
		EXPECT_EQ(i, registrations(ep));
		EXPECT_EQ(i, ready(ep));
		close(fds[i - 1]);
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fd_lifetime, bindings_of_a_file_are_limited)
{
	enum { MAX = 4096 };
	struct rlimit limit = { MAX + 200, MAX + 200 };
	int fd = new_eventfd(1), other = new_eventfd(1), last;

	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < MAX; i++)
		ASSERT_EQ(0, bind_fd(MUST(dup(fd)), EPOLLIN));
	last = MUST(dup(fd));
	EXPECT_EQ(-ENOSPC, bind_fd(last, EPOLLIN));
	EXPECT_EQ(MAX, registrations(ep));
	/* Those of another file, or without a binding, are not counted. */
	EXPECT_EQ(0, bind_fd(other, EPOLLIN));
	EXPECT_EQ(0, add(ep, last, EPOLLIN));
	EXPECT_EQ(0, del(ep, last));
	close(last - 1);
	EXPECT_EQ(0, bind_fd(last, EPOLLIN));
	close_range(fd + 1, last, 0);
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fd_lifetime, ends_in_every_instance)
{
	struct epoll_event event = { .events = EPOLLIN };
	int eps[10], fd = new_eventfd(1), copy = dup(fd);

	for (size_t i = 0; i < ARRAY_SIZE(eps); i++) {
		eps[i] = create();
		ASSERT_EQ(0, repoll_ctl_flags(eps[i], EPOLL_CTL_ADD, fd, &event,
					      REPOLL_CTL_BIND));
	}
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(eps); i++) {
		EXPECT_EQ(0, registrations(eps[i]));
		EXPECT_EQ(0, ready(eps[i]));
	}
	close(copy);
}

TEST_F(fd_lifetime, instance_may_go_first)
{
	struct bound b = bound();
	int other = create();

	close(ep);
	post(b.copy);
	close(b.fd);
	close(b.copy);
	ep = other;
	b = bound();
	close(b.copy);
	close(b.fd);
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(fd_lifetime, instances_are_files_too)
{
	int inner = create(), copy = dup(inner), fd = new_eventfd(1);
	int theirs = MUST(epoll_create1(EPOLL_CLOEXEC)), their_copy = dup(theirs);
	struct epoll_event event = { .events = EPOLLIN };

	ASSERT_EQ(0, add(inner, fd, EPOLLIN));
	ASSERT_EQ(0, epoll_ctl(theirs, EPOLL_CTL_ADD, fd, &event));
	ASSERT_EQ(0, bind_fd(inner, EPOLLIN));
	ASSERT_EQ(0, bind_fd(theirs, EPOLLIN));
	EXPECT_EQ(2, ready(ep));
	close(inner);
	close(theirs);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	/* Neither is below ours any more. */
	EXPECT_EQ(0, add(copy, ep, EPOLLIN));
	EXPECT_EQ(0, epoll_ctl(their_copy, EPOLL_CTL_ADD, ep, &event));
}

TEST_F(fd_lifetime, goes_with_oneshot_exclusive_and_a_token)
{
	static const uint32_t events[] = {
		EPOLLIN, EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLWAKEUP,
	};

	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct bound b = { .fd = new_eventfd(1) };

		b.copy = dup(b.fd);
		ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, b.fd, events[i], 7,
				       REPOLL_CTL_BIND | REPOLL_CTL_TOKEN));
		EXPECT_EQ(7, ready_data(ep));
		if (!(events[i] & EPOLLEXCLUSIVE)) {
			EXPECT_EQ(0, mod_token(events[i], 7));
			EXPECT_EQ(7, ready_data(ep));
			EXPECT_EQ(0, mod_token(events[i], 7));
		}
		close(b.fd);
		EXPECT_EQ(-ENOENT, mod_token(EPOLLIN, 7));
		expect_ended(_metadata, &b);
		/* Removed by its token, it is not there to be ended. */
		ASSERT_EQ(0, ctl_flags(EPOLL_CTL_ADD, b.copy, events[i], 7,
				       REPOLL_CTL_BIND | REPOLL_CTL_TOKEN));
		EXPECT_EQ(0, del_token(7));
		close(b.copy);
		EXPECT_EQ(0, registrations(ep));
	}
}

TEST_F(fd_lifetime, errnos)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, bind_fd(fd, EPOLLIN));
	EXPECT_EQ(-EEXIST, bind_fd(fd, EPOLLIN));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_MOD, fd, EPOLLIN, 0, REPOLL_CTL_BIND));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_DEL, fd, EPOLLIN, 0, REPOLL_CTL_BIND));
	EXPECT_EQ(-EINVAL, ctl_flags(EPOLL_CTL_DEL, -1, EPOLLIN, 0,
				     REPOLL_CTL_BIND | REPOLL_CTL_TOKEN));
	EXPECT_EQ(-EINVAL, ctl_flags(99, fd, EPOLLIN, 0, REPOLL_CTL_BIND));
	EXPECT_EQ(-EBADF, bind_fd(-1, EPOLLIN));
	EXPECT_EQ(-EPERM, bind_fd(new_regular_file(), EPOLLIN));
	EXPECT_EQ(-EINVAL, bind_fd(ep, EPOLLIN));
	EXPECT_EQ(fd, ready_data(ep));
	EXPECT_EQ(1, registrations(ep));
}

TEST_F(fd_lifetime, sleeping_waiter_is_not_disturbed)
{
	struct bound b = bound();
	int other = new_eventfd(0);
	struct waiter w;

	drain(b.copy);
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	waiter_start(&w, ep, -1);
	close(b.fd);
	post(b.copy);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(other);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ((uint64_t)other, w.event.data.u64);
}

TEST_F(fd_lifetime, ended_exclusive_one_does_not_eat_wakeups)
{
	int fd = new_eventfd(0), copy = dup(fd), second = create();
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE };
	struct waiter w;

	ASSERT_EQ(0, bind_fd(fd, EPOLLIN | EPOLLEXCLUSIVE));
	ASSERT_EQ(0, repoll_ctl_flags(second, EPOLL_CTL_ADD, copy, &event, REPOLL_CTL_BIND));
	close(fd);
	waiter_start(&w, second, -1);
	post(copy);
	EXPECT_EQ(1, waiter_join(&w));
}

TEST_F(fd_lifetime, hook_comes_and_goes)
{
	for (int i = 0; i < 3; i++) {
		struct bound b = bound();

		close(b.fd);
		expect_ended(_metadata, &b);
		close(b.copy);
		close(ep);
		/* It is there for a second more: once kept, then let go. */
		sleep_ms(i ? 2000 : 10);
		ep = create();
		ASSERT_LE(0, ep);
	}
}

TEST_HARNESS_MAIN
