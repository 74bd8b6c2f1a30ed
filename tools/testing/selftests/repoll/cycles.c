// SPDX-License-Identifier: GPL-2.0
/*
 * Loops of instances, of two to six, through one implementation or both in every
 * order, and through rings of io_uring that poll instances and are watched. In a loop
 * of one kind the closing ADD gives ELOOP. Any other is invisible to those who check:
 * it is refused, or it is harmless, with an event fired and several threads at it: no
 * deadlock, no endless recursion.
 */
#include "uring.h"
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

/* What watches the next of its kind: an instance, or a ring of io_uring. */
struct node {
	const struct backend *backend;	/* NULL: a ring */
	struct uring uring;
	pthread_mutex_t lock;		/* of the uring, which is for one thread at a time */
	int fd;
	int efd;			/* watched by it */
};

struct cycle {
	int length;
	struct node node[MAX];
	bool stop;
};

/*
 * All cycles of a length: where bit i of the pattern is set node i is repoll's, else
 * in-tree epoll's; and of none, one or two nodes a ring of io_uring, opposite of each
 * other. A cycle that has been turned is the same cycle.
 */
struct pattern {
	unsigned int repoll;
	int urings;
};

static bool is_uring(const struct pattern *pattern, int length, int i)
{
	return (pattern->urings > 0 && i == 0) || (pattern->urings > 1 && i == length / 2);
}

static bool next_pattern(struct pattern *pattern, int length)
{
	bool again;

	do {
		if (++pattern->repoll == 1U << length) {
			pattern->repoll = 0;
			pattern->urings++;
		}
		again = false;
		for (int i = 0; i < length; i++)
			again |= is_uring(pattern, length, i) && pattern->repoll & 1U << i;
	} while (again);
	return pattern->urings <= 2;
}

/* For each pattern, beginning with that of in-tree epoll alone. */
#define for_each_pattern(pattern, length)					\
	for (struct pattern pattern = {}; pattern.urings <= 2;			\
	     next_pattern(&pattern, length))

static bool node_open(struct node *node, const struct backend *backend)
{
	*node = (struct node){ .backend = backend, .lock = PTHREAD_MUTEX_INITIALIZER };
	if (backend) {
		node->fd = MUST(backend->create1(EPOLL_CLOEXEC));
	} else {
		if (uring_open(&node->uring))
			return false;
		node->fd = node->uring.fd;
	}
	node->efd = new_eventfd(0);
	return true;
}

static int node_ctl(struct node *node, int op, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (node->backend)
		return result(node->backend->ctl(node->fd, op, fd, &event));
	if (op == EPOLL_CTL_ADD) {
		pthread_mutex_lock(&node->lock);
		uring_poll(&node->uring, fd, POLLIN, true);
		pthread_mutex_unlock(&node->lock);
	}
	return 0;
}

/* How many events there are, of those that fit; a ring's poll that has ended begins anew. */
static int node_events(struct node *node, int max, int timeout)
{
	struct epoll_event events[4];
	int n = 0;

	if (node->backend)
		return result(node->backend->wait(node->fd, events, max, timeout));
	pthread_mutex_lock(&node->lock);
	if (uring_completed(&node->uring)) {
		struct completion done = uring_take(&node->uring);

		if (!(done.flags & IORING_CQE_F_MORE) && done.res >= 0)
			uring_poll(&node->uring, done.user_data, POLLIN, true);
		n = 1;
	}
	pthread_mutex_unlock(&node->lock);
	return n;
}

/* False where there is no io_uring. */
static bool cycle_open(struct cycle *cycle, int length, const struct pattern *pattern)
{
	*cycle = (struct cycle){ .length = length };
	for (int i = 0; i < length; i++) {
		const struct backend *backend = pattern->repoll & (1U << i) ? &backend_repoll :
									      &backend_epoll;

		if (!node_open(&cycle->node[i], is_uring(pattern, length, i) ? NULL : backend))
			return false;
	}
	return true;
}

static void cycle_close(struct cycle *cycle)
{
	for (int i = 0; i < cycle->length; i++) {
		close(cycle->node[i].fd);
		close(cycle->node[i].efd);
	}
}

static int next_fd(const struct cycle *cycle, int i)
{
	return cycle->node[(i + 1) % cycle->length].fd;
}

/* Node i watches the next; the last one closes the cycle. */
static int cycle_link(struct cycle *cycle, int i)
{
	return node_ctl(&cycle->node[i], EPOLL_CTL_ADD, next_fd(cycle, i));
}

