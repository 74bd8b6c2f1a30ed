// SPDX-License-Identifier: GPL-2.0
/*
 * One test for each kind of file: a registration reports what poll() says about
 * the file, for each event bit, and is woken when that changes.
 */
#include <arpa/inet.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <termios.h>

#include "waiter.h"

EVENTPOLL_FIXTURE(files);

static const uint32_t pollable[] = {
	EPOLLIN, EPOLLPRI, EPOLLOUT, EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM,
	EPOLLWRBAND, EPOLLMSG, EPOLLRDHUP,
};

#define ALL_EVENTS (EPOLLIN | EPOLLPRI | EPOLLOUT | EPOLLRDNORM | EPOLLRDBAND | \
		    EPOLLWRNORM | EPOLLWRBAND | EPOLLMSG | EPOLLRDHUP)

static int polled(int fd, uint32_t events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	MUST(poll(&pfd, 1, 0));
	return (unsigned short)pfd.revents;
}

/* @fd, registered, must report what poll() does, for each bit alone and for all. */
#define EXPECT_AS_POLL(fd) do {							\
	for (size_t _i = 0; _i <= ARRAY_SIZE(pollable); _i++) {			\
		uint32_t _mask = _i < ARRAY_SIZE(pollable) ? pollable[_i] : ALL_EVENTS; \
		ASSERT_EQ(0, mod(ep, fd, _mask));				\
		EXPECT_EQ(polled(fd, _mask), revents(ep)) {			\
			TH_LOG("mask %#x", _mask);				\
		}								\
	}									\
	ASSERT_EQ(0, mod(ep, fd, ALL_EVENTS));					\
} while (0)

/* A waiter that asks for @mask sleeps, is woken by @action, and sees @bits. */
#define EXPECT_WAKES(fd, mask, bits, action) do {				\
	struct waiter _w;							\
	ASSERT_EQ(0, mod(ep, fd, mask));					\
	waiter_start(&_w, ep, -1);						\
	EXPECT_FALSE(waiter_done(&_w));						\
	action;									\
	EXPECT_EQ(1, waiter_join(&_w));						\
	EXPECT_EQ(bits, _w.event.events);					\
} while (0)

TEST_F(files, pipe_and_fifo)
{
	char dir[] = "/tmp/repoll-files-XXXXXX", path[64];
	int fds[2];

	for (int fifo = 0; fifo < 2; fifo++) {
		if (fifo) {
			ASSERT_NE(NULL, mkdtemp(dir));
			snprintf(path, sizeof(path), "%s/fifo", dir);
			ASSERT_EQ(0, mkfifo(path, 0600));
			fds[0] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
			fds[1] = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
			ASSERT_LE(0, fds[0]);
			ASSERT_LE(0, fds[1]);
			unlink(path);
			rmdir(dir);
		} else {
			new_pipe(fds);
		}
		ASSERT_EQ(0, add(ep, fds[0], ALL_EVENTS));
		EXPECT_EQ(0, ready(ep));
		EXPECT_AS_POLL(fds[0]);
		EXPECT_WAKES(fds[0], EPOLLIN, EPOLLIN, put_bytes(fds[1], 1));
		EXPECT_AS_POLL(fds[0]);
		ASSERT_EQ(0, del(ep, fds[0]));

		ASSERT_EQ(0, add(ep, fds[1], ALL_EVENTS));
		EXPECT_AS_POLL(fds[1]);
		fill(fds[1]);
		EXPECT_AS_POLL(fds[1]);
		EXPECT_WAKES(fds[1], EPOLLOUT, EPOLLOUT, empty(fds[0]));
		fill(fds[1]);
		EXPECT_WAKES(fds[1], 0, EPOLLERR, close(fds[0]));
		EXPECT_AS_POLL(fds[1]);
		close(fds[1]);
	}
}

static void unix_stream_like(struct __test_metadata *_metadata, int type)
{
	int sock[2];

	new_socketpair(sock, type);
	ASSERT_EQ(0, add(ep, sock[0], ALL_EVENTS));
	EXPECT_AS_POLL(sock[0]);
	EXPECT_WAKES(sock[0], EPOLLIN, EPOLLIN, put_bytes(sock[1], 1));
	EXPECT_AS_POLL(sock[0]);
	empty(sock[0]);
	EXPECT_WAKES(sock[0], EPOLLRDHUP, EPOLLRDHUP, shutdown(sock[1], SHUT_WR));
	EXPECT_AS_POLL(sock[0]);
	EXPECT_WAKES(sock[0], 0, EPOLLHUP, close(sock[1]));
	EXPECT_AS_POLL(sock[0]);
}

