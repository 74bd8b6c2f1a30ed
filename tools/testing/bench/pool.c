// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"
#include "pool.h"

enum { FILES = 1 << 21 };	/* twice the largest set */

int *pool;
static long size;

static void set_limit(const char *path, long value)
{
	int fd = MUST(open(path, O_WRONLY | O_CLOEXEC));

	MUST(dprintf(fd, "%ld", value));
	close(fd);
}

void pool_init(void)
{
	const struct rlimit limit = { FILES, FILES };

	set_limit("/proc/sys/fs/nr_open", FILES);
	set_limit("/proc/sys/fs/file-max", 2L * FILES);
	set_limit("/proc/sys/fs/epoll/max_user_watches", FILES);
	set_limit("/proc/sys/fs/repoll/max_user_watches", FILES);
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
}

void pool_drain(void)
{
	uint64_t value;

	for (long i = 0; i < size && i < POOL_WRITTEN; i++) {
		if (read(pool[i], &value, sizeof(value)) < 0 && errno != EAGAIN)
			DIE("read: %s", strerror(errno));
	}
}

void pool_grow(long n)
{
	if (n <= size)
		return;
	pool = realloc(pool, n * sizeof(*pool));
	if (!pool)
		DIE("no memory");
	for (; size < n; size++)
		pool[size] = MUST(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
}
