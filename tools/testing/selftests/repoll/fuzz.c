// SPDX-License-Identifier: GPL-2.0
/*
 * Pseudo-random calls from several threads, the same in every run. Most are
 * nearly right: a random number alone would not get past the first check.
 */
#include <pthread.h>

#include "bad_input.h"

REPOLL_FIXTURE(fuzz);

enum { SLOTS = 16, THREADS = 3, CALLS = 4000, EVENTS = 8 };

static int slots[SLOTS];	/* fds that the calls are about */

struct chaos {
	uint32_t state;
	int unexpected;		/* an errno that no document names */
	struct epoll_event *buffer;	/* of EVENTS; some calls say it has more */
	uint64_t mask;		/* of signals: none */
};

static uint32_t rnd(struct chaos *c, uint32_t below)
{
	c->state = c->state * 1664525 + 1013904223;
	return (c->state >> 8) % below;
}

static uint64_t rnd_pointer(struct chaos *c, void *good)
{
	return rnd(c, 8) ? (uintptr_t)good : (uintptr_t)bad_pointer(rnd(c, POINTERS));
}

static int rnd_fd(struct chaos *c)
{
	return rnd(c, 16) ? __atomic_load_n(&slots[rnd(c, SLOTS)], __ATOMIC_RELAXED) :
			    (int)rnd(c, 64) - 8;
}

static uint32_t rnd_events(struct chaos *c)
{
	static const uint32_t masks[] = {
		0, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLET,
		EPOLLIN | EPOLLONESHOT, EPOLLIN | EPOLLEXCLUSIVE, EPOLLIN | EPOLLWAKEUP,
	};

	return rnd(c, 8) ? masks[rnd(c, ARRAY_SIZE(masks))] : c->state;
}

static int rnd_call(struct chaos *c)
{
	struct epoll_event event = { .events = rnd_events(c), .data.u64 = c->state };
	struct repoll_ctl ctl = {
		.op = rnd(c, 8) ? 1 + rnd(c, 3) : (int)c->state,
		.fd = rnd_fd(c),
		.event = rnd_pointer(c, &event),
		.flags = rnd(c, 16) ? 0 : c->state,
		.reserved = rnd(c, 16) ? 0 : c->state,
	};
	struct repoll_wait wait = {
		.events = rnd_pointer(c, c->buffer),
		.maxevents = rnd(c, 8) ? 1 + rnd(c, EVENTS) : -(int)rnd(c, 9),
		.flags = rnd(c, 16) ? 0 : c->state,
		.timeout = rnd(c, 8) ? 0 : (int64_t)rnd(c, 5) - 2,
		.sigmask = rnd(c, 4) ? 0 : rnd_pointer(c, &c->mask),
		.sigsetsize = rnd(c, 8) ? SIGSET_SIZE : rnd(c, 32),
		.reserved = rnd(c, 16) ? 0 : c->state,
	};
	int instance = rnd(c, 4) ? ep : slots[rnd(c, 4)], slot, fd;
	int64_t len;

	switch (rnd(c, 10)) {
	case 0 ... 3:
		return result(ioctl(instance, REPOLL_IOC_CTL, rnd(c, 32) ? &ctl : NULL));
	case 4 ... 5:
		return result(ioctl(instance, REPOLL_IOC_WAIT, rnd(c, 32) ? &wait : NULL));
	case 6:
		/* Another file under a number that may be registered. */
		slot = 4 + rnd(c, SLOTS - 4);
		fd = rnd(c, 4) ? new_eventfd(rnd(c, 2)) : (int)MUST(dup(slots[rnd(c, 4)]));
		dup2(fd, slots[slot]);
		close(fd);
		return 0;
	case 7 ... 8:
		len = rnd(c, 2) ? REPOLL_FADVISE_CTL | (uint32_t)ctl.fd :
				  REPOLL_FADVISE_WAIT | (uint32_t)wait.maxevents;
		if (!rnd(c, 16))
			len ^= 1ULL << rnd(c, 64);
		return advise(instance, wait.events, len, rnd(c, 2) ? ctl.op & 3 : wait.timeout);
	default:
		return result(ioctl(instance, _IOC(rnd(c, 4), rnd(c, 2) ? REPOLL_IOC_TYPE : 0x8A,
						   rnd(c, 4), rnd(c, 64)), &wait));
	}
}

static void *chaos_main(void *arg)
{
	static const int documented[] = {
		EFAULT, EINVAL, EBADF, EPERM, EEXIST, ENOENT, ELOOP, ENOTTY, EINTR,
	};
	struct chaos *c = arg;

	for (int i = 0; i < CALLS; i++) {
		int ret = rnd_call(c);
		bool known = ret >= 0;

		for (size_t e = 0; e < ARRAY_SIZE(documented); e++)
			known |= ret == -documented[e];
		if (!known)
			c->unexpected = ret;
	}
	return NULL;
}

TEST_F(fuzz, pseudo_random_calls_are_survived)
{
	struct chaos chaos[THREADS] = {};
	pthread_t threads[THREADS];
	int fresh;

	for (int i = 0; i < SLOTS; i++)
		slots[i] = i < 4 ? create() : new_eventfd(i % 2);
	bad_pointer(0);
	/* Ends the waits without a limit: the mask of the waits lets it in. */
	alarm_every_ms(5);
	for (int i = 0; i < THREADS; i++) {
		chaos[i].state = 20240601 + i;
		chaos[i].buffer = edge_of_page() - EVENTS;
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, chaos_main, &chaos[i]));
	}
	for (int i = 0; i < THREADS; i++) {
		/* The signal must find who waits. */
		while (pthread_tryjoin_np(threads[i], NULL)) {
			for (int j = i; j < THREADS; j++)
				pthread_kill(threads[j], SIGALRM);
			usleep(2000);
		}
		EXPECT_EQ(0, chaos[i].unexpected);
	}
	/* A new instance is as good as ever. */
	fresh = create();
	ASSERT_LE(0, fresh);
	ASSERT_EQ(0, add(fresh, new_eventfd(1), EPOLLIN));
	EXPECT_EQ(1, ready(fresh));
	ASSERT_EQ(0, syscall(SYS_close_range, slots[0], slots[SLOTS - 1], 0));
}

TEST_HARNESS_MAIN
