// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A proxy re-arms its connections: one call each, or one call.
 *
 * Threads that share an instance register connections with EPOLLONESHOT, so that each
 * event is one thread's own, and has to be re-armed when it has been handled. With
 * epoll that is an epoll_ctl() for each event of each round. With repoll it is an array,
 * handed over in the call that waits for the next events.
 *
 * In each round all clients send a message; the proxy waits until it has seen them all,
 * reads them, and re-arms what it has read. The program exits 0 only if each message
 * arrived, once.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

enum { CONNECTIONS = 64 };

struct connection {
	int proxy, client;	/* its two ends */
	unsigned long received;	/* the number of the last message */
};

static const struct backend *backend = &backend_repoll;
static unsigned long rounds = 1000;
static struct connection connections[CONNECTIONS];
static int instance;

/* The connections to be re-armed before the next wait. */
static struct repoll_op ops[CONNECTIONS];
static unsigned int nr_ops;

/* What the event interface took. */
static unsigned long calls, waits;
static long ns;

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000L + now.tv_nsec;
}

static void connect_all(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT, .data.u32 = i };
		int fds[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
			err(1, "socketpair");
		connections[i] = (struct connection){ .proxy = fds[0], .client = fds[1] };
		if (backend->ctl(instance, EPOLL_CTL_ADD, fds[0], &event))
			err(1, "ADD");
	}
}

/* All clients at once, so that a round is the same on either backend. */
static void send_all(unsigned long message)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (write(connections[i].client, &message, sizeof(message)) != sizeof(message))
			err(1, "write");
	}
}

static void handle(unsigned int i)
{
	struct connection *connection = &connections[i];
	unsigned long message;

	if (read(connection->proxy, &message, sizeof(message)) != sizeof(message))
		err(1, "read");
	if (message != connection->received + 1)
		errx(1, "connection %u: message %lu after %lu", i, message, connection->received);
	connection->received = message;
	ops[nr_ops++] = (struct repoll_op){
		.op = EPOLL_CTL_MOD, .fd = connection->proxy,
		.events = EPOLLIN | EPOLLONESHOT, .data = i,
	};
}

/* What one has to do with epoll. */
static int rearm_each_and_wait(struct epoll_event *events)
{
	for (unsigned int i = 0; i < nr_ops; i++) {
		struct epoll_event event = { .events = ops[i].events, .data.u64 = ops[i].data };

		calls++;
		if (backend->ctl(instance, ops[i].op, ops[i].fd, &event))
			err(1, "MOD");
	}
	calls++;
	return backend->wait(instance, events, CONNECTIONS, -1);
}

/* The same in one call. Had an operation failed, the wait would not have slept. */
static int rearm_and_wait(struct epoll_event *events)
{
	int n;

	calls++;
	n = repoll_batch_pwait(instance, ops, nr_ops, 0, events, CONNECTIONS, -1, NULL);
	for (unsigned int i = 0; i < nr_ops; i++) {
		if (ops[i].result)
			errx(1, "MOD: %s", strerror(-ops[i].result));
	}
	return n;
}

/* Until every connection's message has been read. */
static void run_round(void)
{
	struct epoll_event events[CONNECTIONS];

	for (int seen = 0; seen < CONNECTIONS;) {
		long start = now_ns();
		int n = backend == &backend_repoll ? rearm_and_wait(events) :
						     rearm_each_and_wait(events);

		ns += now_ns() - start;
		if (n < 0)
			err(1, "wait");
		waits++;
		nr_ops = 0;
		for (int i = 0; i < n; i++)
			handle(events[i].data.u32);
		seen += n;
	}
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "rounds", required_argument, NULL, 'r' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'r')
			rounds = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: batch [--backend epoll|repoll] [--rounds N]");
	}
	if (!rounds)
		errx(2, "there has to be a round");
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	connect_all();
	for (unsigned long round = 1; round <= rounds; round++) {
		send_all(round);
		run_round();
	}
	printf("connections %d\n", CONNECTIONS);
	printf("rounds %lu\n", rounds);
	printf("messages %lu\n", rounds * CONNECTIONS);
	printf("waits %lu\n", waits);
	printf("calls_per_round %.1f\n", (double)calls / rounds);
	printf("us_per_round %.1f\n", ns / 1000.0 / rounds);
	return 0;
}