TEST_F(files, unix_stream)
{
	unix_stream_like(_metadata, SOCK_STREAM);
}

TEST_F(files, unix_seqpacket)
{
	unix_stream_like(_metadata, SOCK_SEQPACKET);
}

TEST_F(files, unix_dgram)
{
	int sock[2];

	new_socketpair(sock, SOCK_DGRAM);
	ASSERT_EQ(0, add(ep, sock[0], ALL_EVENTS));
	EXPECT_AS_POLL(sock[0]);
	EXPECT_WAKES(sock[0], EPOLLIN, EPOLLIN, put_bytes(sock[1], 1));
	EXPECT_AS_POLL(sock[0]);
	empty(sock[0]);
	/* Writability depends on the peer's queue: a second wait-queue. */
	fill(sock[0]);
	EXPECT_AS_POLL(sock[0]);
	EXPECT_WAKES(sock[0], EPOLLOUT, EPOLLOUT, empty(sock[1]));
	close(sock[1]);
	EXPECT_AS_POLL(sock[0]);
}

static int loopback_socket(int type, struct sockaddr_in *addr)
{
	socklen_t len = sizeof(*addr);
	struct ifreq ifr = { .ifr_name = "lo" };
	int fd = MUST(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	/* A minimal guest may not have done it. */
	if (!ioctl(fd, SIOCGIFFLAGS, &ifr) && !(ifr.ifr_flags & IFF_UP)) {
		ifr.ifr_flags |= IFF_UP;
		ioctl(fd, SIOCSIFFLAGS, &ifr);
	}
	*addr = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	MUST(bind(fd, (struct sockaddr *)addr, sizeof(*addr)));
	MUST(getsockname(fd, (struct sockaddr *)addr, &len));
	return fd;
}

TEST_F(files, tcp)
{
	struct sockaddr_in addr, any;
	int listener = loopback_socket(SOCK_STREAM, &addr);
	int client = loopback_socket(SOCK_STREAM, &any), server = -1;

	ASSERT_EQ(0, listen(listener, 4));
	ASSERT_EQ(0, add(ep, listener, ALL_EVENTS));
	EXPECT_AS_POLL(listener);
	EXPECT_WAKES(listener, EPOLLIN, EPOLLIN,
		     connect(client, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_AS_POLL(listener);
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	ASSERT_LE(0, server);
	EXPECT_EQ(0, ready(ep));
	ASSERT_EQ(0, del(ep, listener));

	ASSERT_EQ(0, add(ep, client, ALL_EVENTS));
	EXPECT_WAKES(client, EPOLLIN, EPOLLIN, put_bytes(server, 1));
	EXPECT_AS_POLL(client);
	empty(client);
	EXPECT_WAKES(client, EPOLLPRI, EPOLLPRI, send(server, "!", 1, MSG_OOB));
	EXPECT_AS_POLL(client);
	EXPECT_EQ(1, recv(client, &addr, 1, MSG_OOB));
	EXPECT_WAKES(client, EPOLLRDHUP, EPOLLRDHUP, shutdown(server, SHUT_WR));
	EXPECT_AS_POLL(client);
	shutdown(client, SHUT_WR);
	EXPECT_AS_POLL(client);
	close(server);
	EXPECT_AS_POLL(client);
}

TEST_F(files, tcp_refused)
{
	struct sockaddr_in addr, any;
	int closed = loopback_socket(SOCK_STREAM, &addr);
	int client = loopback_socket(SOCK_STREAM, &any);
	struct epoll_event event;

	close(closed);
	ASSERT_EQ(0, add(ep, client, EPOLLIN | EPOLLOUT | EPOLLRDHUP));
	connect(client, (struct sockaddr *)&addr, sizeof(addr));
	ASSERT_EQ(1, harvest(ep, &event, 1, -1));
	EXPECT_EQ(polled(client, EPOLLIN | EPOLLOUT | EPOLLRDHUP), event.events);
	EXPECT_EQ(EPOLLERR, event.events & EPOLLERR);
}

TEST_F(files, udp)
{
	struct sockaddr_in addr;
	int fd = loopback_socket(SOCK_DGRAM, &addr);

	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN,
		     sendto(fd, "x", 1, 0, (struct sockaddr *)&addr, sizeof(addr)));
	EXPECT_AS_POLL(fd);
}

TEST_F(files, eventfd)
{
	uint64_t most = ~0ULL - 1;
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, post(fd));
	EXPECT_AS_POLL(fd);
	drain(fd);
	ASSERT_EQ((ssize_t)sizeof(most), write(fd, &most, sizeof(most)));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLOUT, EPOLLOUT, drain(fd));
}

