// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * How often a thread has to be woken to take events that come at a fixed rate.
 *
 * A second thread makes one of 64 eventfds ready after the other, so many a second. With
 * epoll, whoever waits for them is woken for each, unless it is slower than they come.
 * With repoll it waits until there are 16 of them, but none for longer than 50 ms.
 *
 * What is told is how often the waiting thread went to sleep (ru_nvcsw) for each event,
 * and how long the events had to wait for it. The program exits 0 only if it saw them all.
 */
#define _GNU_SOURCE
#include <err.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "backend.h"

enum { SOURCES = 64 };

#define NSEC_PER_SEC	1000000000L

static const struct backend *backend = &backend_repoll;
static unsigned long rate = 1000, total = 2000;
static unsigned int min_events = 16;
static unsigned long delay_us = 50000;

static struct source {
	int fd;
	long ready_at;	/* ns; when it last became ready */
} sources[SOURCES];

static long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static void *make_ready(void *unused)
{
	long next = now_ns();

	for (unsigned long i = 0; i < total; i++) {
		struct source *source = &sources[i % SOURCES];
		struct timespec at;
		uint64_t one = 1;

		next += NSEC_PER_SEC / rate;
		at = (struct timespec){ next / NSEC_PER_SEC, next % NSEC_PER_SEC };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		__atomic_store_n(&source->ready_at, now_ns(), __ATOMIC_RELAXED);
		if (write(source->fd, &one, sizeof(one)) != sizeof(one))
			err(1, "write");
	}
	return unused;
}

static int wait_for_events(int instance, struct epoll_event *events)
{
	if (backend == &backend_epoll)
		return epoll_wait(instance, events, SOURCES, -1);
	return repoll_wait_many(instance, events, SOURCES, min_events, delay_us * 1000, -1);
}

static long times_slept(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage))
		err(1, "getrusage");
	return usage.ru_nvcsw;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "rate", required_argument, NULL, 'r' },
		{ "events", required_argument, NULL, 'e' },
		{ "min", required_argument, NULL, 'm' },
		{ "delay-us", required_argument, NULL, 'd' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'r')
			rate = strtoul(optarg, NULL, 10);
		else if (option == 'e')
			total = strtoul(optarg, NULL, 10);
		else if (option == 'm')
			min_events = strtoul(optarg, NULL, 10);
		else if (option == 'd')
			delay_us = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: wait_many [--backend epoll|repoll] [--rate N] %s",
			     "[--events N] [--min N] [--delay-us N]");
	}
	if (!rate || rate > NSEC_PER_SEC || !total || !min_events)
		errx(2, "rate, events and min have to be above 0");
}

int main(int argc, char **argv)
{
	unsigned long seen = 0, waits = 0;
	long slept, waited = 0, longest = 0;
	pthread_t thread;
	int instance;

	parse(argc, argv);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	for (int i = 0; i < SOURCES; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.ptr = &sources[i] };

		sources[i].fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (sources[i].fd < 0)
			err(1, "eventfd");
		if (backend->ctl(instance, EPOLL_CTL_ADD, sources[i].fd, &event))
			err(1, "ADD");
	}
	if (pthread_create(&thread, NULL, make_ready, NULL))
		errx(1, "no thread");
	slept = times_slept();
	while (seen < total) {
		struct epoll_event events[SOURCES];
		int n = wait_for_events(instance, events);

		if (n < 0)
			err(1, "wait");
		waits++;
		for (int i = 0; i < n; i++) {
			struct source *source = events[i].data.ptr;
			long ready_at = __atomic_load_n(&source->ready_at, __ATOMIC_RELAXED);
			long ns = now_ns() - ready_at;
			uint64_t count;

			if (read(source->fd, &count, sizeof(count)) != sizeof(count))
				err(1, "read");
			seen += count;
			waited += ns;
			if (ns > longest)
				longest = ns;
		}
	}
	slept = times_slept() - slept;
	pthread_join(thread, NULL);
	if (seen != total)
		errx(1, "%lu events of %lu", seen, total);
	printf("rate %lu\n", rate);
	printf("events %lu\n", seen);
	printf("waits %lu\n", waits);
	printf("switches_per_event %.3f\n", (double)slept / seen);
	printf("latency_us_mean %.0f\n", waited / 1000.0 / seen);
	printf("latency_us_max %.0f\n", longest / 1000.0);
	return 0;
}
