/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A forked process with copies of all fds of both sides, that runs operations on
 * command. There is at most one, and it never runs when the parent does.
 */
#ifndef REPOLL_FUZZ_CHILD_H
#define REPOLL_FUZZ_CHILD_H

#include "executor.h"

/* OP_FORK, OP_JOIN, or an operation in the child; skipped if there is none. */
void child_op(struct world *w, const struct op *op, struct step *step);
/* Ends the child, if there is one: it is gone, with all its fds, on return. */
void child_join(void);

#endif /* REPOLL_FUZZ_CHILD_H */
