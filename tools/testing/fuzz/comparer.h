/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REPOLL_FUZZ_COMPARER_H
#define REPOLL_FUZZ_COMPARER_H

#include "executor.h"

/*
 * Says in @step whether its outcomes differ: return value or errno, and of each
 * event, in order, mask and data. What is allowed to differ is made even.
 */
void compare(const struct world *w, const struct op *op, struct step *step);

/* The same, to the last bit. */
bool outcomes_equal(const struct outcome *a, const struct outcome *b);

#endif /* REPOLL_FUZZ_COMPARER_H */
