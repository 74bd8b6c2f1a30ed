// SPDX-License-Identifier: GPL-2.0
/*
 * repoll learns of a file's last close through the function tracer, as live
 * patches do. It must not be possible to take the tracer away under it, nor may
 * another user of the tracer get in its way.
 */
#include <sys/mount.h>
#include <sys/stat.h>

#include "eventpoll_test.h"

#define ENABLED	"/proc/sys/kernel/ftrace_enabled"

REPOLL_FIXTURE(ftrace);

static int write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = result(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

static int read_number(const char *path)
{
	FILE *file = fopen(path, "re");
	int n = -1;

	if (!file || fscanf(file, "%d", &n) != 1)
		n = -1;
	if (file)
		fclose(file);
	return n;
}

/* Files that are closed leave the set, at once, and do not come back. */
static void expect_last_close_works(struct __test_metadata *_metadata, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		int fd = new_eventfd(1), copy = dup(fd);

		ASSERT_LE(0, copy);
		ASSERT_EQ(0, add(ep, fd, EPOLLIN));
		close(fd);
		ASSERT_EQ(1, ready(ep));
		close(copy);
		ASSERT_EQ(0, registrations(ep));
		ASSERT_EQ(0, ready(ep));
	}
}

TEST_F(ftrace, cannot_be_disabled_while_an_instance_is_open)
{
	if (geteuid())
		SKIP(return, "needs root");
	ASSERT_EQ(1, read_number(ENABLED));
	/* EBUSY, or EOPNOTSUPP where the switch no longer does anything. */
	EXPECT_GT(0, write_file(ENABLED, "0")) {
		write_file(ENABLED, "1");
	}
	EXPECT_EQ(1, read_number(ENABLED));
	expect_last_close_works(_metadata, 5);
	/* Nor while a file is watched. */
	ASSERT_EQ(0, add(ep, new_eventfd(1), EPOLLIN));
	EXPECT_GT(0, write_file(ENABLED, "0"));
	EXPECT_EQ(1, read_number(ENABLED));
}

/* Other users of the tracer, each in a tracing instance of the test's own. */

FIXTURE(tracing) {
	char dir[64];
};

FIXTURE_VARIANT(tracing) {
	const struct backend *backend;
	const char *tracer;
	const char *filter;		/* which functions; NULL for all */
	int rounds;
};

FIXTURE_VARIANT_ADD(tracing, function_of_our_hook) {
	.backend = &backend_repoll,
	.tracer = "function",
	.filter = "locks_remove_file",
	.rounds = 200,
};

FIXTURE_VARIANT_ADD(tracing, function_of_the_close_path) {
	.backend = &backend_repoll,
	.tracer = "function",
	.filter = "locks_remove_file __fput fput* filp_close",
	.rounds = 200,
};

/* Everything there is: slow to switch on, so few rounds. */
FIXTURE_VARIANT_ADD(tracing, function_of_all) {
	.backend = &backend_repoll,
	.tracer = "function",
	.rounds = 20,
};

static int write_in(const char *dir, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return write_file(path, text);
}

FIXTURE_SETUP(tracing)
{
	backend = variant->backend;
	if (geteuid())
		SKIP(return, "needs root");
	if (access("/sys/kernel/tracing/available_tracers", R_OK) &&
	    mount("none", "/sys/kernel/tracing", "tracefs", 0, NULL))
		SKIP(return, "tracefs: %s", strerror(errno));
	snprintf(self->dir, sizeof(self->dir), "/sys/kernel/tracing/instances/repoll-%d", getpid());
	ASSERT_EQ(0, mkdir(self->dir, 0700));
	ep = create();
	ASSERT_LE(0, ep) {
		TH_LOG("%s: %s", backend->name, strerror(-ep));
	}
}

FIXTURE_TEARDOWN_PARENT(tracing)
{
	if (self->dir[0]) {
		write_in(self->dir, "current_tracer", "nop");
		rmdir(self->dir);
	}
}

/* Did the tracer see the function? */
static bool traced(const char *dir, const char *function)
{
	char path[128], line[512];
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), "%s/trace", dir);
	file = fopen(path, "re");
	MUST(file ? 0 : -1);
	while (!found && fgets(line, sizeof(line), file))
		found = strstr(line, function);
	fclose(file);
	return found;
}

TEST_F_TIMEOUT(tracing, does_not_hide_a_last_close, 120)
{
	/* Large enough that a busy kernel does not overwrite the last rounds with its own. */
	ASSERT_EQ(0, write_in(self->dir, "buffer_size_kb", variant->filter ? "256" : "4096"));
	if (variant->filter)
		ASSERT_EQ(0, write_in(self->dir, "set_ftrace_filter", variant->filter));
	expect_last_close_works(_metadata, 5);
	ASSERT_EQ(0, write_in(self->dir, "current_tracer", variant->tracer));
	expect_last_close_works(_metadata, variant->rounds);
	/* The trace is of what just happened. */
	ASSERT_EQ(0, write_in(self->dir, "tracing_on", "0"));
	EXPECT_TRUE(traced(self->dir, variant->filter ? "locks_remove_file" : "fput"));
	expect_last_close_works(_metadata, 5);
	ASSERT_EQ(0, write_in(self->dir, "tracing_on", "1"));
	ASSERT_EQ(0, write_in(self->dir, "current_tracer", "nop"));
	expect_last_close_works(_metadata, 5);
}

/* As above, with the tracer switched on and off under way. */
TEST_F_TIMEOUT(tracing, may_come_and_go, 120)
{
	int fd = new_eventfd(1);

	ASSERT_EQ(0, write_in(self->dir, "buffer_size_kb", "256"));
	if (variant->filter)
		ASSERT_EQ(0, write_in(self->dir, "set_ftrace_filter", variant->filter));
	for (int i = 0; i < (variant->filter ? 5 : 1); i++) {
		ASSERT_EQ(0, add(ep, fd, EPOLLIN));
		ASSERT_EQ(0, write_in(self->dir, "current_tracer", variant->tracer));
		ASSERT_EQ(1, ready(ep));
		close(fd);
		ASSERT_EQ(0, registrations(ep));
		fd = new_eventfd(1);
		ASSERT_EQ(0, add(ep, fd, EPOLLIN));
		ASSERT_EQ(0, write_in(self->dir, "current_tracer", "nop"));
		ASSERT_EQ(1, ready(ep));
		close(fd);
		ASSERT_EQ(0, registrations(ep));
		fd = new_eventfd(1);
	}
}

/* A kprobe on the hooked function sits on the same tracer. */
TEST_F(ftrace, kprobe_on_the_hooked_function_is_no_obstacle)
{
	const char *events = "/sys/kernel/tracing/kprobe_events";
	const char *enable = "/sys/kernel/tracing/events/kprobes/repoll_test/enable";

	if (geteuid())
		SKIP(return, "needs root");
	if (write_file(events, "p:repoll_test locks_remove_file"))
		SKIP(return, "%s: %s", events, strerror(errno));
	EXPECT_EQ(0, write_file(enable, "1"));
	expect_last_close_works(_metadata, 50);
	EXPECT_EQ(0, write_file(enable, "0"));
	expect_last_close_works(_metadata, 5);
	/* Opening it to be truncated has removed the event. */
	EXPECT_EQ(0, write_file(events, ""));
}

TEST_HARNESS_MAIN
