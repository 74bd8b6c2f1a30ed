/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Registrations that were added with REPOLL_CTL_BIND or REPOLL_CTL_TOKEN, and what
 * in-tree epoll, which has neither, is made to do in their place.
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

/* Takes note of what @op, which succeeded, has changed; before the slots change. */
void ties_commit(struct world *w, const struct op *op);

#endif /* REPOLL_FUZZ_TIES_H */
