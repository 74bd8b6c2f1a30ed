// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A runtime that has a loop of its own, and a callback for when the set has events.
 *
 * The loop polls what is the runtime's; it cannot block in epoll_wait(). With epoll it
 * takes a thread that does, tells the loop by an eventfd, and sleeps until the loop has
 * taken the events: two threads that wake each other. With repoll the instance tells the
 * loop itself.
 *
 * Bursts of events come from a third thread. What is told is how often anybody had to be
 * woken for a burst. The program exits 0 only if the callback saw all events.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

enum { SOURCES = 64 };

static const struct backend *backend = &backend_repoll;
static unsigned long bursts = 200;
static int instance, told, taken, sources[SOURCES];
static unsigned long seen, notifications;
static long helper_slept;

static int new_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	if (fd < 0)
		err(1, "eventfd");
	return fd;
}

static void add_one(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) != sizeof(one))
		err(1, "write");
}

static uint64_t take_all(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void wait_for(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	if (poll(&pfd, 1, -1) != 1)
		err(1, "poll");
}

static long times_slept(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage))
		err(1, "getrusage");
	return usage.ru_nvcsw;
}

static void *make_bursts(void *unused)
{
	for (unsigned long i = 0; i < bursts; i++) {
		usleep(2000);
		for (int j = 0; j < SOURCES; j++)
			add_one(sources[j]);
	}
	return unused;
}

/* What epoll takes: somebody who waits in the place of the loop. */
static void *wait_in_its_place(void *unused)
{
	struct pollfd pfd = { .fd = instance, .events = POLLIN };
	long slept = times_slept();

	while (__atomic_load_n(&seen, __ATOMIC_ACQUIRE) < bursts * SOURCES) {
		if (poll(&pfd, 1, 100) != 1)
			continue;
		add_one(told);
		wait_for(taken);
		take_all(taken);
	}
	helper_slept = times_slept() - slept;
	return unused;
}

/* The callback: the set has events. */
static void on_events(void)
{
	struct epoll_event events[SOURCES];
	int n = backend->wait(instance, events, SOURCES, 0);
	unsigned long count = 0;

	if (n < 0)
		err(1, "wait");
	for (int i = 0; i < n; i++)
		count += take_all(events[i].data.fd);
	__atomic_add_fetch(&seen, count, __ATOMIC_RELEASE);
	notifications++;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "bursts", required_argument, NULL, 'n' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'n')
			bursts = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: notify [--backend epoll|repoll] [--bursts N]");
	}
	if (!bursts)
		errx(2, "there has to be a burst");
}

int main(int argc, char **argv)
{
	bool helped;
	pthread_t source, helper;
	long slept;

	parse(argc, argv);
	helped = backend == &backend_epoll;
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	told = new_eventfd();
	taken = new_eventfd();
	for (int i = 0; i < SOURCES; i++) {
		struct epoll_event event = { .events = EPOLLIN | EPOLLET };

		sources[i] = new_eventfd();
		event.data.fd = sources[i];
		if (backend->ctl(instance, EPOLL_CTL_ADD, sources[i], &event))
			err(1, "ADD");
	}
	if (!helped && repoll_notify(instance, told))
		err(1, "repoll_notify");
	if (helped && pthread_create(&helper, NULL, wait_in_its_place, NULL))
		errx(1, "no thread");
	if (pthread_create(&source, NULL, make_bursts, NULL))
		errx(1, "no thread");
	slept = times_slept();
	while (seen < bursts * SOURCES) {
		/* Where the runtime waits for all that it has. */
		wait_for(told);
		take_all(told);
		on_events();
		if (helped)
			add_one(taken);
	}
	slept = times_slept() - slept;
	pthread_join(source, NULL);
	if (helped)
		pthread_join(helper, NULL);
	printf("threads %d\n", helped ? 2 : 1);
	printf("bursts %lu\n", bursts);
	printf("events %lu\n", seen);
	printf("notifications %lu\n", notifications);
	printf("switches_per_burst %.2f\n", (double)(slept + helper_slept) / bursts);
	return 0;
}
