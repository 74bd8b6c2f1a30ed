// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * An echo server of several threads: who re-arms its connections?
 *
 * Threads that share an instance must not be handed the same connection at once: its
 * requests would be answered in any order. With epoll connections are one-shot, and each
 * request takes an EPOLL_CTL_MOD besides the wait. With repoll they are registered with
 * REPOLL_CTL_HANDOVER: the next wait of the thread is enough.
 *
 * Each client sends a request, waits for the answer, and sends the next. The program exits
 * 0 only if each answer was right, in order, and no two threads had one connection at once.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

enum { CONNECTIONS = 64, THREADS = 4, EVENTS = 8 };

struct connection {
	int server, client;	/* its two ends */
	bool served;		/* a thread is at it */
	unsigned long sent;	/* the number of the last request */
};

static const struct backend *backend = &backend_repoll;
static unsigned long requests = 100;	/* on each connection */
static struct connection connections[CONNECTIONS];
static int instance;

/* What the event interface took, and the requests that it led to. */
static unsigned long ctl_calls, wait_calls, served;

static void count(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void watch(int op, unsigned int i)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };
	int ret;

	if (backend == &backend_repoll) {
		ret = repoll_ctl_flags(instance, op, connections[i].server, &event,
				       REPOLL_CTL_HANDOVER);
	} else {
		event.events |= EPOLLONESHOT;
		ret = backend->ctl(instance, op, connections[i].server, &event);
	}
	if (ret)
		err(1, "epoll_ctl");
}

/* One request, and its answer. */
static void serve(unsigned int i)
{
	struct connection *connection = &connections[i];
	unsigned long request;

	if (__atomic_exchange_n(&connection->served, true, __ATOMIC_ACQUIRE))
		errx(1, "connection %u: two threads", i);
	if (read(connection->server, &request, sizeof(request)) != sizeof(request))
		err(1, "connection %u: read", i);
	request = ~request;
	count(&served);
	__atomic_store_n(&connection->served, false, __ATOMIC_RELEASE);
	if (write(connection->server, &request, sizeof(request)) != sizeof(request))
		err(1, "connection %u: write", i);
	if (backend != &backend_repoll) {
		count(&ctl_calls);
		watch(EPOLL_CTL_MOD, i);
	}
}

static void *server(void *unused)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = backend->wait(instance, events, EVENTS, -1);

		if (n < 0)
			err(1, "wait");
		count(&wait_calls);
		for (int i = 0; i < n; i++)
			serve(events[i].data.u32);
	}
	return unused;
}

static void send_request(struct connection *connection)
{
	unsigned long request = ++connection->sent;

	if (write(connection->client, &request, sizeof(request)) != sizeof(request))
		err(1, "client: write");
}

static void take_answer(struct connection *connection)
{
	unsigned long answer;

	if (read(connection->client, &answer, sizeof(answer)) != sizeof(answer))
		err(1, "client: read");
	if (~answer != connection->sent)
		errx(1, "the answer to %lu is %lu", connection->sent, ~answer);
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "requests", required_argument, NULL, 'r' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'r')
			requests = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: handover [--backend epoll|repoll] [--requests N]");
	}
	if (!requests)
		errx(2, "there has to be a request");
}

int main(int argc, char **argv)
{
	pthread_t thread;

	parse(argc, argv);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	for (int i = 0; i < CONNECTIONS; i++) {
		int fds[2];

		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
			err(1, "socketpair");
		connections[i] = (struct connection){ .server = fds[0], .client = fds[1] };
		watch(EPOLL_CTL_ADD, i);
	}
	for (int i = 0; i < THREADS; i++) {
		errno = pthread_create(&thread, NULL, server, NULL);
		if (errno)
			err(1, "pthread_create");
	}
	for (unsigned long round = 0; round < requests; round++) {
		for (int i = 0; i < CONNECTIONS; i++)
			send_request(&connections[i]);
		for (int i = 0; i < CONNECTIONS; i++)
			take_answer(&connections[i]);
	}
	if (served != requests * CONNECTIONS)
		errx(1, "%lu requests were served", served);
	printf("threads %d\n", THREADS);
	printf("connections %d\n", CONNECTIONS);
	printf("requests %lu\n", served);
	printf("ctl_calls_per_request %.2f\n", (double)ctl_calls / served);
	printf("waits_per_request %.2f\n", (double)wait_calls / served);
	return 0;
}
