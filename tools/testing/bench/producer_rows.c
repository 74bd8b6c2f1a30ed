// SPDX-License-Identifier: GPL-2.0
/*
 * Producers: threads that write to an eventfd each, as fast as they can, and one that
 * waits for all of them with one instance. How many writes arrive in a second.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"
#include "timed.h"

enum { WRITES = 64000, MOST = 32 };

static pthread_barrier_t barrier;

static void *produce(void *arg)
{
	const int fd = (intptr_t)arg;
	const uint64_t one = 1;

	pthread_barrier_wait(&barrier);
	for (long i = 0; i < WRITES / param; i++)
		MUST(write(fd, &one, sizeof(one)));
	return NULL;
}

/* Takes what arrives until all have written all. */
static void consume(int ep)
{
	struct epoll_event events[MOST];
	long arrived = 0;
	uint64_t value;

	while (arrived < WRITES / param * param) {
		int n = MUST(backend->wait(ep, events, MOST, -1));

		for (int i = 0; i < n; i++) {
			/* The read before may have taken what this event is of. */
			if (read(events[i].data.fd, &value, sizeof(value)) > 0)
				arrived += value;
			else if (errno != EAGAIN)
				DIE("read: %s", strerror(errno));
		}
	}
}

static void run_producers(void)
{
	int ep = MUST(backend->create1(EPOLL_CLOEXEC));
	pthread_t threads[MOST];
	double start;

	pthread_barrier_init(&barrier, NULL, param + 1);
	for (long i = 0; i < param; i++) {
		int fd = MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		struct epoll_event event = { EPOLLIN | EPOLLET, { .fd = fd } };

		MUST(backend->ctl(ep, EPOLL_CTL_ADD, fd, &event));
		errno = pthread_create(&threads[i], NULL, produce, (void *)(intptr_t)fd);
		if (errno)
			DIE("pthread_create: %s", strerror(errno));
	}
	pthread_barrier_wait(&barrier);
	start = timed_now();
	consume(ep);
	report("producers", WRITES / param * param / (timed_now() - start), 0, 1, "per second");
	for (long i = 0; i < param; i++)
		pthread_join(threads[i], NULL);
}

const struct row producer_rows[] = {
	{ BENCHES("producers"), "events in a second, from so many threads to one instance", BOTH,
	  PARAMS(1, 2, 4, 8, 16, 32), run_producers },
	{}
};
