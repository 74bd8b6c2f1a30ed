// SPDX-License-Identifier: GPL-2.0
/*
 * Watched files in flight: sent over a UNIX socket, for a while open nowhere else, and
 * still watched. Their last close is that of who received them or of the socket in
 * whose queue they are; or, if that can be reached from nowhere, it comes from a worker
 * of the kernel that collects such sockets.
 */
#include "fdinfo.h"
#include "feeder.h"

/* More numbers: what is sent to OUTBOX comes to INBOX, and is received at TAKEN. */
enum { INBOX = 700, OUTBOX = 800, TAKEN = 900 };

static const int socket_types[] = { SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET };

/* Between one who sends and one who receives. */
static struct volley volleys[PLACES];
static long received;

static bool is_registered(int place)
{
	FILE *file = fdinfo_open(ep);
	struct fdinfo info;
	bool found = false;

	while (fdinfo_next(file, &info))
		found |= (info.data & 0xff) == place;
	return found;
}

static void open_mailbox(struct random *random, int place)
{
	int fd[2];

	new_socketpair(fd, ONE_OF(random, socket_types));
	move_fd(fd[0], INBOX + place);
	move_fd(fd[1], OUTBOX + place);
}

static void close_mailbox(int place)
{
	close(INBOX + place);
	close(OUTBOX + place);
}

static void receiver(struct actor *actor)
{
	int place = actor->index;
	struct random *random = &actor->random;
	uint8_t byte;

	while (volley_meet(&volleys[place])) {
		for (int looks = random_below(random, 4); looks; looks--) {
			jitter(random);
			if (object_receive_fd(INBOX + place, TAKEN + place, &byte) != 1)
				continue;
			increment(&received);
			jitter(random);
			close(TAKEN + place);
		}
		volley_meet(&volleys[place]);
	}
}

static void sender(struct actor *actor)
{
	int place = actor->index, fd = WATCHED + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	while (running()) {
		bool nowhere_else = random_one_in(random, 2);
		uint32_t events = nowhere_else ? EPOLLIN : random_trigger(random);

		open_mailbox(random, place);
		open_at(ONE_OF(random, paired_kinds), fd, place);
		watch(ep, fd, events, generation_data(place, ++generation));
		send_fd(OUTBOX + place, fd);
		feed(FEED + place);
		if (nowhere_else) {
			close(fd);
			generation_await(place, generation, "the file is in flight");
		}
		/* Now it may also be received, and be closed by three at once. */
		volley_meet(&volleys[place]);
		jitter(random);
		if (!nowhere_else && random_one_in(random, 2)) {
			CHECK(!del(ep, fd), "DEL");
			generation_end(place, generation);
		}
		if (random_one_in(random, 2))
			close_mailbox(place);
		if (!nowhere_else)
			close(fd);
		volley_meet(&volleys[place]);
		close_mailbox(place);
		generation_end(place, generation);
		/* Somebody who asked it whether it is ready may be the last to let go. */
		AWAIT(!is_registered(place), "all have closed the file, and it is watched");
	}
	volley_end(&volleys[place]);
}

SCENARIO(in_flight)
{
	struct crew receivers;

	for (int i = 0; i < options.threads; i++)
		volleys[i].members = 2;
	receivers = CREW(receiver, options.threads);
	generations_run_fed("sender", sender);
	crew_join(&receivers);
	tally(received, "received");
}

/* The places of sockets that hold one another. */
enum { RINGS = PLACES / 2 };

/* Of these the other end tells when the last close has been seen to. */
static const enum object_kind telling_kinds[] = {
	OBJ_PIPE, OBJ_FIFO, OBJ_UNIX_STREAM, OBJ_UNIX_SEQPACKET,
};

/* Has the other end of @feed been released? */
static bool is_released(int feed)
{
	struct pollfd pfd = { .fd = feed };

	return MUST(poll(&pfd, 1, 0)) && pfd.revents & (POLLERR | POLLHUP);
}

/* The end of a UNIX socket starts the collector, which may just miss others. */
static bool collect(void)
{
	int fd[2];

	new_socketpair(fd, SOCK_STREAM);
	close(fd[0]);
	close(fd[1]);
	return false;
}

/* A ring of watched sockets, each in the queue of the one before, and @fd in one of them. */
static void discard(struct random *random, int fd, uint64_t data)
{
	int n = 1 + random_below(random, 3), pair[3][2];

	for (int i = 0; i < n; i++) {
		new_socketpair(pair[i], ONE_OF(random, socket_types));
		watch(ep, pair[i][0], random_trigger(random), data);
	}
	for (int i = 0; i < n; i++)
		send_fd(pair[i][1], pair[(i + 1) % n][0]);
	send_fd(pair[random_below(random, n)][1], fd);
	jitter(random);
	close(fd);
	for (int i = 0; i < n; i++) {
		close(pair[i][0]);
		close(pair[i][1]);
	}
}

static void discarder(struct actor *actor)
{
	int place = actor->index, ring = RINGS + place, fd = WATCHED + place;
	struct random *random = &actor->random;
	uint64_t generation = 0;

	while (running()) {
		open_at(ONE_OF(random, telling_kinds), fd, place);
		watch(ep, fd, random_trigger(random), generation_data(place, ++generation));
		feed(FEED + place);
		discard(random, fd, generation_data(ring, generation));
		AWAIT(is_released(FEED + place) || collect(), "the file is not collected");
		generation_end(place, generation);
		CHECK(!is_registered(place), "the file was released, and it is watched");
		AWAIT(!is_registered(ring) || collect(), "sockets were collected, and are watched");
		generation_end(ring, generation);
	}
}

SCENARIO(collected_as_garbage)
{
	generations_run_fed("discarder", discarder);
}
