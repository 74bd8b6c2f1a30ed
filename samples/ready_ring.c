// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A busy program: it works, and looks for events between two pieces of work.
 *
 * With epoll each look is a system call, for as many events as the program has room for. With a
 * ready ring it is a look at memory.
 *
 * Each burst makes all of the fds ready, and each of these events must be taken once. The program
 * exits 0 only if it is so.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <repoll_ring.h>

#include "backend.h"

enum { FDS = 64, AT_ONCE = 16 };

static const struct backend *backend = &backend_repoll;
static struct repoll_ring_map ring;
static int instance, fds[FDS];
static long calls;

/* Up to AT_ONCE events. */
static int look(struct epoll_event *events)
{
	if (backend == &backend_epoll) {
		calls++;
		return backend->wait(instance, events, AT_ONCE, 0);
	}
	if (repoll_ring_more(&ring)) {
		calls++;
		repoll_ring_enter(&ring, 0);
	}
	return repoll_ring_get(&ring, events, AT_ONCE);
}

/* Takes what a burst has made ready; tells how many events that were. */
static int take_burst(void)
{
	struct epoll_event events[AT_ONCE];
	int n, taken = 0;

	while ((n = look(events)) > 0) {
		for (int i = 0; i < n; i++) {
			uint64_t count;

			if (read(events[i].data.fd, &count, sizeof(count)) != sizeof(count))
				err(1, "an event of an fd that is not ready");
		}
		taken += n;
	}
	return taken;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "bursts", required_argument, NULL, 'n' },
		{}
	};
	long bursts = 1000, events = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'n' && atol(optarg) > 0)
			bursts = atol(optarg);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: ready_ring [--backend epoll|repoll] [--bursts N]");
	}

	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "create1");
	if (backend == &backend_repoll && repoll_ring_setup(instance, FDS, &ring))
		err(1, "repoll_ring_setup");
	for (int i = 0; i < FDS; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET };

		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		event.data.fd = fds[i];
		if (fds[i] < 0 || backend->ctl(instance, EPOLL_CTL_ADD, fds[i], &event))
			err(1, "an fd to watch");
	}

	for (long i = 0; i < bursts; i++) {
		for (int j = 0; j < FDS; j++) {
			if (eventfd_write(fds[j], 1))
				err(1, "write");
		}
		events += take_burst();
	}
	printf("events %ld\n", events);
	printf("calls_per_event %.3f\n", (double)calls / events);
	if (events != bursts * FDS)
		errx(1, "not each event was taken once");
	return 0;
}
