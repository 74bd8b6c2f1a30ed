/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Differences that are not errors, each with its reason in allowed.c. All else
 * is one.
 */
#ifndef REPOLL_FUZZ_ALLOWED_H
#define REPOLL_FUZZ_ALLOWED_H

#include "executor.h"

/* What the index in &struct step.allowed means. */
extern const char *const allowed_names[];
extern const int allowed_count;

/* The index of the rule that allows the outcomes of @step to differ, or 0. */
int allowed(const struct world *w, const struct op *op, const struct step *step);

#endif /* REPOLL_FUZZ_ALLOWED_H */
