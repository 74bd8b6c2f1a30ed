// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A server with a timeout for each of its connections: whoever says nothing for some time
 * is thrown out, so each connection's timer is set anew whenever it says something.
 *
 * With epoll that is a timerfd for each: as many fds again as connections, and a call for
 * each time that one is set. With repoll they are timers of the instance: no fd, and one
 * call sets them all.
 *
 * All connections but a few talk in each round. Those few must time out, no earlier than
 * they should, and nobody else. The program exits 0 only if it is so.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

enum { IDLE = 100, ROUNDS = 5, AT_ONCE = 64 };

#define NSEC_PER_SEC	1000000000LL

static const struct backend *backend = &backend_repoll;
static int connections = 10000, instance;
static long timeout_ms = 3000;

static int *fds;			/* epoll: a timerfd for each connection */
static struct repoll_timer *timers;	/* repoll: an operation for each */
static long calls, settings, spent_ns;

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static bool on_epoll(void)
{
	return backend == &backend_epoll;
}

static void new_timerfds(void)
{
	struct rlimit limit = { connections + 64, connections + 64 };

	fds = calloc(connections, sizeof(*fds));
	if (!fds || setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "a file descriptor for each connection");
	for (int i = 0; i < connections; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

		fds[i] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (fds[i] < 0 || backend->ctl(instance, EPOLL_CTL_ADD, fds[i], &event))
			err(1, "a timerfd for connection %d", i);
	}
}

/* The timeouts of the first @n connections begin anew; 0 ms: they have none any more. */
static void set_timerfds(int n, long ms)
{
	struct itimerspec spec = {
		.it_value = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
	};

	for (int i = 0; i < n; i++) {
		if (timerfd_settime(fds[i], 0, &spec, NULL))
			err(1, "timerfd_settime");
		calls++;
	}
}

static void set_timers(int n, long ms)
{
	for (int i = 0; i < n; i++) {
		timers[i] = (struct repoll_timer){
			.op = ms ? REPOLL_TIMER_SET : REPOLL_TIMER_CANCEL,
			.clock = CLOCK_MONOTONIC, .id = i, .expiry_ns = ms * 1000000,
		};
	}
	if (repoll_timers(instance, timers, n) != n)
		err(1, "repoll_timers");
	calls++;
}

static void set_all(int n, long ms)
{
	int64_t start = now_ns();

	if (on_epoll())
		set_timerfds(n, ms);
	else
		set_timers(n, ms);
	spent_ns += now_ns() - start;
	settings += n;
}

/* How many of the connections that time out say nothing, of @n that do. */
static int wait_for_timeouts(int n)
{
	struct epoll_event events[AT_ONCE];
	int idle = 0;

	for (int seen = 0; seen < n;) {
		int got = backend->wait(instance, events, AT_ONCE, 60000);

		if (got <= 0)
			errx(1, "%d connections did not time out", n - seen);
		for (int i = 0; i < got; i++) {
			uint64_t connection = events[i].data.u64, count;

			/* A timerfd is ready until it has been read. */
			if (on_epoll() && read(fds[connection], &count, sizeof(count)) < 0)
				err(1, "read");
			idle += connection >= (uint64_t)(connections - IDLE);
		}
		seen += got;
	}
	return idle;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'c' },
		{ "timeout-ms", required_argument, NULL, 't' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'b':
			if (!strcmp(optarg, "epoll"))
				backend = &backend_epoll;
			else if (strcmp(optarg, "repoll"))
				errx(2, "no backend %s", optarg);
			break;
		case 'c':
			connections = atoi(optarg);
			break;
		case 't':
			timeout_ms = atol(optarg);
			break;
		default:
			exit(2);
		}
	}
	if (connections <= IDLE || connections > REPOLL_TIMERS_MAX || timeout_ms <= 0)
		errx(2, "%d to %d connections, and a time", IDLE + 1, REPOLL_TIMERS_MAX);
}

int main(int argc, char **argv)
{
	int64_t start;
	int first_fd, idle;
	long took;

	parse(argc, argv);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	first_fd = instance + 1;
	timers = calloc(connections, sizeof(*timers));
	if (!timers)
		err(1, "calloc");
	if (on_epoll())
		new_timerfds();
	start = now_ns();
	set_all(connections, timeout_ms);
	calls = 0;
	settings = 0;
	spent_ns = 0;
	for (int i = 0; i < ROUNDS; i++) {
		usleep(100000);
		set_all(connections - IDLE, timeout_ms);
	}
	printf("connections %d\nfds %d\n", connections, dup(instance) - first_fd);
	printf("calls_per_round %ld\nns_per_timeout %ld\n", calls / ROUNDS, spent_ns / settings);
	idle = wait_for_timeouts(IDLE);
	took = (now_ns() - start) / 1000000;
	set_all(connections - IDLE, 0);
	printf("timeouts %d\nafter_ms %ld\n", idle, took);
	return idle == IDLE && took >= timeout_ms ? 0 : 1;
}
