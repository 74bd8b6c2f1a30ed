// SPDX-License-Identifier: GPL-2.0
/* The tracepoints, in a trace of the test's own. */
#include <sys/mount.h>
#include <sys/stat.h>

#include "eventpoll_test.h"

#define TRACING "/sys/kernel/tracing"

static char folder[128];	/* of the trace */

static const char *in_folder(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int write_to(const char *name, const char *text)
{
	int fd = open(in_folder(name), O_WRONLY | O_TRUNC | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = result(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* How many events of this kind there are in the trace that have this text in them. */
static int traced(const char *event, const char *text)
{
	FILE *trace = fopen(in_folder("trace"), "re");
	char line[512], name[64];
	int count = 0;

	MUST(trace ? 0 : -1);
	snprintf(name, sizeof(name), " %s: ", event);
	while (fgets(line, sizeof(line), trace))
		count += strstr(line, name) && strstr(line, text);
	fclose(trace);
	return count;
}

FIXTURE(tracepoints) {};
FIXTURE_VARIANT(tracepoints) { const struct backend *backend; };
EVENTPOLL_VARIANT(tracepoints, repoll);

FIXTURE_SETUP(tracepoints)
{
	backend = variant->backend;
	ep = create();
	ASSERT_LE(0, ep);
	if (access(TRACING "/instances", W_OK) && mount("none", TRACING, "tracefs", 0, NULL))
		SKIP(return, "no tracefs");
	snprintf(folder, sizeof(folder), TRACING "/instances/repoll.%d", getpid());
	if (mkdir(folder, 0700))
		SKIP(return, "no trace of our own");
	ASSERT_EQ(0, write_to("events/repoll/enable", "1"));
	ASSERT_EQ(0, repoll_stats_on(ep));
}

FIXTURE_TEARDOWN(tracepoints)
{
	close(ep);
	if (*folder) {
		write_to("events/repoll/enable", "0");
		EXPECT_EQ(0, rmdir(folder));
	}
}

TEST_F(tracepoints, tell_of_wakeups_and_what_comes_of_them)
{
	int fd = new_eventfd(0);
	char which[32];

	snprintf(which, sizeof(which), " fd=%d ", fd);
	ASSERT_EQ(0, ctl_data(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 0xabcdef));
	post(fd);
	post(fd);
	EXPECT_EQ(2, traced("repoll_wake", which));
	EXPECT_EQ(1, traced("repoll_wake", "key=1 queued=0"));
	EXPECT_EQ(1, traced("repoll_wake", "key=1 queued=1"));
	EXPECT_EQ(0, traced("repoll_deliver", which));
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(1, traced("repoll_deliver", which));
	EXPECT_EQ(1, traced("repoll_deliver", "revents=1 data=abcdef"));
	EXPECT_EQ(0, traced("repoll_not_ready", which));
	post(fd);
	drain(fd);
	EXPECT_EQ(0, ready(ep));
	EXPECT_EQ(1, traced("repoll_not_ready", which));
	EXPECT_EQ(1, traced("repoll_deliver", which));
}

TEST_F(tracepoints, are_silent_when_switched_off)
{
	int fd = new_eventfd(0);

	ASSERT_EQ(0, add(ep, fd, EPOLLIN));
	ASSERT_EQ(0, write_to("events/repoll/enable", "0"));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, traced("repoll_wake", ""));
	EXPECT_EQ(0, traced("repoll_deliver", ""));
}

TEST_HARNESS_MAIN
