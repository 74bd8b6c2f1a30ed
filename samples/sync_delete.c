// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Worker threads, and objects that are freed: who still has a pointer to one?
 *
 * Each connection has an object, whose address is the data of its events. One thread ends
 * connections: it deletes the registration, and frees the object. A worker may have been
 * handed an event of it an instant before, and with epoll there is no way to know when it
 * is done with that. With repoll the deletion returns when it is (REPOLL_CTL_SYNC).
 *
 * Here the memory is not given back but poisoned, so that the uses of what has been freed
 * can be counted.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "backend.h"

/* MEANWHILE: so many events are handled between two deletions. */
enum { CONNECTIONS = 64, WORKERS = 2, EVENTS = 64, MEANWHILE = 8 };

enum state { IN_USE = 1, FREED };

struct object {
	int fd;
	enum state state;
};

static const struct backend *backend = &backend_repoll;
static unsigned long deletions = 1000;
static int instance;
static bool over;

static unsigned long handled, stale;

static void count(unsigned long *counter)
{
	__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static unsigned long uses(void)
{
	return __atomic_load_n(&handled, __ATOMIC_RELAXED) +
	       __atomic_load_n(&stale, __ATOMIC_RELAXED);
}

static void watch(struct object *object)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = object };
	int ret;

	if (backend == &backend_repoll)
		ret = repoll_ctl_flags(instance, EPOLL_CTL_ADD, object->fd, &event,
				       REPOLL_CTL_SYNC);
	else
		ret = backend->ctl(instance, EPOLL_CTL_ADD, object->fd, &event);
	if (ret < 0)
		err(1, "add");
}

static void unwatch(const struct object *object)
{
	int ret;

	if (backend == &backend_repoll)
		ret = repoll_ctl_flags(instance, EPOLL_CTL_DEL, object->fd, NULL,
				       REPOLL_CTL_SYNC);
	else
		ret = backend->ctl(instance, EPOLL_CTL_DEL, object->fd, NULL);
	if (ret)
		err(1, "delete");
}

/* Stands for free(). */
static void release(struct object *object)
{
	__atomic_store_n(&object->state, FREED, __ATOMIC_RELEASE);
}

/* A request: it takes some time, and the object in the end. */
static void handle(const struct object *object)
{
	eventfd_t value;

	if (read(object->fd, &value, sizeof(value)) != sizeof(value) ||
	    write(object->fd, &value, sizeof(value)) != sizeof(value))
		err(1, "connection");
	if (__atomic_load_n(&object->state, __ATOMIC_ACQUIRE) == IN_USE)
		count(&handled);
	else
		count(&stale);
}

static void *worker(void *unused)
{
	struct epoll_event events[EVENTS];

	while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
		int n = backend->wait(instance, events, EVENTS, 1);

		if (n < 0)
			err(1, "wait");
		for (int i = 0; i < n; i++)
			handle(events[i].data.ptr);
	}
	return unused;
}

/* A connection, on the file of the one before. */
static struct object *connection(int fd)
{
	struct object *object = malloc(sizeof(*object));

	if (!object)
		err(1, "malloc");
	*object = (struct object){ .fd = fd, .state = IN_USE };
	watch(object);
	return object;
}

static void parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "backend", required_argument, NULL, 'b' },
		{ "deletions", required_argument, NULL, 'd' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'b' && !strcmp(optarg, "epoll"))
			backend = &backend_epoll;
		else if (option == 'd')
			deletions = strtoul(optarg, NULL, 10);
		else if (option != 'b' || strcmp(optarg, "repoll"))
			errx(2, "usage: sync_delete [--backend epoll|repoll] [--deletions N]");
	}
	if (!deletions)
		errx(2, "there has to be a deletion");
}

int main(int argc, char **argv)
{
	struct object *connections[CONNECTIONS];
	pthread_t threads[WORKERS];

	parse(argc, argv);
	instance = backend->create1(EPOLL_CLOEXEC);
	if (instance < 0)
		err(1, "%s", backend->name);
	for (int i = 0; i < CONNECTIONS; i++) {
		/* Always ready, and each read takes a request off it. */
		int fd = eventfd(1000000, EFD_CLOEXEC | EFD_SEMAPHORE);

		if (fd < 0)
			err(1, "eventfd");
		connections[i] = connection(fd);
	}
	for (int i = 0; i < WORKERS; i++) {
		errno = pthread_create(&threads[i], NULL, worker, NULL);
		if (errno)
			err(1, "pthread_create");
	}
	for (unsigned long i = 0; i < deletions; i++) {
		struct object **place = &connections[i % CONNECTIONS];
		struct object *old = *place;
		unsigned long until = uses() + MEANWHILE;

		/* In the middle of the workers' work. */
		while (uses() < until)
			sched_yield();
		unwatch(old);
		release(old);
		*place = connection(old->fd);
	}
	__atomic_store_n(&over, true, __ATOMIC_RELAXED);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(threads[i], NULL);
	printf("workers %d\n", WORKERS);
	printf("deletions %lu\n", deletions);
	printf("handled %lu\n", handled);
	printf("used_after_free %lu\n", stale);
	return 0;
}