TEST_F(files, timerfd)
{
	struct itimerspec soon = { .it_value.tv_nsec = 20000000 };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, timerfd_settime(fd, 0, &soon, NULL));
	EXPECT_AS_POLL(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
}

TEST_F(files, signalfd)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	ASSERT_EQ(0, sigprocmask(SIG_BLOCK, &set, NULL));
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, kill(getpid(), SIGUSR1));
	EXPECT_AS_POLL(fd);
	ASSERT_EQ((ssize_t)sizeof(info), read(fd, &info, sizeof(info)));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(files, pidfd)
{
	pid_t child = fork();
	int fd;

	ASSERT_LE(0, child);
	if (!child) {
		pause();
		_exit(0);
	}
	fd = syscall(SYS_pidfd_open, child, 0);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, kill(child, SIGKILL));
	EXPECT_AS_POLL(fd);
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_AS_POLL(fd);
}

TEST_F(files, inotify)
{
	char dir[] = "/tmp/repoll-files-XXXXXX";
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	ASSERT_LE(0, fd);
	ASSERT_NE(NULL, mkdtemp(dir));
	ASSERT_LE(0, inotify_add_watch(fd, dir, IN_ATTRIB | IN_DELETE_SELF));
	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, chmod(dir, 0500));
	EXPECT_AS_POLL(fd);
	empty(fd);
	EXPECT_EQ(0, ready(ep));
	rmdir(dir);
}

TEST_F(files, pty)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), slave;
	struct termios termios;

	ASSERT_LE(0, master);
	ASSERT_EQ(0, unlockpt(master));
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	ASSERT_LE(0, slave);
	/* An echo is brought by a worker: it could come between two looks at the master. */
	ASSERT_EQ(0, tcgetattr(slave, &termios));
	termios.c_lflag &= ~ECHO;
	ASSERT_EQ(0, tcsetattr(slave, TCSANOW, &termios));
	ASSERT_EQ(0, add(ep, slave, ALL_EVENTS));
	EXPECT_AS_POLL(slave);
	EXPECT_WAKES(slave, EPOLLIN, EPOLLIN, MUST(write(master, "line\n", 5)));
	EXPECT_AS_POLL(slave);
	ASSERT_EQ(0, del(ep, slave));
	ASSERT_EQ(0, add(ep, master, ALL_EVENTS));
	EXPECT_AS_POLL(master);
	EXPECT_WAKES(master, 0, EPOLLHUP, close(slave));
	EXPECT_AS_POLL(master);
}

TEST_F(files, message_queue)
{
	struct mq_attr attr = { .mq_maxmsg = 1, .mq_msgsize = 8 };
	char name[32], message[8];
	int fd;

	snprintf(name, sizeof(name), "/repoll-%d", getpid());
	fd = mq_open(name, O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK | O_CLOEXEC, 0600, &attr);
	if (fd < 0 && errno == ENOSYS)
		SKIP(return, "no POSIX message queues");
	ASSERT_LE(0, fd);
	mq_unlink(name);
	ASSERT_EQ(0, add(ep, fd, ALL_EVENTS));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLIN, EPOLLIN, mq_send(fd, "message", 8, 0));
	EXPECT_AS_POLL(fd);
	EXPECT_WAKES(fd, EPOLLOUT, EPOLLOUT, mq_receive(fd, message, sizeof(message), NULL));
}

TEST_F(files, proc_mounts_reports_a_change)
{
	char buf[512];
	int fd;

	if (unshare(CLONE_NEWNS))
		SKIP(return, "unshare: %s", strerror(errno));
	ASSERT_EQ(0, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	fd = open("/proc/self/mounts", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	/* A change is told once, to whoever has read what was there before. */
	while (read(fd, buf, sizeof(buf)) > 0)
		;
	ASSERT_EQ(0, add(ep, fd, EPOLLPRI | EPOLLET));
	revents(ep);
	ASSERT_EQ(0, mount("none", "/tmp", "tmpfs", 0, NULL));
	EXPECT_EQ(EPOLLPRI | EPOLLERR, revents(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_F(files, memory_devices)
{
	int random = open("/dev/random", O_RDONLY | O_CLOEXEC);
	int urandom = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
	int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);

	/* Siblings, of which only one has a poll method. */
	ASSERT_LE(0, random);
	ASSERT_LE(0, urandom);
	ASSERT_LE(0, zero);
	ASSERT_EQ(0, add(ep, random, EPOLLIN));
	EXPECT_AS_POLL(random);
	EXPECT_EQ(-EPERM, add(ep, urandom, EPOLLIN));
	EXPECT_EQ(-EPERM, add(ep, zero, EPOLLIN));
}

TEST_HARNESS_MAIN
