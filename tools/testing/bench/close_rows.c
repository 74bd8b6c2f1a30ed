// SPDX-License-Identifier: GPL-2.0
/* Files that come and go; and the calls that everything else is compared with. */
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "pool.h"

static void getppid_n(long times)
{
	while (times--)
		syscall(SYS_getppid);
}

static void run_getppid(void)
{
	count("getppid", 500, NULL, getppid_n);
}

static void refused_ioctl(long times)
{
	while (times--) {
		if (ioctl(pool[0], _IO('E', 0xff), 0) != -1 || errno != ENOTTY)
			DIE("an eventfd knows an ioctl");
	}
}

static void run_ioctl(void)
{
	pool_grow(1);
	count("ioctl_enotty", 500, NULL, refused_ioctl);
}

static int new_eventfd(void)
{
	return MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}

static void open_and_close(long times)
{
	while (times--)
		close(new_eventfd());
}

static void run_open_close(void)
{
	count("open_close", 70, NULL, open_and_close);
}

/* Those that are closed. */
static int files[100];
static int ep;

static void open_files(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		files[i] = new_eventfd();
}

static void close_files(long times)
{
	for (long i = 0; i < times; i++)
		close(files[i]);
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN };

	MUST(backend->ctl(ep, EPOLL_CTL_ADD, fd, &event));
}

static void watch_pool(long n)
{
	pool_grow(n);
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	for (long i = 0; i < n; i++)
		watch(pool[i]);
}

static void unload_module(void)
{
	MUST(syscall(SYS_delete_module, "repoll", O_NONBLOCK));
}

static void load_module(void)
{
	const char *path = getenv("REPOLL_MODULE");
	int fd = MUST(open(path ? path : "", O_RDONLY | O_CLOEXEC));

	MUST(syscall(SYS_finit_module, fd, "", 0));
	close(fd);
	/* Its limit is what it was at first. */
	pool_init();
}

static void run_close_unwatched(void)
{
	if (subject == NONE)
		unload_module();
	else if (param)
		watch_pool(param);
	count("close_unwatched", ARRAY_SIZE(files), open_files, close_files);
	if (subject == NONE)
		load_module();
}

static void open_and_watch_files(void)
{
	open_files();
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		watch(files[i]);
}

static void run_close_watched(void)
{
	watch_pool(param);
	count("close_watched", ARRAY_SIZE(files), open_and_watch_files, close_files);
}

const struct row close_rows[] = {
	{ BENCHES("getppid"), "a system call that does nothing", 1 << NONE, PARAMS(0),
	  run_getppid },
	{ BENCHES("ioctl_enotty"), "an ioctl that is refused with ENOTTY", 1 << NONE, PARAMS(0),
	  run_ioctl },
	{ BENCHES("open_close"), "open and close an eventfd, no instance is open", 1 << NONE,
	  PARAMS(0), run_open_close },
	{ BENCHES("close_unwatched"),
	  "close an eventfd that nobody watches, module not loaded, so many others open",
	  1 << NONE, PARAMS(0, 1, 100000), run_close_unwatched },
	{ BENCHES("close_unwatched"), "the same, loaded, with so many registrations of others",
	  BOTH, PARAMS(0, 1, 100000), run_close_unwatched },
	{ BENCHES("close_watched"), "close an eventfd that is watched, with so many others", BOTH,
	  PARAMS(1000), run_close_watched },
	{}
};
