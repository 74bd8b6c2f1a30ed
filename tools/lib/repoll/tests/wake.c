// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Which of two workers, each with an instance that watches one file with
 * EPOLLEXCLUSIVE, is woken by one event after the other.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "probe.h"

enum { WORKERS = 2, EVENTS = 6 };

static const struct calls *calls;
static atomic_int woken = -1;	/* the worker that has taken the event */

struct worker {
	int number;
	int epfd;
	atomic_int tid;
	pthread_t thread;
};

/* /proc tells the arguments of the call in which a thread sleeps. */
static bool sleeps(const struct worker *worker)
{
	char path[64], text[64] = "";
	unsigned long fd;
	long number;
	int file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", worker->tid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	EXPECT(file >= 0);
	EXPECT(read(file, text, sizeof(text) - 1) >= 0);
	close(file);
	return sscanf(text, "%ld %lx", &number, &fd) == 2 &&
	       fd == (unsigned long)worker->epfd;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct epoll_event event;

	worker->tid = gettid();
	for (;;) {
		EXPECT(calls->wait(worker->epfd, &event, 1, -1) == 1);
		woken = worker->number;
		while (woken >= 0)
			usleep(100);
	}
	return NULL;
}

/* Prints the workers in the order in which they were woken. */
void check_wake(const struct calls *by)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLEXCLUSIVE | EPOLLET };
	static struct worker workers[WORKERS];
	int fd = eventfd(0, EFD_CLOEXEC);

	calls = by;
	EXPECT(fd >= 0);
	for (int i = 0; i < WORKERS; i++) {
		struct worker *worker = &workers[i];

		*worker = (struct worker){ .number = i, .epfd = calls->create1(EPOLL_CLOEXEC) };
		EXPECT(!calls->ctl(worker->epfd, EPOLL_CTL_ADD, fd, &event));
		/* What in-tree refuses is refused with any policy. */
		EXPECT_ERRNO(calls->ctl(worker->epfd, EPOLL_CTL_MOD, fd, &event), EINVAL);
		EXPECT(!pthread_create(&worker->thread, NULL, work, worker));
		/* Who has waited longest is known from the start. */
		while (!worker->tid || !sleeps(worker))
			usleep(100);
	}
	event.events |= EPOLLONESHOT;
	EXPECT_ERRNO(calls->ctl(workers[0].epfd, EPOLL_CTL_ADD, eventfd(0, 0), &event), EINVAL);

	for (int i = 0; i < EVENTS; i++) {
		for (int j = 0; j < WORKERS; j++) {
			while (!sleeps(&workers[j]))
				usleep(100);
		}
		EXPECT(!eventfd_write(fd, 1));
		while (woken < 0)
			usleep(100);
		printf("%d", woken);
		woken = -1;
	}
	putchar('\n');
}
