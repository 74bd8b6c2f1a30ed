// SPDX-License-Identifier: GPL-2.0
/*
 * The last close of a watched file description removes its registrations,
 * everywhere and at once; anything that keeps the description open keeps them.
 */
#include <sys/resource.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(close);

/* A child that holds what it inherited until the returned socket is closed. */
static pid_t hold_files(int *release)
{
	int sock[2];
	pid_t pid;

	new_socketpair(sock, SOCK_STREAM);
	pid = MUST(fork());
	if (!pid) {
		char byte;

		close(sock[1]);
		fcntl(sock[0], F_SETFL, 0);
		_exit(read(sock[0], &byte, 1) != 0);
	}
	close(sock[0]);
	*release = sock[1];
	return pid;
}

TEST_F(close, last_close_removes)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	EXPECT_EQ(1, registrations(ep));
	close(fd);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, pending_event_dies_with_the_file)
{
	int fd = new_eventfd(0), edge = new_eventfd(0), other = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, edge, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	post(fd);
	post(edge);
	post(other);
	close(fd);
	close(edge);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(other, ready_data(ep));
}

TEST_F(close, removes_from_every_instance)
{
	enum { MANY = 20 };
	int eps[MANY], fd = new_eventfd(1);

	for (int i = 0; i < MANY; i++) {
		eps[i] = create();
		ASSERT_LE(0, eps[i]);
		ASSERT_EQ(0, add(eps[i], fd, EPOLLIN));
	}
	close(fd);
	for (int i = 0; i < MANY; i++) {
		EXPECT_EQ(0, registrations(eps[i]));
		EXPECT_EQ(0, ready(eps[i]));
	}
}

TEST_F(close, removes_every_kind_of_file)
{
	int pipes[2], stream[2], dgram[2], inner = create();
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int fds[7];

	new_pipe(pipes);
	new_socketpair(stream, SOCK_STREAM);
	new_socketpair(dgram, SOCK_DGRAM);
	fds[0] = pipes[0];
	fds[1] = pipes[1];
	fds[2] = stream[0];
	fds[3] = dgram[0];
	fds[4] = listener;
	fds[5] = udp;
	fds[6] = inner;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN | EPOLLOUT));
	for (int i = ARRAY_SIZE(fds); i > 0; i--) {
		EXPECT_EQ(i, registrations(ep));
		close(fds[i - 1]);
	}
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, dup_keeps_the_registration)
{
	int fd = new_eventfd(0);
	int copy = dup(fd);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	close(fd);
	post(copy);
	/* Known by the number it was added under, which is closed. */
	EXPECT_EQ(fd, ready_data(ep));
	EXPECT_EQ(-EBADF, del(ep, fd));
	close(copy);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, dup2_over_it_removes)
{
	int fd = new_eventfd(1), other = new_eventfd(1);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(fd, dup2(other, fd));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(0, add(ep, fd, EPOLLIN));
}

