// SPDX-License-Identifier: GPL-2.0
/* Wakeups: what they cost the one who writes, and the way of an event to a waiter. */
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"
#include "ring.h"

enum { SET = POOL_WRITTEN, BATCH = 100 };

static int ep;
static struct epoll_event events[SET];

static void watch(int epfd, int fd, uint32_t flags)
{
	struct epoll_event event = { EPOLLIN | flags, { .fd = fd } };

	MUST(backend->ctl(epfd, EPOLL_CTL_ADD, fd, &event));
}

static void watch_all(uint32_t flags)
{
	pool_grow(SET);
	if (!backend)
		return;
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	for (int i = 0; i < SET; i++)
		watch(ep, pool[i], flags);
	memset(events, 1, sizeof(events));
}

static void write_each(long times)
{
	const uint64_t one = 1;

	for (long i = 0; i < times; i++) {
		if (write(pool[i], &one, sizeof(one)) != sizeof(one))
			DIE("write: %s", strerror(errno));
	}
}

static void take_all(void)
{
	while (backend->wait(ep, events, SET, 0) > 0)
		;
}

static void run_unwatched(void)
{
	watch_all(0);
	count("write_unwatched", BATCH, NULL, write_each);
}

static void count_watched(const char *bench, const char *bench_queued)
{
	struct figure first = { .bench = bench }, again = { .bench = bench_queued };

	while (again.batches < BATCHES) {
		take_all();
		figure_start(&first);
		write_each(BATCH);
		figure_stop(&first);
		figure_start(&again);
		write_each(BATCH);
		figure_stop(&again);
	}
	figure_report(&first, BATCH);
	figure_report(&again, BATCH);
}

static void run_watched(void)
{
	watch_all(EPOLLET);
	count_watched("write_watched", "write_queued");
}

static void watch_all_with_statistics(uint32_t flags)
{
	watch_all(flags);
	MUST(repoll_stats_on(ep));
}

static void run_watched_with_statistics(void)
{
	watch_all_with_statistics(EPOLLET);
	count_watched("write_watched_stats", "write_queued_stats");
}

/* The fd that a wait for one event found, of those that poll() and select() look at. */

static int next_of_eventpoll(void)
{
	struct epoll_event event;

	return backend->wait(ep, &event, 1, -1) == 1 ? event.data.fd : -1;
}

static int next_of_poll(void)
{
	static struct pollfd fds[SET];

	if (!fds[0].events) {
		for (int i = 0; i < SET; i++)
			fds[i] = (struct pollfd){ .fd = pool[i], .events = POLLIN };
	}
	if (poll(fds, SET, -1) == 1) {
		for (int i = 0; i < SET; i++) {
			if (fds[i].revents)
				return fds[i].fd;
		}
	}
	return -1;
}

static int next_of_select(void)
{
	int end = pool[SET - 1] + 1;
	fd_set readable;

	if (end > FD_SETSIZE)
		DIE("fd %d is too large for select()", end - 1);
	FD_ZERO(&readable);
	for (int i = 0; i < SET; i++)
		FD_SET(pool[i], &readable);
	if (select(end, &readable, NULL, NULL, NULL) == 1) {
		for (int i = 0; i < SET; i++) {
			if (FD_ISSET(pool[i], &readable))
				return pool[i];
		}
	}
	return -1;
}

static int next_of_ring(void)
{
	return ring_take(true);
}

static int (*const next[SUBJECTS])(void) = {
	[EPOLL] = next_of_eventpoll,
	[REPOLL] = next_of_eventpoll,
	[POLL] = next_of_poll,
	[SELECT] = next_of_select,
	[IO_URING] = next_of_ring,
};

static void write_wait_read(long times)
{
	int (*const next_ready)(void) = next[subject];
	uint64_t value = 1;

	for (long i = 0; i < times; i++) {
		int fd = pool[i % SET];

		MUST(write(fd, &value, sizeof(value)));
		if (next_ready() != fd)
			DIE("not the one that was written to");
		MUST(read(fd, &value, sizeof(value)));
	}
}

