// SPDX-License-Identifier: GPL-2.0
/*
 * A signal that only a wait lets in ends this wait with EINTR, or stays pending: its
 * handler runs never elsewhere, never without EINTR, and the mask is always back.
 */
#include "stress.h"

static __thread bool waiting;
static __thread int handled;
static struct crew waiters;
static long interrupted, events_seen;
static int efd;
static bool over;

static void handler(int sig)
{
	(void)sig;
	if (!waiting)
		FAIL("the signal came outside of a wait");
	handled++;
}

static void wait_once(struct actor *actor, const sigset_t *mask)
{
	int timeout = random_below(&actor->random, 4) - 1, n;
	struct epoll_event event;
	sigset_t now;

	handled = 0;
	waiting = true;
	n = result(backend->pwait(ep, &event, 1, timeout, mask));
	waiting = false;
	CHECK(n == 1 || n == -EINTR || (n == 0 && timeout >= 0), "a wait returned %d", n);
	CHECK((n == -EINTR) == (handled > 0), "the wait returned %d, the handler ran %d times", n,
	      handled);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	CHECK(sigismember(&now, SIGUSR1) == 1, "the mask is not back");
	if (n == 1) {
		uint64_t count;

		if (read(efd, &count, sizeof(count)) > 0)
			increment(&events_seen);
	} else if (n < 0) {
		increment(&interrupted);
	}
}

static void waiter(struct actor *actor)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	sigdelset(&mask, SIGUSR1);
	while (!load(&over)) {
		wait_once(actor, &mask);
		jitter(&actor->random);
	}
}

static void interrupt(int index)
{
	pthread_kill(waiters.actors[index].thread, SIGUSR1);
}

static void sender(struct actor *actor)
{
	while (running()) {
		if (random_one_in(&actor->random, 2))
			post(efd);
		jitter(&actor->random);
		interrupt(random_below(&actor->random, waiters.n));
		if (random_one_in(&actor->random, 4))
			usleep(random_below(&actor->random, 1000));
	}
}

/* Whoever still sleeps is told that it is over. */
static void send_to_all(void)
{
	struct patience patience = {};

	for (int i = 0; i < waiters.n; i++) {
		while (!load(&waiters.actors[i].done)) {
			interrupt(i);
			CHECK(patience_lasts(&patience, options.bound), "a signal ends no wait");
		}
	}
}

SCENARIO(signals_and_masks)
{
	struct sigaction action = { .sa_handler = handler };
	struct crew senders;
	sigset_t mask;

	sigaction(SIGUSR1, &action, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	efd = new_eventfd(0);
	watch(ep, efd, EPOLLIN, 0);
	waiters = CREW(waiter, options.threads);
	senders = CREW(sender, 1);
	crew_join(&senders);
	store(&over, true);
	send_to_all();
	crew_join(&waiters);
	tally(interrupted, "waits interrupted");
	tally(events_seen, "events");
}
