// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Who accepts the connections: worker processes, each with an instance of its own,
 * watch one listener with EPOLLEXCLUSIVE, as the workers of a web server do.
 *
 * In-tree epoll asks the workers in the order in which they registered, so that the
 * first takes what it can and the last has nothing to do. With a wake policy of
 * repoll they take turns. What is printed is each worker's share and Jain's index of
 * fairness, (sum x)^2 / (n * sum x^2): 1 when all are equal, 1/n when one has all.
 *
 * A policy says who is woken. A worker that is awake when it looks again takes what there
 * is, also what another one was woken for and has not come to yet: where the next connection
 * follows at once and CPUs are few, some of the turns go that way. With --pause clients
 * leave the workers the time to be back, and the shares are the policy's.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

#define MAX_WORKERS	64
#define LISTENER	1

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

static unsigned int workers = 8;
static unsigned int clients = 2;	/* processes, one connection at a time each */
static unsigned int connections = 4000;	/* of all clients */
static unsigned int pause_ms;		/* of a client between two connections */

/* What the workers and we share. */
static struct {
	unsigned int ready;		/* workers that have registered, one after the other */
	unsigned int accepted[MAX_WORKERS];
} *shared;

/* A kind of instance, and what REPOLL_CTL_* flags the listener is added with. */
struct contestant {
	const char *name;
	const struct backend *backend;
	unsigned int flags;
};

static const struct contestant contestants[] = {
	{ "epoll", &backend_epoll, 0 },
	{ "repoll", &backend_repoll, 0 },
	{ "lifo", &backend_repoll, REPOLL_CTL_WAKE_LIFO },
	{ "fifo", &backend_repoll, REPOLL_CTL_WAKE_FIFO },
	{ "round-robin", &backend_repoll, REPOLL_CTL_WAKE_ROUND_ROBIN },
};

static int must(int ret, const char *what)
{
	if (ret < 0)
		err(EXIT_FAILURE, "%s", what);
	return ret;
}

#define MUST(call) must(call, #call)

static pid_t start_process(void)
{
	pid_t pid = MUST(fork());

	if (!pid)
		MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
	return pid;
}

static void end_process(pid_t pid, const char *what)
{
	int status;

	MUST(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		errx(EXIT_FAILURE, "a %s failed", what);
}

static int add_listener(const struct contestant *contestant, int ep, int listener)
{
	struct epoll_event event = {
		.events = EPOLLIN | EPOLLEXCLUSIVE, .data.u64 = LISTENER,
	};

	/* Without flags, it is the call of in-tree epoll. */
	if (!contestant->flags)
		return contestant->backend->ctl(ep, EPOLL_CTL_ADD, listener, &event);
	return repoll_ctl_flags(ep, EPOLL_CTL_ADD, listener, &event, contestant->flags);
}

/* Accepts a connection and closes it, which is all that its client waits for. */
static void work(const struct contestant *contestant, int listener, unsigned int number, int stop)
{
	struct epoll_event events[2], end = { .events = EPOLLIN };
	int ep = MUST(contestant->backend->create1(EPOLL_CLOEXEC));

	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) != number)
		usleep(100);
	MUST(add_listener(contestant, ep, listener));
	MUST(contestant->backend->ctl(ep, EPOLL_CTL_ADD, stop, &end));
	__atomic_store_n(&shared->ready, number + 1, __ATOMIC_RELEASE);
	for (;;) {
		int n = MUST(contestant->backend->wait(ep, events, 2, -1));

		for (int i = 0; i < n; i++) {
			int connection;

			if (events[i].data.u64 != LISTENER)
				return;
			connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			if (connection < 0) {
				/* Another worker was quicker. */
				MUST(errno == EAGAIN ? 0 : -1);
				continue;
			}
			shared->accepted[number]++;
			close(connection);
		}
	}
}

static int listen_somewhere(struct sockaddr_in *address)
{
	socklen_t length = sizeof(*address);
	int listener = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));

	*address = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	MUST(bind(listener, (struct sockaddr *)address, length));
	MUST(getsockname(listener, (struct sockaddr *)address, &length));
	MUST(listen(listener, 128));
	return listener;
}

