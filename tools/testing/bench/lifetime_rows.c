// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations that end with their number, and those found by a token. In-tree
 * has neither: beside them stands what it does instead, an ADD or a DEL by fd, and
 * a close after which the registration stays.
 */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <linux/repoll.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

/* Those that are opened, watched and closed. */
static int files[100], copies[100];
static int ep;

static void must_ctl(int op, int fd, uint64_t data, unsigned int flags)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = data };
	int ret;

	if (subject == REPOLL && flags)
		ret = repoll_ctl_flags(ep, op, fd, &event, flags);
	else
		ret = backend->ctl(ep, op, fd, &event);
	if (ret)
		DIE("ctl %d of %d, flags %u: %s", op, fd, flags, strerror(errno));
}

/* A set of @param, all of them with @flags. */
static void fill_set(unsigned int flags)
{
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	pool_grow(param);
	for (long i = 0; i < param; i++)
		must_ctl(EPOLL_CTL_ADD, pool[i], i, flags);
}

static void open_files(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		files[i] = MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void add_files(unsigned int flags)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		must_ctl(EPOLL_CTL_ADD, files[i], param + i, flags);
}

static void close_all(const int *fds)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		close(fds[i]);
}

static void close_files(long times)
{
	(void)times;
	close_all(files);
}

static void open_and_watch_files(void)
{
	open_files();
	add_files(0);
}

static void run_close_beside(void)
{
	fill_set(REPOLL_CTL_BIND);
	count("close_beside_bound", ARRAY_SIZE(files), open_files, close_files);
}

static void run_close_watched_beside(void)
{
	fill_set(REPOLL_CTL_BIND);
	count("close_watched_beside", ARRAY_SIZE(files), open_and_watch_files, close_files);
}

/* The files stay open. */
static void open_and_bind_numbers(void)
{
	static bool before;

	if (before)
		close_all(copies);
	before = true;
	open_files();
	add_files(REPOLL_CTL_BIND);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		copies[i] = MUST(fcntl(files[i], F_DUPFD_CLOEXEC, 0));
}

static void run_close_bound(void)
{
	fill_set(REPOLL_CTL_BIND);
	count("close_bound", ARRAY_SIZE(files), open_and_bind_numbers, close_files);
}

static void run_add_bind(void)
{
	struct figure add = { .bench = "add_bind" };

	fill_set(REPOLL_CTL_BIND);
	open_files();
	while (add.batches < BATCHES) {
		figure_start(&add);
		add_files(REPOLL_CTL_BIND);
		figure_stop(&add);
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			must_ctl(EPOLL_CTL_DEL, files[i], 0, 0);
	}
	figure_report(&add, ARRAY_SIZE(files));
}

static void run_token(void)
{
	struct figure add = { .bench = "add_token" }, del = { .bench = "del_token" };

	fill_set(REPOLL_CTL_TOKEN);
	open_files();
	while (del.batches < BATCHES) {
		figure_start(&add);
		add_files(REPOLL_CTL_TOKEN);
		figure_stop(&add);
		figure_start(&del);
		for (size_t i = 0; i < ARRAY_SIZE(files); i++)
			must_ctl(EPOLL_CTL_DEL, subject == REPOLL ? -1 : files[i], param + i,
				 REPOLL_CTL_TOKEN);
		figure_stop(&del);
	}
	figure_report(&add, ARRAY_SIZE(files));
	figure_report(&del, ARRAY_SIZE(files));
}

const struct row lifetime_rows[] = {
	{ BENCHES("close_beside_bound"),
	  "close an eventfd that nobody watches, with so many bound registrations of others", BOTH,
	  PARAMS(1, 1000), run_close_beside },
	{ BENCHES("close_watched_beside"), "the same, one that is watched, not bound", BOTH,
	  PARAMS(1000), run_close_watched_beside },
	{ BENCHES("close_bound"),
	  "close a number that is bound, in a set of so many; a duplicate keeps the file", BOTH,
	  PARAMS(1000), run_close_bound },
	{ BENCHES("add_bind"), "ADD with a binding, in a set of so many", BOTH, PARAMS(1000),
	  run_add_bind },
	{ BENCHES("add_token", "del_token"), "ADD with, DEL by a token, in a set of so many", BOTH,
	  PARAMS(1000), run_token },
	{}
};
