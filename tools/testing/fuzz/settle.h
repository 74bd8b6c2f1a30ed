/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Waiting for what an operation left to the kernel to finish: packets on the
 * loopback device, the work item behind a terminal. Each side is at rest before
 * the other one moves.
 */
#ifndef REPOLL_FUZZ_SETTLE_H
#define REPOLL_FUZZ_SETTLE_H

#include "world.h"

void settle_before(const struct world *w, enum side twin, const struct op *op);
void settle_after(const struct world *w, enum side twin, const struct op *op, int ret);

#endif /* REPOLL_FUZZ_SETTLE_H */
