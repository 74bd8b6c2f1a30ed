/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REPOLL_FUZZ_SHRINKER_H
#define REPOLL_FUZZ_SHRINKER_H

#include "executor.h"

/*
 * Makes @program, whose sides differ, as short and as plain as it can be made
 * with the sides still differing. @run is that of the result. False if they no
 * longer differ when it is run again.
 */
bool shrink(struct program *program, struct run *run);

#endif /* REPOLL_FUZZ_SHRINKER_H */
