// SPDX-License-Identifier: GPL-2.0
/* Being told of an event at the moment at which a wait takes it. */
#include <poll.h>
#include <pthread.h>

#include "trace.h"

REPOLL_FIXTURE(notify_race);

/* No more rounds than there is time for. */
enum { ROUNDS = 2000, SECONDS = 4 };

static int fd;
static int turn, posted;	/* rounds that have begun, and where the thread is done */

static int load(const int *value)
{
	return __atomic_load_n(value, __ATOMIC_ACQUIRE);
}

/* Until a turn of -1. */
static void *post_each_turn(void *unused)
{
	int round = 0, now;

	while ((now = load(&turn)) >= 0) {
		if (now == round)
			continue;
		round = now;
		post(fd);
		__atomic_store_n(&posted, round, __ATOMIC_RELEASE);
	}
	return unused;
}

/*
 * The moment between the push of an event and the call of __wake_up() by which it is told of
 * is short. With a note of who calls that it is long enough for a wait.
 */
static void lengthen_moment(void)
{
	if (!trace_begin())
		return;
	write_to_trace("set_ftrace_filter", "__wake_up");
	write_to_trace("current_tracer", "function");
	write_to_trace("options/func_stack_trace", "1");
}

static void end_lengthening(void)
{
	if (*trace_folder)
		write_to_trace("current_tracer", "nop");
	MUST(trace_end() ? -1 : 0);
}

/* One event, which a wait takes as soon as it is there. */
static void take_while_posted(int round)
{
	__atomic_store_n(&turn, round, __ATOMIC_RELEASE);
	while (!ready(ep))
		;
	while (load(&posted) != round)
		;
}

/*
 * A wakeup queues its event, then tells whoever is to be told. Between the two a wait takes the
 * event, so that it is told of what has gone: the wait that follows finds nothing, and
 * has to see to it all the same that the next event is told of.
 */
TEST_F(notify_race, who_was_told_too_late_is_told_again)
{
	int64_t end = now_ns() + SECONDS * NSEC_PER_SEC;
	int efd = new_eventfd(0), other = new_eventfd(0), told = 1, round;
	struct pollfd pfd = { .fd = efd, .events = POLLIN };
	pthread_t thread;

	fd = new_eventfd(0);
	ASSERT_EQ(0, add(ep, fd, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, add(ep, other, EPOLLIN | EPOLLET));
	ASSERT_EQ(0, result(repoll_notify(ep, efd)));
	ASSERT_EQ(0, pthread_create(&thread, NULL, post_each_turn, NULL));
	lengthen_moment();
	for (round = 1; told == 1 && round <= ROUNDS && now_ns() < end; round++) {
		take_while_posted(round);
		empty(efd);
		EXPECT_EQ(0, ready(ep));
		post(other);
		told = poll(&pfd, 1, 3000);
		EXPECT_EQ(1, ready(ep));
		empty(efd);
	}
	end_lengthening();
	__atomic_store_n(&turn, -1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	EXPECT_EQ(1, told) {
		TH_LOG("the event of round %d was told to nobody", round - 1);
	}
}

TEST_HARNESS_MAIN
