// SPDX-License-Identifier: GPL-2.0
/* The tracepoints, in a trace of the test's own. */
#include "trace.h"

/* How many events of this kind there are in the trace that have this text in them. */
static int traced(const char *event, const char *text)
{
	FILE *trace = fopen(in_trace("trace"), "re");
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
	if (!trace_begin())
		SKIP(return, "no trace of our own");
	ASSERT_EQ(0, write_to_trace("events/repoll/enable", "1"));
	ASSERT_EQ(0, repoll_stats_on(ep));
}

FIXTURE_TEARDOWN(tracepoints)
{
	close(ep);
	if (*trace_folder)
		write_to_trace("events/repoll/enable", "0");
	EXPECT_EQ(0, trace_end());
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
	ASSERT_EQ(0, write_to_trace("events/repoll/enable", "0"));
	post(fd);
	EXPECT_EQ(1, ready(ep));
	EXPECT_EQ(0, traced("repoll_wake", ""));
	EXPECT_EQ(0, traced("repoll_deliver", ""));
}

TEST_HARNESS_MAIN
