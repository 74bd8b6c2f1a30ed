// SPDX-License-Identifier: GPL-2.0
/* Batches of every kind against each other, waits, single calls and closes. */
#include <pthread.h>

#include "batch.h"

REPOLL_FIXTURE(batch_race);

enum { SLOTS = 24, OPS = 40, SECONDS = 3, THREADS = 5 };

static int slots[SLOTS];
static int64_t deadline;
static int unexpected;		/* the first result that nobody should see */

static uint32_t rnd(uint32_t *state, uint32_t below)
{
	*state = *state * 1664525 + 1013904223;
	return (*state >> 8) % below;
}

static int slot(uint32_t *state)
{
	return __atomic_load_n(&slots[rnd(state, SLOTS)], __ATOMIC_RELAXED);
}

static void expect(bool expected, int result)
{
	if (!expected)
		__atomic_store_n(&unexpected, result, __ATOMIC_RELAXED);
}

static bool is_known(int result)
{
	switch (result) {
	case 0:
	case -EBADF:
	case -EEXIST:
	case -ENOENT:
	case -EINVAL:
	case -EPERM:
		return true;
	default:
		return false;
	}
}

static void run_batch(uint32_t *state, uint32_t flags)
{
	struct repoll_op ops[OPS];
	struct epoll_event events[8];
	struct repoll_wait wait = {
		.events = (uintptr_t)events, .maxevents = ARRAY_SIZE(events),
		.timeout = rnd(state, 3),
	};
	int n = 1 + rnd(state, flags ? 4 : OPS), ret, failed = 0;
	struct repoll_batch request = batch_of(ops, n);

	for (int i = 0; i < n; i++)
		ops[i] = op_of(1 + rnd(state, 3), slot(state),
			       rnd(state, 4) ? EPOLLIN | EPOLLET : EPOLLIN | EPOLLONESHOT);
	request.flags = flags;
	request.wait = rnd(state, 2) ? (uintptr_t)&wait : 0;
	ret = call_batch(&request);
	expect(ret >= 0, ret);
	for (int i = 0; i < n; i++) {
		if (flags && ops[i].result == -ECANCELED)
			continue;
		expect(is_known(ops[i].result), ops[i].result);
		failed += !!ops[i].result;
	}
	if (flags)
		expect(failed <= 1 && request.succeeded == (failed ? 0 : (uint32_t)n), failed);
	else
		expect(request.succeeded == (uint32_t)(n - failed), failed);
}

static void *race(void *arg)
{
	int role = (intptr_t)arg;
	uint32_t state = role + 1;

	while (now_ns() < deadline) {
		struct epoll_event event;
		int i, fd;

		switch (role) {
		case 0:
			run_batch(&state, 0);
			break;
		case 1:
			run_batch(&state, REPOLL_BATCH_ATOMIC);
			break;
		case 2:
			harvest(ep, &event, 1, rnd(&state, 2));
			break;
		case 3:
			ctl_data(ep, 1 + rnd(&state, 3), slot(&state), EPOLLIN, 0);
			break;
		default:
			/* The number names another file, or for a moment none. */
			i = rnd(&state, SLOTS);
			fd = rnd(&state, 8) ? new_eventfd(1) : create();
			close(__atomic_exchange_n(&slots[i], fd, __ATOMIC_RELAXED));
		}
	}
	return NULL;
}

TEST_F(batch_race, all_at_once)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < SLOTS; i++)
		slots[i] = new_eventfd(1);
	deadline = now_ns() + SECONDS * NSEC_PER_SEC;
	for (intptr_t i = 0; i < THREADS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, race, (void *)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, unexpected);
	for (int i = 0; i < SLOTS; i++)
		close(slots[i]);
	EXPECT_EQ(0, registrations(ep));
	EXPECT_EQ(0, ready(ep));
}

TEST_HARNESS_MAIN
