/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations that were added with REPOLL_CTL_BIND, REPOLL_CTL_TOKEN or
 * REPOLL_CTL_HANDOVER, and what in-tree epoll, which has none of these, is made to do in
 * their place. What is handed over is bound as well here, so that whoever waits can modify
 * it: its number is there as long as it is.
 */
#ifndef REPOLL_FUZZ_TIES_H
#define REPOLL_FUZZ_TIES_H

#include "world.h"

/* What @op says of flags has no counterpart, or no certain one. */
bool ties_must_skip(const struct world *w, const struct op *op);

/*
 * The slots of instances in which something is bound to the number that @op is about
 * to close, up to @max of them. Those of in-tree epoll have to delete it themselves.
 */
int ties_ended_by(const struct world *w, const struct op *op, uint8_t *instances,
		  uint8_t *slots, int max);

/*
 * What the caller of the wait @op, if it is one, holds of the instance; how many, of at
 * most OPS_MAX, in the order in which they were delivered. In-tree epoll has to modify them.
 */
int ties_held_before(const struct world *w, const struct op *op, const struct tie **held);

/* Takes note of who holds what after @op, if it is a wait, which has returned @n events. */
void ties_commit_wait(struct world *w, const struct op *op, const struct epoll_event *events,
		      int n);

/* Takes note of what @op, which succeeded, has changed; before the slots change. */
void ties_commit(struct world *w, const struct op *op);

#endif /* REPOLL_FUZZ_TIES_H */
