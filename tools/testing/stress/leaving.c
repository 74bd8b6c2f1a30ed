// SPDX-License-Identifier: GPL-2.0
/*
 * An event outlives the waiter that was woken for it. Threads leave, by a timeout, a
 * signal, or with an event, at the moment of the events of a round, and do not come back
 * before its end; only as many as there are events stay until they have got one. All
 * events have to be got.
 */
#include "stress.h"

enum { INSTANCES = 3, EVENTS = 2 };

static int instances[INSTANCES], ninstances;
static struct {
	int fd;
	int posted, taken;		/* rounds */
} sources[EVENTS];
static int nsources;
static int round_nr;
static struct volley volley;
static struct crew waiters;

static void interrupt(int sig)
{
	(void)sig;
}

/* On the last instance; on the others, everybody may leave. */
static bool stays(const struct actor *actor)
{
	return actor->index < nsources;
}

static int wait_for_one(struct actor *actor, struct epoll_event *event)
{
	struct timespec ts = { .tv_nsec = 1000 * (1 + random_below(&actor->random, 600)) };
	int epfd = instances[actor->index % ninstances];

	if (stays(actor))
		return harvest(instances[ninstances - 1], event, 1, -1);
	/* No timeout, or one that ends about when the events come. */
	return result(backend->pwait2(epfd, event, 1, random_one_in(&actor->random, 2) ? &ts : NULL,
				      NULL));
}

/* False if another one was faster. */
static bool take(int index)
{
	uint64_t count;

	if (read(sources[index].fd, &count, sizeof(count)) < 0)
		return false;
	store(&sources[index].taken, load(&sources[index].posted));
	return true;
}

static void waiter(struct actor *actor)
{
	struct epoll_event event;

	for (;;) {
		int now = load(&round_nr), n = wait_for_one(actor, &event);

		if (n == 1 && event.data.u64 == STOP)
			return;
		CHECK(n == 1 || (!stays(actor) && (n == 0 || n == -EINTR)), "wait: %d", n);
		if (n != 1 || take(event.data.u64))
			word_await(&round_nr, now);
	}
}

static void signaller(struct actor *actor)
{
	while (volley_meet(&volley)) {
		for (int i = nsources; i < waiters.n; i++) {
			jitter(&actor->random);
			if (random_one_in(&actor->random, 2))
				pthread_kill(waiters.actors[i].thread, SIGUSR1);
		}
	}
}

static void start(uint32_t events)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < nsources; i++)
		sources[i].fd = new_eventfd(0);
	for (int i = 0; i < ninstances; i++) {
		instances[i] = i ? MUST(backend->create1(EPOLL_CLOEXEC)) : ep;
		for (int j = 0; j < nsources; j++)
			watch(instances[i], sources[j].fd, events, j);
		heed_stop(instances[i]);
	}
	volley.members = 2;
	waiters = CREW(waiter, nsources + options.threads);
}

static void rounds(uint32_t events)
{
	struct random random = { options.seed };
	struct crew signallers;
	long count = 0;

	start(events);
	signallers = CREW(signaller, 1);
	while (running()) {
		volley_meet(&volley);
		if (random_one_in(&random, 2))
			usleep(random_below(&random, 400));
		for (int i = 0; i < nsources; i++) {
			jitter(&random);
			increment(&sources[i].posted);
			post(sources[i].fd);
		}
		for (int i = 0; i < nsources; i++)
			AWAIT(load(&sources[i].taken) == sources[i].posted,
			      "event %d reached nobody", i);
		word_change(&round_nr);
		count++;
	}
	volley_end(&volley);
	crew_join(&signallers);
	post(stop_fd());
	word_change(&round_nr);
	crew_join(&waiters);
	tally(count, "rounds");
}

SCENARIO(leaving_waiters)
{
	ninstances = 1;
	nsources = EVENTS;
	rounds(EPOLLIN | (options.seed % 2 ? EPOLLET : 0));
}

/* One event: a waiter that is woken for one may take another, which is nobody's fault. */
SCENARIO(leaving_exclusive_waiters)
{
	ninstances = INSTANCES;
	nsources = 1;
	rounds(EPOLLIN | EPOLLEXCLUSIVE | (options.seed % 2 ? EPOLLET : 0));
}
