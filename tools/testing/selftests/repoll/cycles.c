// SPDX-License-Identifier: GPL-2.0
/*
 * Loops of instances, of two to six, through one implementation or both in every
 * order. In a loop of one kind the closing ADD gives ELOOP. One that runs through
 * both is invisible to either's check: it is refused, or it is harmless, with an
 * event fired and several threads at it: no deadlock, no endless recursion.
 */
#include "waiter.h"

FIXTURE(cycles) {};

FIXTURE_VARIANT(cycles) {
	int length;
};

FIXTURE_VARIANT_ADD(cycles, of_two)	{ .length = 2 };
FIXTURE_VARIANT_ADD(cycles, of_three)	{ .length = 3 };
FIXTURE_VARIANT_ADD(cycles, of_four)	{ .length = 4 };
FIXTURE_VARIANT_ADD(cycles, of_five)	{ .length = 5 };
FIXTURE_VARIANT_ADD(cycles, of_six)	{ .length = 6 };

FIXTURE_SETUP(cycles) {}
FIXTURE_TEARDOWN(cycles) {}

enum { MAX = 6, MAX_NESTS = 4, THREADS = 3 };

struct ring {
	int length;
	const struct backend *backend[MAX];
	int epfd[MAX];
	int efd[MAX];		/* watched by the instance of the same index */
	bool stop;
};

/* Instance i is repoll's where bit i of @pattern is set, else in-tree epoll's. */
static void ring_create(struct ring *ring, int length, unsigned int pattern)
{
	*ring = (struct ring){ .length = length };
	for (int i = 0; i < length; i++) {
		ring->backend[i] = pattern & (1U << i) ? &backend_repoll : &backend_epoll;
		ring->epfd[i] = MUST(ring->backend[i]->create1(EPOLL_CLOEXEC));
		ring->efd[i] = new_eventfd(0);
	}
}

static int ring_ctl(struct ring *ring, int i, int op, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return result(ring->backend[i]->ctl(ring->epfd[i], op, fd, &event));
}

/* Instance i watches the next; the last one closes the ring. */
static int ring_link(struct ring *ring, int i)
{
	return ring_ctl(ring, i, EPOLL_CTL_ADD, ring->epfd[(i + 1) % ring->length]);
}

static void ring_close(struct ring *ring)
{
	for (int i = 0; i < ring->length; i++) {
		close(ring->epfd[i]);
		close(ring->efd[i]);
	}
}

static void *harvest_ring(void *arg)
{
	struct ring *ring = arg;
	struct epoll_event events[4];

	while (!__atomic_load_n(&ring->stop, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < ring->length; i++) {
			struct pollfd pfd = { .fd = ring->epfd[i], .events = POLLIN };

			ring->backend[i]->wait(ring->epfd[i], events, 4, 0);
			poll(&pfd, 1, 0);
			ring->backend[i]->wait(ring->epfd[i], events, 1, 1);
		}
	}
	return NULL;
}

/* Events, waits, changes, all at once. Whether it ends is what is tested. */
static void exercise(struct ring *ring)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		MUST(-pthread_create(&threads[i], NULL, harvest_ring, ring));
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < ring->length; i++)
			post(ring->efd[i]);
		for (int i = 0; i < ring->length; i++) {
			int next = ring->epfd[(i + 1) % ring->length];

			ring_ctl(ring, i, EPOLL_CTL_MOD, next);
			drain(ring->efd[i]);
		}
		ring_ctl(ring, round % ring->length, EPOLL_CTL_DEL,
			 ring->epfd[(round + 1) % ring->length]);
		ring_link(ring, round % ring->length);
	}
	__atomic_store_n(&ring->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static bool one_kind(const struct ring *ring)
{
	for (int i = 1; i < ring->length; i++)
		if (ring->backend[i] != ring->backend[0])
			return false;
	return true;
}

TEST_F(cycles, are_refused_or_harmless)
{
	for (unsigned int pattern = 0; pattern < 1U << variant->length; pattern++) {
		struct ring ring;
		int ret = 0;

		ring_create(&ring, variant->length, pattern);
		for (int i = 0; i < ring.length; i++)
			ASSERT_EQ(0, ring_ctl(&ring, i, EPOLL_CTL_ADD, ring.efd[i]));
		for (int i = 0; i < ring.length && !ret; i++)
			ret = ring_link(&ring, i);
		/* Only a loop through both may escape notice. */
		EXPECT_TRUE(ret == -ELOOP || (!ret && !one_kind(&ring))) {
			TH_LOG("pattern %#x: %s", pattern, strerror(-ret));
		}
		exercise(&ring);
		ring_close(&ring);
	}
}

/* The event comes before the loop is closed: the closing ADD meets readiness. */
TEST_F(cycles, closed_over_a_ready_fd_are_refused_or_harmless)
{
	for (unsigned int pattern = 0; pattern < 1U << variant->length; pattern++) {
		struct ring ring;

		ring_create(&ring, variant->length, pattern);
		for (int i = 0; i < ring.length; i++) {
			ring_ctl(&ring, i, EPOLL_CTL_ADD, ring.efd[i]);
			post(ring.efd[i]);
		}
		for (int i = ring.length - 1; i >= 0; i--)
			ring_link(&ring, i);
		/* What is ready is ready, loop or not. */
		for (int i = 0; i < ring.length; i++) {
			struct epoll_event events[4];

			ASSERT_LE(1, result(ring.backend[i]->wait(ring.epfd[i], events, 4, 0)));
		}
		ring_close(&ring);
	}
}

struct closer {
	pthread_barrier_t *barrier;
	struct ring *ring;
	int index;
};

static void *link_at_once(void *arg)
{
	struct closer *c = arg;

	pthread_barrier_wait(c->barrier);
	ring_link(c->ring, c->index);
	post(c->ring->efd[c->index]);
	return NULL;
}

/* All links at once: no ADD can see the whole loop before it is there. */
TEST_F(cycles, closed_by_racing_adds_are_refused_or_harmless)
{
	for (unsigned int pattern = 0; pattern < 1U << variant->length; pattern++) {
		struct closer closers[MAX];
		pthread_barrier_t barrier;
		pthread_t threads[MAX];
		struct ring ring;
		int links = 0;

		ring_create(&ring, variant->length, pattern);
		for (int i = 0; i < ring.length; i++)
			ring_ctl(&ring, i, EPOLL_CTL_ADD, ring.efd[i]);
		pthread_barrier_init(&barrier, NULL, ring.length);
		for (int i = 0; i < ring.length; i++) {
			closers[i] = (struct closer){ &barrier, &ring, i };
			pthread_create(&threads[i], NULL, link_at_once, &closers[i]);
		}
		for (int i = 0; i < ring.length; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < ring.length; i++)
			links += registrations(ring.epfd[i]) == 2;
		if (one_kind(&ring))
			EXPECT_GT(ring.length, links);
		exercise(&ring);
		ring_close(&ring);
		pthread_barrier_destroy(&barrier);
	}
}

TEST_HARNESS_MAIN