static void connect_often(const struct sockaddr_in *address, unsigned int times)
{
	char byte;

	while (times--) {
		int connection = MUST(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));

		MUST(connect(connection, (const struct sockaddr *)address, sizeof(*address)));
		if (recv(connection, &byte, 1, 0))
			err(EXIT_FAILURE, "the end of a connection");
		close(connection);
		usleep(pause_ms * 1000);
	}
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* How long the clients took, in seconds. */
static double run(const struct contestant *contestant)
{
	pid_t worker[MAX_WORKERS], client[MAX_WORKERS];
	struct sockaddr_in address;
	int listener = listen_somewhere(&address), stop[2];
	double start, took;

	MUST(pipe2(stop, O_CLOEXEC));
	memset(shared, 0, sizeof(*shared));
	for (unsigned int i = 0; i < workers; i++) {
		worker[i] = start_process();
		if (!worker[i]) {
			close(stop[1]);
			work(contestant, listener, i, stop[0]);
			_exit(0);
		}
	}
	while (__atomic_load_n(&shared->ready, __ATOMIC_ACQUIRE) != workers)
		usleep(1000);

	start = seconds();
	for (unsigned int i = 0; i < clients; i++) {
		client[i] = start_process();
		if (!client[i]) {
			connect_often(&address, connections / clients +
						(i < connections % clients));
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < clients; i++)
		end_process(client[i], "client");
	took = seconds() - start;

	/* The end of a pipe is an event for all who watch it. */
	close(stop[1]);
	for (unsigned int i = 0; i < workers; i++)
		end_process(worker[i], "worker");
	close(stop[0]);
	close(listener);
	return took;
}

static double jain(void)
{
	double sum = 0, squares = 0;

	for (unsigned int i = 0; i < workers; i++) {
		sum += shared->accepted[i];
		squares += (double)shared->accepted[i] * shared->accepted[i];
	}
	return sum * sum / (workers * squares);
}

static void report(const struct contestant *contestant, double took)
{
	unsigned int sum = 0;

	printf("%-12s", contestant->name);
	for (unsigned int i = 0; i < workers; i++) {
		printf(" %5u", shared->accepted[i]);
		sum += shared->accepted[i];
	}
	printf("   jain %.3f   %6.0f per second\n", jain(), connections / took);
	fflush(stdout);
	if (sum != connections)
		errx(EXIT_FAILURE, "%u connections were accepted, not %u", sum, connections);
}

static unsigned int number(const char *text, unsigned int max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*end || !value || value > max)
		errx(EXIT_FAILURE, "%s is not one of 1 to %u", text, max);
	return value;
}

static void explain_and_exit(void)
{
	fputs("usage: fair_accept [--workers N] [--clients N] [--connections N] [--pause MS]\n"
	      "                   [NAME...]\n"
	      "names: epoll repoll lifo fifo round-robin; all, if there is none\n", stderr);
	exit(2);
}

/* The one of this name; ends the program if there is none. */
static const struct contestant *find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(contestants); i++) {
		if (!strcmp(contestants[i].name, name))
			return &contestants[i];
	}
	explain_and_exit();
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "workers", required_argument, NULL, 'w' },
		{ "clients", required_argument, NULL, 'c' },
		{ "connections", required_argument, NULL, 'n' },
		{ "pause", required_argument, NULL, 'p' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'w':
			workers = number(optarg, MAX_WORKERS);
			break;
		case 'c':
			clients = number(optarg, MAX_WORKERS);
			break;
		case 'n':
			connections = number(optarg, 1000000);
			break;
		case 'p':
			pause_ms = number(optarg, 1000);
			break;
		default:
			explain_and_exit();
		}
	}
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		err(EXIT_FAILURE, "mmap");
	if (optind == argc) {
		for (size_t i = 0; i < ARRAY_SIZE(contestants); i++)
			report(&contestants[i], run(&contestants[i]));
	}
	for (int i = optind; i < argc; i++) {
		const struct contestant *contestant = find(argv[i]);

		report(contestant, run(contestant));
	}
	return 0;
}