static void *harvest_cycle(void *arg)
{
	struct cycle *cycle = arg;

	while (!__atomic_load_n(&cycle->stop, __ATOMIC_ACQUIRE)) {
		for (int i = 0; i < cycle->length; i++) {
			struct pollfd pfd = { .fd = cycle->node[i].fd, .events = POLLIN };

			node_events(&cycle->node[i], 4, 0);
			poll(&pfd, 1, 0);
			node_events(&cycle->node[i], 1, 1);
		}
	}
	return NULL;
}

/* Events, waits, changes, all at once. Whether it ends is what is tested. */
static void exercise(struct cycle *cycle)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		MUST(-pthread_create(&threads[i], NULL, harvest_cycle, cycle));
	for (int round = 0; round < 3; round++) {
		int turn = round % cycle->length;

		for (int i = 0; i < cycle->length; i++)
			post(cycle->node[i].efd);
		for (int i = 0; i < cycle->length; i++) {
			node_ctl(&cycle->node[i], EPOLL_CTL_MOD, next_fd(cycle, i));
			drain(cycle->node[i].efd);
		}
		node_ctl(&cycle->node[turn], EPOLL_CTL_DEL, next_fd(cycle, turn));
		if (cycle->node[turn].backend)
			cycle_link(cycle, turn);
	}
	__atomic_store_n(&cycle->stop, true, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static bool one_kind(const struct cycle *cycle)
{
	for (int i = 0; i < cycle->length; i++)
		if (!cycle->node[i].backend || cycle->node[i].backend != cycle->node[0].backend)
			return false;
	return true;
}

TEST_F(cycles, are_refused_or_harmless)
{
	for_each_pattern(pattern, variant->length) {
		struct cycle cycle;
		int ret = 0;

		if (!cycle_open(&cycle, variant->length, &pattern))
			break;
		for (int i = 0; i < cycle.length; i++)
			ASSERT_EQ(0, node_ctl(&cycle.node[i], EPOLL_CTL_ADD, cycle.node[i].efd));
		for (int i = 0; i < cycle.length && !ret; i++)
			ret = cycle_link(&cycle, i);
		/* Only a loop of more than one kind may escape notice. */
		EXPECT_TRUE(ret == -ELOOP || (!ret && !one_kind(&cycle))) {
			TH_LOG("pattern %#x, %d rings: %s", pattern.repoll, pattern.urings,
			       strerror(-ret));
		}
		exercise(&cycle);
		cycle_close(&cycle);
	}
}

/* The event comes before the loop is closed: the closing ADD meets readiness. */
TEST_F(cycles, closed_over_a_ready_fd_are_refused_or_harmless)
{
	for_each_pattern(pattern, variant->length) {
		struct cycle cycle;

		if (!cycle_open(&cycle, variant->length, &pattern))
			break;
		for (int i = 0; i < cycle.length; i++) {
			node_ctl(&cycle.node[i], EPOLL_CTL_ADD, cycle.node[i].efd);
			post(cycle.node[i].efd);
		}
		for (int i = cycle.length - 1; i >= 0; i--)
			cycle_link(&cycle, i);
		/* What is ready is ready, loop or not. */
		for (int i = 0; i < cycle.length; i++)
			ASSERT_LE(1, node_events(&cycle.node[i], 4, 0));
		cycle_close(&cycle);
	}
}

struct closer {
	pthread_barrier_t *barrier;
	struct cycle *cycle;
	int index;
};

static void *link_at_once(void *arg)
{
	struct closer *c = arg;

	pthread_barrier_wait(c->barrier);
	cycle_link(c->cycle, c->index);
	post(c->cycle->node[c->index].efd);
	return NULL;
}

/* All links at once: no ADD can see the whole loop before it is there. */
TEST_F(cycles, closed_by_racing_adds_are_refused_or_harmless)
{
	for_each_pattern(pattern, variant->length) {
		struct closer closers[MAX];
		pthread_barrier_t barrier;
		pthread_t threads[MAX];
		struct cycle cycle;
		int links = 0;

		if (!cycle_open(&cycle, variant->length, &pattern))
			break;
		for (int i = 0; i < cycle.length; i++)
			node_ctl(&cycle.node[i], EPOLL_CTL_ADD, cycle.node[i].efd);
		pthread_barrier_init(&barrier, NULL, cycle.length);
		for (int i = 0; i < cycle.length; i++) {
			closers[i] = (struct closer){ &barrier, &cycle, i };
			pthread_create(&threads[i], NULL, link_at_once, &closers[i]);
		}
		for (int i = 0; i < cycle.length; i++)
			pthread_join(threads[i], NULL);
		for (int i = 0; i < cycle.length; i++)
			if (cycle.node[i].backend)
				links += registrations(cycle.node[i].fd) == 2;
		if (one_kind(&cycle))
			EXPECT_GT(cycle.length, links);
		exercise(&cycle);
		cycle_close(&cycle);
		pthread_barrier_destroy(&barrier);
	}
}

TEST_HARNESS_MAIN
