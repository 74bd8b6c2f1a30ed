// SPDX-License-Identifier: GPL-2.0
/* Kernel memory of a registration: what is charged to its owner, and what slabs hold. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "pool.h"

#define CGROUPS	"/sys/fs/cgroup"
#define GROUP	CGROUPS "/bench"

static void write_file(const char *path, const char *text)
{
	int fd = MUST(open(path, O_WRONLY | O_CLOEXEC));

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

/* A control group of its own for this process. */
static void enter_group(void)
{
	write_file(CGROUPS "/cgroup.subtree_control", "+memory");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		DIE(GROUP ": %s", strerror(errno));
	write_file(GROUP "/cgroup.procs", "0");
}

static long kernel_memory(void)
{
	FILE *file = fopen(GROUP "/memory.stat", "re");
	char name[64];
	long bytes;

	if (!file)
		DIE("no memory.stat: %s", strerror(errno));
	while (fscanf(file, "%63s %ld", name, &bytes) == 2) {
		if (!strcmp(name, "kernel")) {
			fclose(file);
			return bytes;
		}
	}
	DIE("memory.stat says nothing of the kernel");
}

/* Objects in use, of all caches: repoll's may be merged with others of their size. */
static long slab_memory(void)
{
	FILE *file = fopen("/proc/slabinfo", "re");
	long objects, size, bytes = 0;
	char line[256];

	if (!file)
		DIE("no slabinfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %ld %*d %ld", &objects, &size) == 2)
			bytes += objects * size;
	}
	fclose(file);
	return bytes;
}

static void run_memory(void)
{
	long kernel, slab;
	int ep;

	pool_grow(param);
	enter_group();
	ep = MUST(backend->create1(EPOLL_CLOEXEC));
	kernel = kernel_memory();
	slab = slab_memory();
	for (long i = 0; i < param; i++) {
		struct epoll_event event = { .events = EPOLLIN };

		MUST(backend->ctl(ep, EPOLL_CTL_ADD, pool[i], &event));
	}
	report("memory_cgroup", (double)(kernel_memory() - kernel) / param, 0, param, "bytes");
	report("memory_slab", (double)(slab_memory() - slab) / param, 0, param, "bytes");
}

const struct row memory_rows[] = {
	{ BENCHES("memory_cgroup", "memory_slab"),
	  "kernel memory of a registration, of so many: charged, and in slabs", BOTH,
	  PARAMS(100000), run_memory },
	{}
};
