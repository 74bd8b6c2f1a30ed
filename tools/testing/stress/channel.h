/* SPDX-License-Identifier: GPL-2.0 */
/* Files to watch, each with the means to make it readable. */
#ifndef REPOLL_STRESS_CHANNEL_H
#define REPOLL_STRESS_CHANNEL_H

#include "stress.h"
#include "object_io.h"

struct channel {
	enum object_kind kind;
	int fd;			/* watched and read */
	int feed;		/* written: another file, but for an eventfd */
};

/* Those that are readable as soon as the write has returned. */
static const enum object_kind prompt_kinds[] = {
	OBJ_EVENTFD, OBJ_PIPE, OBJ_FIFO, OBJ_UNIX_STREAM, OBJ_UNIX_DGRAM,
};

/* Those whose feed is another file than what is watched. */
static const enum object_kind paired_kinds[] = {
	OBJ_PIPE, OBJ_FIFO, OBJ_UNIX_STREAM, OBJ_UNIX_DGRAM, OBJ_UNIX_SEQPACKET,
};

/* All: also those with a work item or a softirq in between. */
static const enum object_kind channel_kinds[] = {
	OBJ_EVENTFD, OBJ_SEMAPHORE, OBJ_PIPE, OBJ_FIFO, OBJ_UNIX_STREAM, OBJ_UNIX_DGRAM,
	OBJ_PTY, OBJ_TCP, OBJ_UDP,
};

#define ONE_OF(random, kinds)	((kinds)[random_below(random, ARRAY_SIZE(kinds))])

static inline struct channel channel_open(enum object_kind kind)
{
	struct channel channel = { .kind = kind };
	int fd[2], ret = object_open(kind, fd);

	CHECK(!ret, "cannot open an object of kind %d: %s", kind, strerror(-ret));
	channel.fd = fd[0];
	channel.feed = fd[1] < 0 ? fd[0] : fd[1];
	if (kind == OBJ_FIFO) {
		char path[32];

		/* Open for reading and for writing it has two wait queues. */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd[0]);
		move_fd(MUST(open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)), fd[0]);
	}
	return channel;
}

static inline void channel_close(struct channel *channel)
{
	close(channel->fd);
	if (channel->feed != channel->fd)
		close(channel->feed);
}

/* Makes it readable: what write() returned. */
static inline int channel_put(struct channel *channel)
{
	return object_write(channel->kind, channel->feed, 1);
}

/* Reads what is there: whether it was this thread that got it. */
static inline bool channel_take(struct channel *channel)
{
	return object_read(channel->kind, channel->fd, 4096) > 0;
}

#endif /* REPOLL_STRESS_CHANNEL_H */
