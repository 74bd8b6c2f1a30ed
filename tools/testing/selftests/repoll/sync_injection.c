// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations whose deletion can be waited for, when memory is refused: a call fails and
 * changes nothing, and then succeeds.
 */
#include "fault_injection.h"

REPOLL_FIXTURE(sync_injection);

static int call_add_sync(struct trial *trial)
{
	struct epoll_event event = { .events = EPOLLIN };
	int ret = result(repoll_ctl_flags(ep, EPOLL_CTL_ADD, trial->target, &event,
					  REPOLL_CTL_SYNC));

	return ret < 0 ? ret : 0;
}

/* One that has never had such a registration. */
static void begin_anew(struct trial *trial)
{
	(void)trial;
	close(ep);
	ep = MUST(create());
}

/* One of which this thread has never been delivered anything. */
static void add_anew(struct trial *trial)
{
	begin_anew(trial);
	MUST(call_add_sync(trial) ? -1 : 0);
}

TEST_F(sync_injection, add_leaves_nothing_and_can_be_retried)
{
	FAULT_INJECTION_OR_SKIP();
	/* Two for the instance, the generation, the epitem, and the copies of the request. */
	EXPECT_LE(6, try_all(_metadata, TRIAL(new_eventfd(1), begin_anew, call_add_sync,
					      not_registered)));
}

/* The note of the thread, its place in both trees, and the copy of the event. */
TEST_F(sync_injection, wait_loses_nothing)
{
	FAULT_INJECTION_OR_SKIP();
	EXPECT_LE(4, try_all(_metadata, TRIAL(new_eventfd(1), add_anew, call_wait, always)));
}

TEST_HARNESS_MAIN
