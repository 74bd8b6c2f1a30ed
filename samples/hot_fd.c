// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * One fd among 10,000 keeps a program busy: which, and who writes to it?
 *
 * With epoll, nobody can tell from outside: /proc/PID/fdinfo has a line for each
 * registration, and none of them says how often it was woken. With repoll, statistics
 * can be switched on for the instance, by the program or by whoever may trace it.
 *
 * A thread writes to one eventfd all the time, and to another one, a different one each
 * time, once in a hundred. The program prints what it was told of the hot one: nothing
 * with epoll; with repoll its number, how often it was woken, and by whom. It exits 0
 * only if that is right. With --run-for it goes on for so many seconds, statistics
 * off, to be looked at:
 *
 *	hot_fd --run-for 30 & repollstat --pid $!
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
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

enum { FDS = 10000, HOT = 7777, EVENTS = 2000 };

static const struct backend *backend = &backend_repoll;
static int fds[FDS], instance;
static bool stop;

static void *write_to_hot(void *unused)
{
	const uint64_t one = 1;

	prctl(PR_SET_NAME, "chatterbox");
	for (unsigned long i = 1; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i++) {
		int to = i % 100 ? fds[HOT] : fds[i * 31 % FDS];

		if (write(to, &one, sizeof(one)) < 0)
			err(1, "write");
	}
	return unused;
}

static void watch_all(void)
{
	struct rlimit limit = { FDS + 100, FDS + 100 };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		err(1, "RLIMIT_NOFILE of %d", FDS + 100);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s: create", backend->name);
	for (int i = 0; i < FDS; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u32 = i };

		fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fds[i] < 0 || backend->ctl(instance, EPOLL_CTL_ADD, fds[i], &event))
			err(1, "fd %d", i);
	}
}

/* Handles so many events, or for so long. */
static unsigned long handle(unsigned long least, unsigned long seconds)
{
	time_t end = time(NULL) + seconds;
	unsigned long handled = 0;

	while (seconds ? time(NULL) < end : handled < least) {
		struct epoll_event events[64];
		int n = backend->wait(instance, events, 64, -1);
		uint64_t count;

		if (n < 0)
			err(1, "wait");
		for (int i = 0; i < n; i++) {
			if (read(fds[events[i].data.u32], &count, sizeof(count)) < 0)
				err(1, "read");
		}
		handled += n;
	}
	return handled;
}

/* Lines of /proc that tell more of a registration than what it is: there are none. */
static void look_in_proc(void)
{
	char path[64], line[256];
	unsigned long lines = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", instance);
	info = fopen(path, "re");
	if (!info)
		err(1, "%s", path);
	while (fgets(line, sizeof(line), info))
		lines += !strncmp(line, "tfd:", 4);
	fclose(info);
	printf("fdinfo_lines %lu\nhot_fd unknown\n", lines);
}

/* Whether the statistics have it right. */
static bool look_at_statistics(void)
{
	static struct repoll_stats_record records[FDS];
	const struct repoll_stats_record *hot = records;
	unsigned long wakes = 0;
	int n = repoll_stats_read(instance, NULL, records, FDS, NULL);

	if (n < 0)
		err(1, "statistics");
	for (int i = 0; i < n; i++) {
		wakes += records[i].wakes;
		if (records[i].wakes > hot->wakes)
			hot = &records[i];
	}
	printf("hot_fd %d\nhot_wakes %llu\nall_wakes %lu\n", hot->fd,
	       (unsigned long long)hot->wakes, wakes);
	printf("last_waker %s\nlast_waker_pid %d\n", hot->waker_comm, hot->waker_pid);
	return n == FDS && hot->fd == fds[HOT] && hot->wakes > wakes / 10 * 9 &&
	       hot->waker_pid == getpid() && !strcmp(hot->waker_comm, "chatterbox");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "run-for", required_argument, NULL, 'r' },
		{}
	};
	unsigned long seconds = 0;
	bool right = true;
	pthread_t thread;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'r')
			seconds = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: hot_fd [--backend epoll|repoll] [--run-for SECONDS]");
	}
	watch_all();
	if (backend == &backend_repoll && !seconds && repoll_stats_on(instance) < 0)
		err(1, "statistics");
	printf("fds %d\nwritten_to %d\n", FDS, fds[HOT]);
	fflush(stdout);
	errno = pthread_create(&thread, NULL, write_to_hot, NULL);
	if (errno)
		err(1, "pthread_create");
	printf("events %lu\n", handle(EVENTS, seconds));
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	if (backend == &backend_epoll)
		look_in_proc();
	else if (!seconds)
		right = look_at_statistics();
	return !right;
}
