// SPDX-License-Identifier: GPL-2.0
#include "allowed.h"
#include "comparer.h"

bool outcomes_equal(const struct outcome *a, const struct outcome *b)
{
	return a->ret == b->ret && a->n == b->n && a->received == b->received &&
	       !memcmp(a->events, b->events, a->n * sizeof(a->events[0]));
}

void compare(const struct world *w, const struct op *op, struct step *step)
{
	if (outcomes_equal(&step->side[IN_TREE], &step->side[REPOLL]))
		return;
	step->allowed = allowed(w, op, step);
	step->differs = !step->allowed;
}