TEST_F(close, close_range_removes)
{
	int first = new_eventfd(1), second = new_eventfd(1);

	ASSERT_EQ(first + 1, second);
	ASSERT_EQ(0, add(ep, first, EPOLLIN));
	ASSERT_EQ(0, add(ep, second, EPOLLIN));
	ASSERT_EQ(0, syscall(SYS_close_range, first, second, 0));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, fork_keeps_until_the_child_exits)
{
	int fd = new_eventfd(1), release;
	pid_t child;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	child = hold_files(&release);
	close(fd);
	EXPECT_EQ(1, registrations(ep));
	EXPECT_EQ(fd, ready_data(ep));
	close(release);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, killed_owner_removes)
{
	int fd = new_eventfd(1), release;
	pid_t child;

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	child = hold_files(&release);
	close(fd);
	ASSERT_EQ(0, kill(child, SIGKILL));
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, description_in_flight_keeps)
{
	int fd = new_eventfd(1), sock[2], got;

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	send_fd(sock[0], fd);
	close(fd);
	EXPECT_EQ(fd, ready_data(ep));
	got = receive_fd(sock[1]);
	EXPECT_EQ(1, ready(ep));
	close(got);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, description_lost_in_flight_removes)
{
	int fd = new_eventfd(1), sock[2];

	new_socketpair(sock, SOCK_STREAM);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	send_fd(sock[0], fd);
	close(fd);
	EXPECT_EQ(1, registrations(ep));
	/* Nobody received it: it dies with the socket. */
	close(sock[0]);
	close(sock[1]);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(close, reused_number_does_not_resurrect)
{
	for (int i = 0; i < 200; i++) {
		int fd = new_eventfd(1), again;

		ASSERT_EQ(0, add(ep, fd, i % 2 ? EPOLLIN : EPOLLIN | EPOLLET));
		if (i % 3)
			ASSERT_EQ(1, ready(ep));
		close(fd);
		/* Most likely the very same struct file, too. */
		again = new_eventfd(1);
		ASSERT_EQ(fd, again);
		ASSERT_EQ(0, ready(ep));
		ASSERT_EQ(-ENOENT, mod(ep, again, EPOLLIN));
		ASSERT_EQ(-ENOENT, del(ep, again));
		ASSERT_EQ(0, add(ep, again, EPOLLIN));
		ASSERT_EQ(1, ready(ep));
		close(again);
	}
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(close, other_end_hangs_up_only_for_who_still_watches)
{
	int fds[2];

	new_pipe(fds);
	ASSERT_EQ(0, add(ep, fds[0], EPOLLIN));
	ASSERT_EQ(0, add(ep, fds[1], EPOLLET));
	close(fds[0]);
	EXPECT_EQ(EPOLLERR, revents(ep));
	close(fds[1]);
	EXPECT_EQ(0, registrations(ep));
}

TEST_F(close, does_not_disturb_a_sleeping_waiter)
{
	struct waiter w;
	int fd = new_eventfd(0), other = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(ep, other, EPOLLIN));
	waiter_start(&w, ep, -1);
	close(fd);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(other);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ((uint64_t)other, w.event.data.u64);
}

TEST_F(close, instance_closed_under_a_waiter_lives_until_it_returns)
{
	struct waiter w, timed;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	waiter_start(&w, ep, -1);
	waiter_start(&timed, ep, 1);
	EXPECT_EQ(0, waiter_join(&timed));
	close(ep);
	settle();
	EXPECT_FALSE(waiter_done(&w));
	post(fd);
	EXPECT_EQ(1, waiter_join(&w));
	EXPECT_EQ((uint64_t)fd, w.event.data.u64);
}

TEST_F(close, closed_instance_lets_go_of_its_files)
{
	int fd = new_eventfd(0), other = create();

	ASSERT_LE(0, other);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, add(other, fd, EPOLLIN));
	close(ep);
	post(fd);
	EXPECT_EQ(1, ready(other));
	EXPECT_EQ(0, del(other, fd));
	close(fd);
}

TEST_F(close, thousands_at_once)
{
	enum { MANY = 3000 };
	static int fds[MANY];
	struct rlimit limit;

	ASSERT_EQ(0, getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	ASSERT_EQ(0, setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < MANY; i++) {
		fds[i] = new_eventfd(1);
		ASSERT_EQ(0, add(ep, fds[i], EPOLLIN));
	}
	ASSERT_EQ(0, syscall(SYS_close_range, fds[0], fds[MANY - 1], 0));
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

struct churn {
	int efd;
	bool stop;
};

static void *harvest_until_stopped(void *arg)
{
	struct churn *c = arg;
	struct epoll_event events[8];

	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED))
		harvest(c->efd, events, 8, 1);
	return NULL;
}

TEST_F(close, nothing_is_delivered_after_close_returned)
{
	struct churn c = { .efd = ep };
	struct epoll_event events[8];
	pthread_t thread;

	/* A second thread harvests, so that close() meets harvests under way. */
	ASSERT_EQ(0, pthread_create(&thread, NULL, harvest_until_stopped, &c));
	for (uint64_t i = 1; i <= 2000; i++) {
		int fd = new_eventfd(1), n;

		ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN, i));
		close(fd);
		n = harvest(ep, events, 8, 0);
		/* On failure: what was delivered? */
		ASSERT_EQ(0, n) {
			TH_LOG("round %llu: event %llu", (unsigned long long)i,
			       (unsigned long long)events[0].data.u64);
		}
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

TEST_HARNESS_MAIN
