// SPDX-License-Identifier: GPL-2.0
#include "child.h"

static pid_t child;
static int commands[2], answers[2];	/* pipes */

static void child_main(struct world *w)
{
	struct op op;

	/* The processes behind the pidfds are the parent's. */
	object_npids = 0;
	close(commands[1]);
	while (read(commands[0], &op, sizeof(op)) == sizeof(op)) {
		static struct step step;

		execute_op(w, &op, &step);
		if (write(answers[1], &step, sizeof(step)) != sizeof(step))
			break;
	}
	_exit(0);
}

static void child_fork(struct world *w)
{
	if (pipe2(commands, O_CLOEXEC) || pipe2(answers, O_CLOEXEC)) {
		perror("pipe2");
		exit(2);
	}
	/* Without a signal at its end, which would wake signalfds. */
	child = syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
	if (child < 0) {
		perror("clone");
		exit(2);
	}
	if (!child)
		child_main(w);
	close(commands[0]);
	close(answers[1]);
}

void child_join(void)
{
	if (!child)
		return;
	close(commands[1]);
	close(answers[0]);
	waitpid(child, NULL, __WALL);
	child = 0;
}

void child_op(struct world *w, const struct op *op, struct step *step)
{
	memset(step, 0, offsetof(struct step, side[1].events));
	step->skipped = (child != 0) == (op->kind == OP_FORK);
	if (step->skipped)
		return;
	if (op->kind == OP_FORK) {
		child_fork(w);
	} else if (op->kind == OP_JOIN) {
		child_join();
	} else if (write(commands[1], op, sizeof(*op)) != sizeof(*op) ||
		   read(answers[0], step, sizeof(*step)) != sizeof(*step)) {
		perror("child");
		exit(2);
	}
}
