// SPDX-License-Identifier: GPL-2.0
/*
 * One of N: a program watches N files, of which one, another one each time, becomes
 * ready. After the table of chapter 63 of The Linux Programming Interface.
 */
#include <poll.h>
#include <sys/select.h>
#include <unistd.h>

#include "bench.h"
#include "pool.h"
#include "timed.h"

static int ep;
static struct pollfd *fds;

static int next_of_eventpoll(void)
{
	struct epoll_event event;

	return backend->wait(ep, &event, 1, -1) == 1 ? event.data.fd : -1;
}

static int next_of_poll(void)
{
	if (poll(fds, param, -1) != 1)
		return -1;
	for (long i = 0; i < param; i++) {
		if (fds[i].revents)
			return fds[i].fd;
	}
	return -1;
}

static int next_of_select(void)
{
	fd_set readable;

	FD_ZERO(&readable);
	for (long i = 0; i < param; i++)
		FD_SET(pool[i], &readable);
	if (select(pool[param - 1] + 1, &readable, NULL, NULL, NULL) != 1)
		return -1;
	for (long i = 0; i < param; i++) {
		if (FD_ISSET(pool[i], &readable))
			return pool[i];
	}
	return -1;
}

static void monitor_one(void)
{
	static uint32_t random = 1;
	uint64_t value = 1;
	int fd, found;

	random = random * 1664525 + 1013904223;
	fd = pool[(random >> 8) % param];
	MUST(write(fd, &value, sizeof(value)));
	switch (subject) {
	case POLL:
		found = next_of_poll();
		break;
	case SELECT:
		found = next_of_select();
		break;
	default:
		found = next_of_eventpoll();
	}
	if (found != fd)
		DIE("%d is ready, not %d", found, fd);
	/* So it is not ready for the next one. */
	MUST(read(fd, &value, sizeof(value)));
}

static void run_one_of_n(void)
{
	if (subject == SELECT && pool[param - 1] >= FD_SETSIZE)
		DIE("fd %d is too large for select()", pool[param - 1]);
	if (backend) {
		ep = MUST(backend->create1(EPOLL_CLOEXEC));
		for (long i = 0; i < param; i++) {
			struct epoll_event event = { EPOLLIN, { .fd = pool[i] } };

			MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &event));
		}
	} else {
		fds = calloc(param, sizeof(*fds));
		if (!fds)
			DIE("no memory");
		for (long i = 0; i < param; i++)
			fds[i] = (struct pollfd){ .fd = pool[i], .events = POLLIN };
	}
	timed("one_of_n", monitor_one);
}

const struct row one_of_n_rows[] = {
	{ BENCHES("one_of_n"), "one of so many files ready, again and again", BOTH,
	  PARAMS(10, 100, 1000, 10000, 100000), run_one_of_n },
	{ BENCHES("one_of_n"), "the same", 1 << POLL, PARAMS(10, 100, 1000, 10000), run_one_of_n },
	{ BENCHES("one_of_n"), "the same", 1 << SELECT, PARAMS(10, 100, 1000), run_one_of_n },
	{}
};
