/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REPOLL_FUZZ_GENERATOR_H
#define REPOLL_FUZZ_GENERATOR_H

#include "program.h"

/* The program of @len operations that belongs to @seed. */
void generate(struct program *program, uint64_t seed, int len);

#endif /* REPOLL_FUZZ_GENERATOR_H */
