/* SPDX-License-Identifier: GPL-2.0 */
/* Runs a program in lockstep on both sides and stops at the first difference. */
#ifndef REPOLL_FUZZ_EXECUTOR_H
#define REPOLL_FUZZ_EXECUTOR_H

#include "world.h"

/* What one side answered. */
struct outcome {
	int ret;		/* or -errno */
	int n;			/* events below */
	uint8_t received;	/* the byte that came with an fd */
	struct epoll_event events[EVENTS_MAX];
};

/* One operation on both sides. */
struct step {
	struct outcome side[SIDES];
	int allowed;		/* index of the allowed difference, 0 for none */
	bool skipped;
	bool differs;
};

struct run {
	struct step step[OPS_MAX];
	int len;		/* steps made; the last one differs, or none does */
	bool differs;
};

void executor_init(void);
/* Runs @program; true when the sides never differed but in what is allowed. */
bool execute(const struct program *program, struct run *run);

/* One operation on both sides, and the comparison; used by execute() and by a child. */
void execute_op(struct world *w, const struct op *op, struct step *step);

/* How many operations at @ops, up to @max, go into one call now; 0 if the first does not. */
int batch_length(const struct world *w, const struct op *ops, int max);

#endif /* REPOLL_FUZZ_EXECUTOR_H */
