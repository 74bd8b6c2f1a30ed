// SPDX-License-Identifier: GPL-2.0
/* The memory of registrations is charged to the memory cgroup of who adds them. */
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "timers.h"

FIXTURE(memcg) {
	char root[64];		/* the mounted hierarchy */
	char group[128];	/* a cgroup of the test's own */
};

FIXTURE_VARIANT(memcg) { const struct backend *backend; };
EVENTPOLL_VARIANT(memcg, epoll);
EVENTPOLL_VARIANT(memcg, repoll);

enum { WATCHES = 2000, LEAST_SIZE = 64 };

static int write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	int fd, ret;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = result(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* A counter of memory.stat, in bytes. */
static long memory_stat(const char *group, const char *name)
{
	char path[256], key[64];
	long value, found = -1;
	FILE *file;

	snprintf(path, sizeof(path), "%s/memory.stat", group);
	file = fopen(path, "re");
	MUST(file ? 0 : -1);
	while (found < 0 && fscanf(file, "%63s %ld", key, &value) == 2)
		if (!strcmp(key, name))
			found = value;
	fclose(file);
	return found;
}

FIXTURE_SETUP(memcg)
{
	int ret;

	backend = variant->backend;
	if (geteuid())
		SKIP(return, "needs root");
	snprintf(self->root, sizeof(self->root), "/tmp/repoll-cgroup-XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->root));
	if (mount("none", self->root, "cgroup2", 0, NULL))
		SKIP(return, "cgroup2: %s", strerror(errno));
	ret = write_file(self->root, "cgroup.subtree_control", "+memory");
	if (ret)
		SKIP(return, "memory controller: %s", strerror(-ret));
	snprintf(self->group, sizeof(self->group), "%s/repoll-%d", self->root, getpid());
	ASSERT_EQ(0, mkdir(self->group, 0700));
	ep = create();
	ASSERT_LE(0, ep) {
		TH_LOG("%s: %s", backend->name, strerror(-ep));
	}
}

FIXTURE_TEARDOWN_PARENT(memcg)
{
	/* The test is over: nobody is in the cgroup. */
	if (self->group[0])
		rmdir(self->group);
	if (self->root[0]) {
		umount2(self->root, MNT_DETACH);
		rmdir(self->root);
	}
}

/*
 * Copies of one fd: apart from the registrations, nothing is allocated between
 * the two readings.
 */
static void copy_fd(int *copies)
{
	struct rlimit limit;
	int fd = new_eventfd(0);

	MUST(getrlimit(RLIMIT_NOFILE, &limit));
	limit.rlim_cur = limit.rlim_max;
	MUST(setrlimit(RLIMIT_NOFILE, &limit));
	for (int i = 0; i < WATCHES; i++)
		copies[i] = MUST(dup(fd));
}

TEST_F(memcg, registrations_are_charged_to_the_caller)
{
	static int copies[WATCHES];
	long before, with, after;

	copy_fd(copies);
	ASSERT_EQ(0, write_file(self->group, "cgroup.procs", "0"));
	before = memory_stat(self->group, "slab");
	ASSERT_LE(0, before);
	for (int i = 0; i < WATCHES; i++)
		ASSERT_EQ(0, add(ep, copies[i], EPOLLIN));
	with = memory_stat(self->group, "slab");
	EXPECT_LE(WATCHES * LEAST_SIZE, with - before);

	for (int i = 0; i < WATCHES; i++)
		ASSERT_EQ(0, del(ep, copies[i]));
	/* Freed after a grace period. */
	for (int i = 0; i < 500; i++) {
		after = memory_stat(self->group, "slab");
		if (after - before < (with - before) / 4)
			break;
		sleep_ms(10);
	}
	EXPECT_GT((with - before) / 4, after - before);
	ASSERT_EQ(0, write_file(self->root, "cgroup.procs", "0"));
}

TEST_F(memcg, timers_are_charged_to_the_caller)
{
	long before, more = 0;

	if (!on_repoll())
		SKIP(return, "in-tree epoll has none");
	ASSERT_EQ(0, write_file(self->group, "cgroup.procs", "0"));
	before = memory_stat(self->group, "slab");
	ASSERT_LE(0, before);
	for (int i = 0; i < WATCHES; i++)
		ASSERT_EQ(0, set_timer(i, 3600 * NSEC_PER_SEC, 0, 0));
	/* Small changes show after up to two seconds. */
	for (int i = 0; i < 500 && more < WATCHES * LEAST_SIZE; i++) {
		sleep_ms(10);
		more = memory_stat(self->group, "slab") - before;
	}
	EXPECT_LE(WATCHES * LEAST_SIZE, more);
	ASSERT_EQ(0, write_file(self->root, "cgroup.procs", "0"));
}

TEST_F(memcg, ring_is_charged_to_the_caller)
{
	struct repoll_ring setup = { .entries = REPOLL_RING_MAX };
	long before, more = 0;

	if (!on_repoll())
		SKIP(return, "in-tree epoll has none");
	ASSERT_EQ(0, write_file(self->group, "cgroup.procs", "0"));
	before = memory_stat(self->group, "vmalloc");
	ASSERT_LE(0, before);
	ASSERT_EQ(0, result(ioctl(ep, REPOLL_IOC_RING, &setup)));
	for (int i = 0; i < 500 && more < (long)setup.size; i++) {
		sleep_ms(10);
		more = memory_stat(self->group, "vmalloc") - before;
	}
	EXPECT_LE(setup.size, more);
	ASSERT_EQ(0, write_file(self->root, "cgroup.procs", "0"));
}

/* The instance was created outside: who adds pays. */
TEST_F(memcg, child_in_a_cgroup_pays_for_what_it_adds)
{
	static int copies[WATCHES];
	pid_t child;

	copy_fd(copies);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		long before;

		ASSERT_EQ(0, write_file(self->group, "cgroup.procs", "0"));
		before = memory_stat(self->group, "slab");
		for (int i = 0; i < WATCHES; i++)
			ASSERT_EQ(0, add(ep, copies[i], EPOLLIN));
		EXPECT_LE(WATCHES * LEAST_SIZE, memory_stat(self->group, "slab") - before);
		_exit(0);
	}
	ASSERT_EQ(child, waitpid(child, NULL, 0));
	EXPECT_EQ(WATCHES, registrations(ep));
}

TEST_HARNESS_MAIN
