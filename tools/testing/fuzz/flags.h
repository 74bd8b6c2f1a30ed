/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Calls that only repoll has, and what comes to the same on in-tree epoll: a wake
 * policy changes nothing where one thread waits, a token stands for an fd, and a
 * batch for its operations one by one. A generation, which an ADD returns, is a success.
 * What is bound to its number is deleted by the caller before it closes that, and what is
 * handed over is a one-shot registration that the caller modifies before its next wait, see
 * ties.h.
 *
 * A header, because the tests that the fuzzer prints use it too.
 */
#ifndef REPOLL_FUZZ_FLAGS_H
#define REPOLL_FUZZ_FLAGS_H

#include <linux/repoll.h>

#include "backend.h"
#include "object.h"

static inline bool flags_by_token(int op, unsigned int flags)
{
	return flags & REPOLL_CTL_TOKEN && op != EPOLL_CTL_ADD;
}

static inline int flags_result(int ret)
{
	return ret > 0 ? 0 : ret;
}

/* The mask for in-tree epoll. */
static inline uint32_t flags_in_tree_mask(uint32_t mask, unsigned int flags)
{
	return flags & REPOLL_CTL_HANDOVER ? mask | EPOLLONESHOT : mask;
}

/* epoll_ctl() with flags; 0 or -errno. */
static inline int flags_ctl(const struct backend *backend, int epfd, int op, int fd,
			    struct epoll_event *event, unsigned int flags)
{
	if (backend != &backend_repoll && flags & REPOLL_CTL_HANDOVER)
		event->events = flags_in_tree_mask(event->events, flags);
	if (backend != &backend_repoll || !flags)
		return object_result(backend->ctl(epfd, op, fd, event));
	if (flags_by_token(op, flags))
		fd = -1;
	return flags_result(object_result(repoll_ctl_flags(epfd, op, fd, event, flags)));
}

/* Operations, of which each has its fd also where a token will do, and gets its result. */
static inline void flags_batch(const struct backend *backend, int epfd, struct repoll_op *ops,
			       int n)
{
	int ret;

	if (backend != &backend_repoll) {
		for (int i = 0; i < n; i++) {
			struct epoll_event event = {
				.events = flags_in_tree_mask(ops[i].events, ops[i].flags),
				.data.u64 = ops[i].data,
			};

			ops[i].result = object_result(backend->ctl(epfd, ops[i].op, ops[i].fd,
								   &event));
		}
		return;
	}
	for (int i = 0; i < n; i++)
		if (flags_by_token(ops[i].op, ops[i].flags))
			ops[i].fd = -1;
	ret = object_result(repoll_batch(epfd, ops, n, 0));
	for (int i = 0; i < n; i++)
		ops[i].result = ret < 0 ? ret : flags_result(ops[i].result);
}

#endif /* REPOLL_FUZZ_FLAGS_H */
