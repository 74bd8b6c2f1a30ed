// SPDX-License-Identifier: GPL-2.0
/* A wait with no timeout never finds nothing while something is ready. */
#include "channel.h"

static bool over;

/* One fd is ready all the time. */

static int ready_fd;
static struct { const struct backend *backend; int fd; } above[2];
static long looks;

static void looker(struct actor *actor)
{
	struct epoll_event events[4];
	long count = 0;

	for (; running(); count++) {
		int maxevents = 1 + random_below(&actor->random, 4);
		struct pollfd pfd = { .fd = ep, .events = POLLIN };
		int which = random_below(&actor->random, 8);

		if (which < 2) {
			/* An instance that watches this one. */
			CHECK(above[which].backend->wait(above[which].fd, events, maxevents, 0) > 0,
			      "nothing, from above");
		} else if (which == 2) {
			CHECK(poll(&pfd, 1, 0) == 1, "poll() says no");
		} else {
			CHECK(harvest(ep, events, maxevents, 0) > 0, "nothing");
		}
	}
	__atomic_fetch_add(&looks, count, __ATOMIC_RELAXED);
}

/* Harvests too, and sleeps when there is nothing; which there is not. */
static void taker(struct actor *actor)
{
	struct epoll_event events[4];

	while (!load(&over)) {
		CHECK(harvest(ep, events, 1 + random_below(&actor->random, 4), -1) > 0, "nothing");
		jitter(&actor->random);
	}
}

static void add_and_delete(struct random *random, int fd)
{
	watch(ep, fd, EPOLLIN | (random_one_in(random, 2) ? EPOLLET : 0), 0);
	if (random_one_in(random, 2))
		post(fd);
	jitter(random);
	CHECK(!del(ep, fd), "DEL");
}

/* Changes everything but that the fd is ready for what is asked. */
static void changer(struct actor *actor)
{
	int other = new_eventfd(0);

	while (!load(&over)) {
		switch (random_below(&actor->random, 4)) {
		case 0:
			CHECK(!mod(ep, ready_fd, EPOLLIN), "MOD");
			break;
		case 1:
			CHECK(!mod(ep, ready_fd, EPOLLIN | EPOLLOUT), "MOD");
			break;
		case 2:
			post(ready_fd);
			break;
		default:
			add_and_delete(&actor->random, other);
		}
		jitter(&actor->random);
	}
}

SCENARIO(zero_timeout_of_a_ready_set)
{
	struct crew lookers, takers, changers;
	struct epoll_event event = { .events = EPOLLIN };

	ready_fd = new_eventfd(1);
	watch(ep, ready_fd, EPOLLIN, 0);
	for (int i = 0; i < 2; i++) {
		above[i].backend = i ? mixed_with(backend) : backend;
		above[i].fd = MUST(above[i].backend->create1(EPOLL_CLOEXEC));
		MUST(above[i].backend->ctl(above[i].fd, EPOLL_CTL_ADD, ep, &event));
	}
	takers = CREW(taker, 1);
	changers = CREW(changer, 2);
	lookers = CREW(looker, options.threads);
	crew_join(&lookers);
	store(&over, true);
	crew_join(&takers);
	crew_join(&changers);
	tally(looks, "looks");
}

/* Whoever made an fd ready finds it so, though somebody else harvests. */

static struct duo {
	struct channel channel;
	int epfd;
	long found;
} *duos;

static bool finds(struct duo *duo)
{
	struct epoll_event event;
	int n = harvest(duo->epfd, &event, 1, 0);

	CHECK(n >= 0, "a wait returned %d", n);
	return n == 1;
}

static void writer(struct actor *actor)
{
	struct duo *duo = &duos[actor->index];

	for (; running(); duo->found++) {
		CHECK(channel_put(&duo->channel) > 0, "cannot write");
		CHECK(finds(duo), "not ready: kind %d, just written", duo->channel.kind);
		CHECK(channel_take(&duo->channel), "cannot read");
		/* Takes it off the ready list: the next time it has to get there first. */
		CHECK(!finds(duo), "ready: kind %d, just read", duo->channel.kind);
		jitter(&actor->random);
	}
}

/* Of a level-triggered fd it takes nothing away. */
static void harvester(struct actor *actor)
{
	struct duo *duo = &duos[actor->index];
	struct epoll_event event;

	while (!load(&over)) {
		int n = harvest(duo->epfd, &event, 1, random_one_in(&actor->random, 4));

		CHECK(n >= 0, "a wait returned %d", n);
	}
}

SCENARIO(zero_timeout_after_a_write)
{
	struct crew writers, harvesters;
	long count = 0;

	duos = calloc(options.threads, sizeof(*duos));
	for (int i = 0; i < options.threads; i++) {
		struct duo *duo = &duos[i];

		duo->channel = channel_open(prompt_kinds[i % ARRAY_SIZE(prompt_kinds)]);
		duo->epfd = new_instance();
		watch(duo->epfd, duo->channel.fd, EPOLLIN, 0);
	}
	harvesters = CREW(harvester, options.threads);
	writers = CREW(writer, options.threads);
	crew_join(&writers);
	store(&over, true);
	crew_join(&harvesters);
	for (int i = 0; i < options.threads; i++)
		count += duos[i].found;
	tally(count, "writes");
}
