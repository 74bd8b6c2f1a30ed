// SPDX-License-Identifier: GPL-2.0
/*
 * Threads make instances watch each other, in all directions, and undo it, while
 * instances are replaced, waited on and woken. Whenever they rest: no loop of
 * instances of one implementation, none nested deeper than allowed, an ADD answers as the graph
 * asks, and an instance is ready exactly if it leads to something that is.
 */
#include "fdinfo.h"

enum { NODES = 8, NUMBERS = 400, MAX_NESTS = 4, OPS = 12, LEAF = 1 << 16 };

static const struct backend *kinds[NODES];
static int leaves[NODES];		/* each watched by the instance of its index */
static bool edges[NODES][NODES];	/* the first watches the second */
static bool mixed;
static long added, refused;
static struct volley volley;

static int node_ctl(int node, int op, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	return result(kinds[node]->ctl(NUMBERS + node, op, fd, &event));
}

static int node_ready(int node)
{
	struct epoll_event events[NODES + 1];

	return result(kinds[node]->wait(NUMBERS + node, events, NODES + 1, 0));
}

static void node_replace(int node)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = leaves[node] };
	int epfd = MUST(kinds[node]->create1(EPOLL_CLOEXEC));

	MUST(kinds[node]->ctl(epfd, EPOLL_CTL_ADD, leaves[node], &event));
	move_fd(epfd, NUMBERS + node);
}

static void change(struct actor *actor, int from, int to)
{
	bool adds = random_below(&actor->random, 3);
	int ret = node_ctl(from, adds ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, NUMBERS + to);

	/* A number and itself may be two instances: it is looked at twice. */
	if (adds)
		CHECK(!ret || ret == -EEXIST || ret == -ELOOP || ret == -EINVAL, "ADD: %s",
		      strerror(-ret));
	else
		CHECK(!ret || ret == -ENOENT || (from == to && ret == -EINVAL), "DEL: %s",
		      strerror(-ret));
	if (adds && !ret)
		increment(&added);
	if (ret == -ELOOP)
		increment(&refused);
}

static void use(struct actor *actor, int node)
{
	struct pollfd pfd = { .fd = NUMBERS + node, .events = POLLIN };
	uint64_t count;

	switch (random_below(&actor->random, 4)) {
	case 0:
		post(leaves[node]);
		break;
	case 1:
		if (read(leaves[node], &count, sizeof(count)) < 0)
			sched_yield();
		break;
	case 2:
		CHECK(node_ready(node) >= 0, "wait");
		break;
	default:
		MUST(poll(&pfd, 1, 0));
	}
}

static void racer(struct actor *actor)
{
	while (volley_meet(&volley)) {
		for (int i = 0; i < OPS; i++) {
			int node = random_below(&actor->random, NODES);

			if (random_one_in(&actor->random, 20))
				node_replace(node);
			else if (random_one_in(&actor->random, 4))
				use(actor, node);
			else
				change(actor, node, random_below(&actor->random, NODES));
		}
		volley_meet(&volley);
	}
}

static void read_edges(void)
{
	struct fdinfo info;

	memset(edges, 0, sizeof(edges));
	for (int i = 0; i < NODES; i++) {
		FILE *file = fdinfo_open(NUMBERS + i);

		while (fdinfo_next(file, &info))
			if (info.fd >= NUMBERS && info.fd < NUMBERS + NODES)
				edges[i][info.fd - NUMBERS] = true;
	}
}

/* What an implementation knows: an edge between two instances of its own. */
static bool known(int from, int to)
{
	return edges[from][to] && kinds[from] == kinds[to];
}

/* The longest chain of known edges that begins, or with @up ends, at @node. */
static int chain(int node, bool up, int length)
{
	int longest = 0;

	CHECK(length <= NODES, "instances watch each other in a loop");
	for (int i = 0; i < NODES; i++) {
		if (up ? known(i, node) : known(node, i)) {
			int further = 1 + chain(i, up, length + 1);

			longest = further > longest ? further : longest;
		}
	}
	return longest;
}

/* Does a chain of any edges, or of known ones only, lead from one to the other? */
static bool leads(int from, int to, bool only_known, unsigned int *visited)
{
	if (from == to)
		return true;
	*visited |= 1U << from;
	for (int i = 0; i < NODES; i++)
		if ((only_known ? known(from, i) : edges[from][i]) && !(*visited & 1U << i) &&
		    leads(i, to, only_known, visited))
			return true;
	return false;
}

static void check_depth(void)
{
	for (int i = 0; i < NODES; i++)
		CHECK(chain(i, false, 0) <= MAX_NESTS, "nested %d deep", chain(i, false, 0));
}

/* One more ADD, whose answer follows from the graph. */
static void check_answer(int from, int to)
{
	unsigned int visited = 0;
	int ret;

	if (from == to)
		return;
	ret = node_ctl(from, EPOLL_CTL_ADD, NUMBERS + to);
	if (edges[from][to])
		CHECK(ret == -EEXIST, "ADD of what is there: %d", ret);
	else if (kinds[from] == kinds[to] &&
		 (leads(to, from, true, &visited) ||
		  chain(to, false, 0) + 1 + chain(from, true, 0) > MAX_NESTS))
		CHECK(ret == -ELOOP, "a loop, or too deep: %d", ret);
	else
		CHECK(!ret || ret == -EINVAL, "ADD: %s", strerror(-ret));
	edges[from][to] |= !ret;
}

static void check_readiness(int leaf)
{
	post(leaves[leaf]);
	for (int i = 0; i < NODES; i++) {
		unsigned int visited = 0;

		if (leads(i, leaf, false, &visited))
			AWAIT(node_ready(i) > 0, "it leads to what is ready, and is not: %d", i);
		else
			CHECK(mixed || !node_ready(i), "it leads to nothing that is ready: %d", i);
	}
	drain(leaves[leaf]);
	for (int i = 0; i < NODES; i++)
		CHECK(mixed || !node_ready(i), "nothing is ready any more: %d", i);
}

static void rest(struct random *random)
{
	uint64_t count;

	for (int i = 0; i < NODES; i++)
		if (read(leaves[i], &count, sizeof(count)) < 0)
			CHECK(errno == EAGAIN, "eventfd");
	read_edges();
	check_depth();
	for (int i = 0; i < 4; i++)
		check_answer(random_below(random, NODES), random_below(random, NODES));
	check_depth();
	check_readiness(random_below(random, NODES));
	/* Not for ever as full as it can be. */
	if (random_one_in(random, 3))
		for (int i = 0; i < NODES; i++)
			node_replace(i);
}

static void race(void)
{
	struct random random = { options.seed };
	struct crew racers;

	for (int i = 0; i < NODES; i++) {
		kinds[i] = mixed && i % 2 ? mixed_with(backend) : backend;
		leaves[i] = new_eventfd(0);
		node_replace(i);
	}
	volley.members = options.threads + 1;
	racers = CREW(racer, options.threads);
	while (running()) {
		volley_meet(&volley);
		volley_meet(&volley);
		rest(&random);
	}
	volley_end(&volley);
	crew_join(&racers);
	tally(added, "edges");
	tally(refused, "loops refused");
}

SCENARIO(nesting)
{
	race();
}

SCENARIO(mixed_nesting)
{
	mixed = true;
	race();
}