static void run_level(void)
{
	watch_all(0);
	count("write_wait_read_level", backend ? BATCH : 2, NULL, write_wait_read);
}

static void run_edge(void)
{
	watch_all(EPOLLET);
	if (subject == IO_URING)
		ring_watch(pool, SET);
	count("write_wait_read_edge", BATCH, NULL, write_wait_read);
}

static void run_level_with_statistics(void)
{
	watch_all_with_statistics(0);
	count("write_wait_read_level_stats", BATCH, NULL, write_wait_read);
}

static void run_edge_with_statistics(void)
{
	watch_all_with_statistics(EPOLLET);
	count("write_wait_read_edge_stats", BATCH, NULL, write_wait_read);
}

/*
 * Two threads, each waiting with an instance of its own for an eventfd that the other
 * writes to.
 */
static struct end {
	int ep, fd, peer;
} ends[2];

static void ping(const struct end *end)
{
	uint64_t one = 1;

	MUST(write(end->peer, &one, sizeof(one)));
}

static void wait_for_ping(const struct end *end)
{
	struct pollfd pollfd = { .fd = end->fd, .events = POLLIN };
	struct epoll_event event;
	uint64_t value;

	if (backend)
		MUST(backend->wait(end->ep, &event, 1, -1));
	else
		MUST(poll(&pollfd, 1, -1));
	MUST(read(end->fd, &value, sizeof(value)));
}

static void *pong(void *arg)
{
	for (;;) {
		wait_for_ping(arg);
		ping(arg);
	}
	return NULL;
}

static void ping_pong(long times)
{
	while (times--) {
		ping(&ends[0]);
		wait_for_ping(&ends[0]);
	}
}

static void run_ping_pong(void)
{
	pthread_t thread;

	for (int i = 0; i < 2; i++)
		ends[i].fd = MUST(eventfd(0, EFD_CLOEXEC));
	for (int i = 0; i < 2; i++) {
		ends[i].peer = ends[!i].fd;
		if (backend) {
			ends[i].ep = MUST(backend->create1(EPOLL_CLOEXEC));
			watch(ends[i].ep, ends[i].fd, 0);
		}
	}
	errno = pthread_create(&thread, NULL, pong, &ends[1]);
	if (errno)
		DIE("pthread_create: %s", strerror(errno));
	count("ping_pong", 15, NULL, ping_pong);
}

const struct row write_rows[] = {
	{ BENCHES("write_unwatched"), "write to an eventfd that nobody watches", 1 << NONE,
	  PARAMS(1000), run_unwatched },
	{ BENCHES("write_watched", "write_queued"),
	  "write to a watched one, not yet ready; and when it is queued already", BOTH,
	  PARAMS(1000), run_watched },
	{ BENCHES("write_wait_read_level"), "write, wait for it among so many, read",
	  BOTH | 1 << POLL | 1 << SELECT, PARAMS(1000), run_level },
	{ BENCHES("write_wait_read_edge"), "the same, edge-triggered", BOTH | 1 << IO_URING,
	  PARAMS(1000), run_edge },
	{ BENCHES("write_watched_stats", "write_queued_stats"),
	  "write_watched and write_queued, with statistics", 1 << REPOLL,
	  PARAMS(1000), run_watched_with_statistics },
	{ BENCHES("write_wait_read_level_stats"), "write_wait_read_level, with statistics",
	  1 << REPOLL, PARAMS(1000), run_level_with_statistics },
	{ BENCHES("write_wait_read_edge_stats"), "write_wait_read_edge, with statistics",
	  1 << REPOLL, PARAMS(1000), run_edge_with_statistics },
	{ BENCHES("ping_pong"), "two threads, an instance each: there and back",
	  BOTH | 1 << POLL, PARAMS(1), run_ping_pong },
	{}
};
