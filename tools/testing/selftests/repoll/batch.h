/* SPDX-License-Identifier: GPL-2.0 */
/* REPOLL_IOC_BATCH as a call, operations for it, and what it may have changed. */
#ifndef REPOLL_BATCH_H
#define REPOLL_BATCH_H

#include "bad_input.h"

/* An operation whose data is the fd, as that of add() and mod(). It has no result yet. */
static inline struct repoll_op op_of(int op, int fd, uint32_t events)
{
	return (struct repoll_op){
		.op = op, .fd = fd, .events = events, .data = (uint32_t)fd, .result = INT_MAX,
	};
}

#define ADD(fd, events)	op_of(EPOLL_CTL_ADD, fd, events)
#define MOD(fd, events)	op_of(EPOLL_CTL_MOD, fd, events)
#define DEL(fd)		op_of(EPOLL_CTL_DEL, fd, 0)

static inline struct repoll_batch batch_of(const struct repoll_op *ops, unsigned int n)
{
	return (struct repoll_batch){
		.ops = (uintptr_t)ops, .nr_ops = n, .succeeded = UINT32_MAX,
	};
}

static inline int call_batch(const struct repoll_batch *request)
{
	return result(ioctl(ep, REPOLL_IOC_BATCH, request));
}

/* How many succeeded, as both the call and the request have it; -errno. */
static inline int batch(struct repoll_op *ops, unsigned int n, uint32_t flags)
{
	struct repoll_batch request = batch_of(ops, n);
	int ret;

	request.flags = flags;
	ret = call_batch(&request);
	if (ret >= 0 && (uint32_t)ret != request.succeeded) {
		fprintf(stderr, "# returned %d, succeeded %u\n", ret, request.succeeded);
		return -EIO;
	}
	return ret;
}

/* The same operation alone, on any implementation. */
static inline int alone(const struct backend *implementation, int epfd,
			const struct repoll_op *op)
{
	struct epoll_event event = { .events = op->events, .data.u64 = op->data };

	return result(implementation->ctl(epfd, op->op, op->fd, &event));
}

/*
 * What anybody can see of an instance: its registrations as /proc shows them, and what
 * a wait returns, which it thereby does. The text is good until the next call but two.
 */
static inline const char *state_of(const struct backend *implementation, int epfd)
{
	static char texts[3][32768];
	static int turn;
	char path[64], line[256], *text, *end;
	struct epoll_event events[64];
	FILE *info;
	int n;

	turn = (turn + 1) % ARRAY_SIZE(texts);
	text = texts[turn];
	end = text + sizeof(texts[0]);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	info = fopen(path, "re");
	MUST(info ? 0 : -1);
	*text = 0;
	while (fgets(line, sizeof(line), info)) {
		if (!strncmp(line, "tfd:", 4))
			text += snprintf(text, end - text, "%s", line);
	}
	fclose(info);
	n = MUST(implementation->wait(epfd, events, ARRAY_SIZE(events), 0));
	for (int i = 0; i < n; i++)
		text += snprintf(text, end - text, "ready: %x %llx\n", events[i].events,
				 (unsigned long long)events[i].data.u64);
	return texts[turn];
}

#endif /* REPOLL_BATCH_H */
