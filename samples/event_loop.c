// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The canonical event loop, on in-tree epoll or on repoll.
 *
 * One instance watches a TCP listener and its connections, a signalfd, a
 * timerfd, an eventfd, the pidfd of the client process, and another instance.
 * Each source has a handler, found through the event's data. What the client
 * sent is known, so every count is checked: the program exits 0 only if all of
 * it arrived, once, and intact.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"
#include "echo.h"

#define MAX_EVENTS	32
#define TICK_MS		10
#define MIN_TICKS	5
#define EXTRAS		20
#define DEADLINE_MS	300000

/* What the loop watches: a file and what to do when it is ready. */
struct source {
	int fd;
	void (*ready)(struct source *source);
};

/* The server's end of a TCP connection: reads a message, then writes the answer. */
struct connection {
	struct source source;
	bool writing;
	size_t done;		/* bytes of @message read, or written */
	struct message message;
};

static const struct backend *backend = &backend_repoll;
static unsigned int connections = 64;
static unsigned int requests = 100;

static int loop;		/* the instance that is waited on */
static int nested;		/* the one it watches */
static unsigned int open_connections;

/* What came in, as printed at the end. */
static struct {
	unsigned long tcp_connections, tcp_requests, timer_ticks, eventfd_wakeups, eventfd_sum,
		      signals, signal_sum, pidfd_exits, nested_events, nested_sum, waits, events;
} seen;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void control(int epfd, int op, struct source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	if (backend->ctl(epfd, op, source->fd, &event))
		err(EXIT_FAILURE, "%s: ctl", backend->name);
}

static void watch(int epfd, struct source *source)
{
	if (source->fd < 0)
		err(EXIT_FAILURE, "cannot open a source");
	control(epfd, EPOLL_CTL_ADD, source, EPOLLIN);
}

/* Handle what is ready in @epfd. Returns how much that was. */
static int dispatch(int epfd, int timeout)
{
	struct epoll_event events[MAX_EVENTS];
	int count = backend->wait(epfd, events, MAX_EVENTS, timeout);

	if (count < 0)
		err(EXIT_FAILURE, "%s: wait", backend->name);
	for (int i = 0; i < count; i++) {
		struct source *source = events[i].data.ptr;

		source->ready(source);
	}
	return count;
}

static void connection_close(struct connection *connection)
{
	if (connection->done)
		errx(EXIT_FAILURE, "connection closed within a message");
	/* Its registration ends with it: nothing else refers to the file. */
	close(connection->source.fd);
	free(connection);
	open_connections--;
}

/* Read or write on until the file would block. Returns false at the end of the stream. */
static bool connection_transfer(struct connection *connection)
{
	struct message *message = &connection->message;

	for (;;) {
		void *rest = (char *)message + connection->done;
		size_t left = sizeof(*message) - connection->done;
		int fd = connection->source.fd;
		ssize_t n = connection->writing ? send(fd, rest, left, MSG_NOSIGNAL) :
						  recv(fd, rest, left, 0);

		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0)
			err(EXIT_FAILURE, "connection");
		if (n == 0)
			return false;
		connection->done += n;
		if (connection->done < sizeof(*message))
			continue;

		connection->done = 0;
		if (!connection->writing) {
			if (!message_is_intact(message))
				errx(EXIT_FAILURE, "request %u is damaged", message->sequence);
			message_invert(message);
			seen.tcp_requests++;
		}
		connection->writing = !connection->writing;
	}
}

static void connection_ready(struct source *source)
{
	struct connection *connection = (struct connection *)source;
	bool writing = connection->writing;

	if (!connection_transfer(connection))
		connection_close(connection);
	else if (connection->writing != writing)
		control(loop, EPOLL_CTL_MOD, source, connection->writing ? EPOLLOUT : EPOLLIN);
}

static void listener_ready(struct source *source)
{
	for (;;) {
		int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct connection *connection;

		if (fd < 0 && errno == EAGAIN)
			return;
		connection = calloc(1, sizeof(*connection));
		if (fd < 0 || !connection)
			err(EXIT_FAILURE, "accept");
		connection->source = (struct source) { fd, connection_ready };
		watch(loop, &connection->source);
		open_connections++;
		seen.tcp_connections++;
	}
}

static void timer_ready(struct source *source)
{
	uint64_t ticks;

	if (read(source->fd, &ticks, sizeof(ticks)) != sizeof(ticks))
		err(EXIT_FAILURE, "timerfd reported ready, and is not");
	seen.timer_ticks += ticks;
}

static void eventfd_ready(struct source *source)
{
	eventfd_t value;

	if (eventfd_read(source->fd, &value))
		err(EXIT_FAILURE, "eventfd reported ready, and is not");
	seen.eventfd_sum += value;
	seen.eventfd_wakeups++;
}

static void signal_ready(struct source *source)
{
	struct signalfd_siginfo info;

	if (read(source->fd, &info, sizeof(info)) != sizeof(info))
		err(EXIT_FAILURE, "signalfd reported ready, and is not");
	seen.signal_sum += info.ssi_int;
	seen.signals++;
}

static void client_exited(struct source *source)
{
	siginfo_t info;

	if (waitid(P_PIDFD, source->fd, &info, WEXITED | WNOHANG) || !info.si_pid)
		errx(EXIT_FAILURE, "pidfd reported ready, and is not");
	if (info.si_code != CLD_EXITED || info.si_status)
		errx(EXIT_FAILURE, "the client failed");
	close(source->fd);
	seen.pidfd_exits++;
}

