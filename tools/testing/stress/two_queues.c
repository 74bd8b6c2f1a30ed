// SPDX-License-Identifier: GPL-2.0
/*
 * A file with two wait queues, one of which is woken, or both at once: a FIFO that is
 * open for reading and writing, full, from which one packet is read, while or before
 * one more is written. Edge-triggered: whoever looks after each event has in the end seen
 * how things are in the end.
 */
#include "stress.h"

enum { PACKETS = 4, PAGE = 4096 };

static int ends[2], both;
static int seen = -1;
static pthread_mutex_t look_lock = PTHREAD_MUTEX_INITIALIZER;
static bool reads, writes;		/* what this round does */
static struct volley volley;

/* All lengths are different, so that no state is like the one before it. */
static int packet_length(int number)
{
	return 1 + number % 1000;
}

static int bytes_there(void)
{
	int bytes;

	MUST(ioctl(both, FIONREAD, &bytes));
	return bytes;
}

static void write_packet(int number)
{
	static const char packet[PAGE];
	struct patience patience = {};

	while (write(ends[1], packet, packet_length(number)) < 0)
		CHECK(patience_lasts(&patience, options.bound), "there is no room");
}

static void writer(struct actor *actor)
{
	int number = PACKETS;

	while (volley_meet(&volley)) {
		jitter(&actor->random);
		if (writes)
			write_packet(number++);
		volley_meet(&volley);
	}
}

static void reader(struct actor *actor)
{
	char packet[PAGE];

	while (volley_meet(&volley)) {
		jitter(&actor->random);
		CHECK(!reads || read(ends[0], packet, sizeof(packet)) > 0, "cannot read");
		volley_meet(&volley);
	}
}

static void waiter(struct actor *actor)
{
	struct epoll_event event;

	for (;;) {
		CHECK(harvest(ep, &event, 1, -1) == 1, "a wait without an event");
		if (event.data.u64 == STOP)
			return;
		/* In order: what is seen first must not be noted last. */
		pthread_mutex_lock(&look_lock);
		store(&seen, bytes_there());
		pthread_mutex_unlock(&look_lock);
		jitter(&actor->random);
	}
}

SCENARIO(two_wait_queues)
{
	struct random random = { options.seed };
	struct crew waiters, writers, readers;
	long count = 0;
	char path[32];

	MUST(pipe2(ends, O_DIRECT | O_NONBLOCK | O_CLOEXEC));
	MUST(fcntl(ends[0], F_SETPIPE_SZ, PACKETS * PAGE));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	both = MUST(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC));
	for (int i = 0; i < PACKETS; i++)
		write_packet(i);
	watch(ep, both, EPOLLIN | EPOLLOUT | EPOLLET, 0);
	heed_stop(ep);
	volley.members = 3;
	waiters = CREW(waiter, options.threads);
	writers = CREW(writer, 1);
	readers = CREW(reader, 1);
	while (running()) {
		/* A read wakes those who wait to write if it was full. */
		reads = !reads || writes;
		writes = !reads || random_one_in(&random, 2);
		volley_meet(&volley);
		volley_meet(&volley);
		AWAIT(load(&seen) == bytes_there(), "the last change was not reported");
		count++;
	}
	volley_end(&volley);
	crew_join(&writers);
	crew_join(&readers);
	stop_waiters(&waiters);
	tally(count, "rounds");
}
