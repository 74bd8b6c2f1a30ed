// SPDX-License-Identifier: GPL-2.0
/*
 * UDP echo: a client watches N sockets, of which a tenth, but at least ten, each send a
 * request; it takes the echoes as they come, and removes and adds each socket that it
 * has served. The server is another process, the same for all.
 */
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"
#include "timed.h"

enum { REQUESTS = 20, WARM_UP = 3 };	/* of each active socket */

static int ep;
static int *sockets;
static struct pollfd *fds;
static long active;

static void serve(int server)
{
	struct sockaddr_in from;
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		socklen_t length = sizeof(from);

		MUST(recvfrom(server, &byte, 1, 0, (struct sockaddr *)&from, &length));
		MUST(sendto(server, &byte, 1, 0, (struct sockaddr *)&from, length));
	}
}

/* A server in another process: its address. */
static struct sockaddr_in start_server(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t length = sizeof(address);
	const int room = 16 << 20;
	int server = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));

	/* A datagram that finds no room would be missed for ever. */
	MUST(setsockopt(server, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)));
	MUST(bind(server, (struct sockaddr *)&address, length));
	MUST(getsockname(server, (struct sockaddr *)&address, &length));
	if (!MUST(fork()))
		serve(server);
	close(server);
	return address;
}

static void watch(int fd)
{
	struct epoll_event event = { EPOLLIN, { .fd = fd } };

	MUST(backend->ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

static void open_sockets(void)
{
	struct sockaddr_in address = start_server();

	sockets = calloc(param, sizeof(*sockets));
	fds = calloc(param, sizeof(*fds));
	if (!sockets || !fds)
		DIE("no memory");
	if (backend)
		ep = MUST(backend->create1(EPOLL_CLOEXEC));
	for (long i = 0; i < param; i++) {
		sockets[i] = MUST(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
		MUST(connect(sockets[i], (struct sockaddr *)&address, sizeof(address)));
		if (backend)
			watch(sockets[i]);
		fds[i] = (struct pollfd){ .fd = sockets[i], .events = POLLIN };
	}
}

static void take(int fd)
{
	char byte;

	MUST(recv(fd, &byte, 1, 0));
}

/* Takes the echoes that are there: how many. */

static int take_eventpoll(void)
{
	struct epoll_event events[64];
	int n = MUST(backend->wait(ep, events, 64, -1));

	for (int i = 0; i < n; i++) {
		take(events[i].data.fd);
		MUST(backend->ctl(ep, EPOLL_CTL_DEL, events[i].data.fd, NULL));
		watch(events[i].data.fd);
	}
	return n;
}

static int take_poll(void)
{
	int n = MUST(poll(fds, param, -1)), left = n;

	for (long i = 0; left; i++) {
		if (fds[i].revents) {
			take(fds[i].fd);
			left--;
		}
	}
	return n;
}

/* A request and an echo of each active socket. */
static void exchange(void)
{
	long taken = 0;

	for (long i = 0; i < active; i++)
		MUST(send(sockets[i * param / active], ".", 1, 0));
	while (taken < active)
		taken += backend ? take_eventpoll() : take_poll();
}

/* The mean by Welford's method, with its variance, of a request's microseconds. */
static void run_udp_echo(void)
{
	double mean = 0, squares = 0, deviation;

	active = param / 10 < 10 ? 10 : param / 10;
	open_sockets();
	for (int i = 0; i < WARM_UP; i++)
		exchange();
	for (int i = 1; i <= REQUESTS; i++) {
		double start = timed_now(), took, off;

		exchange();
		took = (timed_now() - start) * 1e6 / active;
		off = took - mean;
		mean += off / i;
		squares += off * (took - mean);
	}
	deviation = sqrt(squares / (REQUESTS - 1));
	report("udp_echo", mean, deviation, active, "us");
	report("udp_echo_deviation", deviation, 0, active, "us of deviation");
}

const struct row udp_echo_rows[] = {
	{ BENCHES("udp_echo", "udp_echo_deviation"),
	  "UDP echo, so many sockets, a tenth of them active",
	  BOTH | 1 << POLL, PARAMS(10, 100, 1000, 5000), run_udp_echo },
	{}
};