static void datagram_ready(struct source *source)
{
	unsigned int number;

	if (recv(source->fd, &number, sizeof(number), MSG_DONTWAIT) != sizeof(number))
		err(EXIT_FAILURE, "socket reported ready, and is not");
	seen.nested_sum += number;
	seen.nested_events++;
}

static void nested_ready(struct source *source)
{
	if (!dispatch(source->fd, 0))
		errx(EXIT_FAILURE, "nested instance reported ready, and is not");
}

static int listen_on_loopback(uint16_t *port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, SOMAXCONN) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		err(EXIT_FAILURE, "listen");
	*port = address.sin_port;
	return fd;
}

static int periodic_timer(void)
{
	struct timespec tick = { .tv_nsec = TICK_MS * 1000000L };
	struct itimerspec timer = { .it_interval = tick, .it_value = tick };
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0 || timerfd_settime(fd, 0, &timer, NULL))
		err(EXIT_FAILURE, "timerfd");
	return fd;
}

/* The signal is blocked from here on, in the client as well. */
static int signal_file(int signal)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, signal);
	if (sigprocmask(SIG_BLOCK, &mask, NULL))
		err(EXIT_FAILURE, "sigprocmask");
	return signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
}

static int start_client(const struct client_job *job)
{
	pid_t pid = fork();

	if (pid < 0)
		err(EXIT_FAILURE, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(client_run(job));
	}
	return pidfd_open(pid, 0);
}

static bool all_arrived(void)
{
	return seen.pidfd_exits && !open_connections && seen.tcp_connections >= connections &&
	       seen.timer_ticks >= MIN_TICKS && seen.signals >= EXTRAS &&
	       seen.nested_events >= EXTRAS && seen.eventfd_sum >= EXTRAS * (EXTRAS + 1) / 2;
}

static void check(const char *key, unsigned long value, unsigned long expected)
{
	if (value != expected)
		errx(EXIT_FAILURE, "%s: %lu, and not %lu", key, value, expected);
}

/* Each count is known but that of the ticks: none can come before its time. */
static void check_totals(long wall_ms)
{
	const unsigned long sum = EXTRAS * (EXTRAS + 1) / 2;

	check("tcp_connections", seen.tcp_connections, connections);
	check("tcp_requests", seen.tcp_requests, (unsigned long)connections * requests);
	check("eventfd_sum", seen.eventfd_sum, sum);
	check("signals", seen.signals, EXTRAS);
	check("signal_sum", seen.signal_sum, sum);
	check("pidfd_exits", seen.pidfd_exits, 1);
	check("nested_events", seen.nested_events, EXTRAS);
	check("nested_sum", seen.nested_sum, sum);
	if (seen.timer_ticks > (unsigned long)wall_ms / TICK_MS + 1)
		errx(EXIT_FAILURE, "timer_ticks: %lu in %ld ms", seen.timer_ticks, wall_ms);
}

static const char usage[] =
	"usage: event_loop [--backend epoll|repoll] [--connections N] [--requests N]";

static void parse_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'c' },
		{ "requests", required_argument, NULL, 'r' },
		{ 0 }
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, backend_epoll.name))
			backend = &backend_epoll;
		else if (option == 'b' && !strcmp(optarg, backend_repoll.name))
			backend = &backend_repoll;
		else if (option == 'c' && atoi(optarg) > 0)
			connections = atoi(optarg);
		else if (option == 'r' && atoi(optarg) > 0)
			requests = atoi(optarg);
		else
			errx(2, "%s", usage);
	}
}

int main(int argc, char **argv)
{
	struct client_job job = {
		.signal = SIGRTMIN, .extras = EXTRAS, .server = getpid(),
	};
	struct source listener, timer, event, signal, datagram, inner, client;
	long start = now_ms(), wall_ms;
	int pair[2];

	parse_options(argc, argv);
	job.connections = connections;
	job.requests = requests;

	loop = backend->create1(EPOLL_CLOEXEC);
	nested = backend->create1(EPOLL_CLOEXEC);
	if (loop < 0 || nested < 0)
		err(EXIT_FAILURE, "%s: create", backend->name);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		err(EXIT_FAILURE, "socketpair");

	listener = (struct source) { listen_on_loopback(&job.port), listener_ready };
	timer = (struct source) { periodic_timer(), timer_ready };
	event = (struct source) { eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), eventfd_ready };
	signal = (struct source) { signal_file(job.signal), signal_ready };
	datagram = (struct source) { pair[0], datagram_ready };
	inner = (struct source) { nested, nested_ready };
	job.eventfd = event.fd;
	job.datagrams = pair[1];
	client = (struct source) { start_client(&job), client_exited };

	watch(nested, &datagram);
	watch(loop, &inner);
	watch(loop, &listener);
	watch(loop, &timer);
	watch(loop, &event);
	watch(loop, &signal);
	watch(loop, &client);

	while (!all_arrived()) {
		seen.events += dispatch(loop, 1000);
		seen.waits++;
		if (now_ms() - start > DEADLINE_MS)
			errx(EXIT_FAILURE, "not done after %d s", DEADLINE_MS / 1000);
	}
	wall_ms = now_ms() - start;
	check_totals(wall_ms);

	printf("backend %s\n", backend->name);
	printf("tcp_connections %lu\ntcp_requests %lu\n", seen.tcp_connections, seen.tcp_requests);
	printf("timer_ticks %lu\neventfd_wakeups %lu\n", seen.timer_ticks, seen.eventfd_wakeups);
	printf("signals %lu\npidfd_exits %lu\n", seen.signals, seen.pidfd_exits);
	printf("nested_events %lu\n", seen.nested_events);
	printf("waits %lu\nevents %lu\n", seen.waits, seen.events);
	printf("wall_ms %ld\n", wall_ms);
	return 0;
}
