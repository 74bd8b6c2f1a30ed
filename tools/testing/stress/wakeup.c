// SPDX-License-Identifier: GPL-2.0
/*
 * No wakeup is lost. In volleys: several threads make fds ready at once, and the
 * next volley waits until each of these has been read by one of those that wait
 * without a timeout. What one volley has lost no later event can make up for.
 */
#include "channel.h"

enum { CHANNELS = 10, DEPTH = 4, LEAF = 1 << 16 };

/* Each but the last watches the next; only the first is waited on. */
static struct node {
	const struct backend *backend;
	int fd;
} nodes[DEPTH + 1];
static int depth;

static struct leaf {
	struct channel channel;
	int node;			/* who watches it */
	uint32_t events;
	int posted, taken;		/* volleys */
} leaves[CHANNELS];

static struct volley volley;

static int node_ctl(struct node *node, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = { .events = events, .data.u64 = data };

	return result(node->backend->ctl(node->fd, op, fd, &event));
}

static void build(bool mixed)
{
	struct random random = { options.seed };

	nodes[0] = (struct node){ backend, ep };
	for (int i = 1; i <= depth; i++) {
		nodes[i].backend = mixed && i % 2 ? mixed_with(backend) : backend;
		nodes[i].fd = MUST(nodes[i].backend->create1(EPOLL_CLOEXEC));
		CHECK(!node_ctl(&nodes[i - 1], EPOLL_CTL_ADD, nodes[i].fd, EPOLLIN, i), "ADD");
	}
	for (int i = 0; i < CHANNELS; i++) {
		struct leaf *leaf = &leaves[i];

		leaf->channel = channel_open(channel_kinds[i % ARRAY_SIZE(channel_kinds)]);
		leaf->node = i ? random_below(&random, depth + 1) : depth;
		leaf->events = EPOLLIN | (random_one_in(&random, 2) ? EPOLLET : 0);
		CHECK(!node_ctl(&nodes[leaf->node], EPOLL_CTL_ADD, leaf->channel.fd, leaf->events,
				LEAF | i), "ADD");
	}
	heed_stop(ep);
}

/* Takes what one node has, and what those below it have: false when told to stop. */
static bool take_from(struct actor *actor, int index, int timeout)
{
	struct node *node = &nodes[index];
	struct epoll_event events[4];
	int n = result(node->backend->wait(node->fd, events, 1 + random_below(&actor->random, 4),
					   timeout));

	CHECK(n >= 0 && (n || !timeout), "a wait returned %d", n);
	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;
		struct leaf *leaf;

		if (data == STOP)
			return false;
		if (!(data & LEAF)) {
			if (!take_from(actor, data, 0))
				return false;
			continue;
		}
		leaf = &leaves[data & ~LEAF];
		if (channel_take(&leaf->channel))
			store(&leaf->taken, load(&leaf->posted));
	}
	return true;
}

static void taker(struct actor *actor)
{
	while (take_from(actor, 0, -1))
		jitter(&actor->random);
}

static void poster(struct actor *actor)
{
	while (volley_meet(&volley)) {
		for (int i = actor->index; i < CHANNELS; i += options.threads) {
			if (random_one_in(&actor->random, 4))
				continue;
			jitter(&actor->random);
			increment(&leaves[i].posted);
			CHECK(channel_put(&leaves[i].channel) > 0, "channel %d", i);
		}
		volley_meet(&volley);
	}
}

/* Changes the sets meanwhile, by fds that are never ready. */
static void changer(struct actor *actor)
{
	struct node *node = &nodes[random_below(&actor->random, depth + 1)];
	int fd = new_eventfd(0), expected;
	bool there = false;

	while (!load(&volley.over)) {
		static const int ops[] = { EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL };
		int op = ONE_OF(&actor->random, ops);

		expected = op == EPOLL_CTL_ADD ? (there ? -EEXIST : 0) : (there ? 0 : -ENOENT);
		CHECK(node_ctl(node, op, fd, EPOLLIN, 0) == expected, "op %d: not %d", op,
		      expected);
		there = op == EPOLL_CTL_ADD || (op == EPOLL_CTL_MOD && there);
		jitter(&actor->random);
	}
}

static void volleys(void)
{
	struct crew takers, posters, changers;
	long count = 0;

	volley.members = options.threads + 1;
	takers = CREW(taker, options.threads);
	posters = CREW(poster, options.threads);
	changers = CREW(changer, 1);
	while (running()) {
		volley_meet(&volley);
		volley_meet(&volley);
		for (int i = 0; i < CHANNELS; i++) {
			struct leaf *leaf = &leaves[i];

			AWAIT(load(&leaf->taken) == load(&leaf->posted),
			      "a wakeup was lost: kind %d, mask %#x, %d below the top",
			      leaf->channel.kind, leaf->events, leaf->node);
		}
		count++;
	}
	volley_end(&volley);
	crew_join(&posters);
	crew_join(&changers);
	stop_waiters(&takers);
	tally(count, "volleys");
}

SCENARIO(wakeup)
{
	build(false);
	volleys();
}

SCENARIO(wakeup_through_nesting)
{
	depth = 1 + options.seed % DEPTH;
	build(false);
	volleys();
}

SCENARIO(wakeup_through_mixed_nesting)
{
	depth = DEPTH;
	build(true);
	volleys();
}
