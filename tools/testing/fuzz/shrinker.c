// SPDX-License-Identifier: GPL-2.0
#include "shrinker.h"

enum { ATTEMPTS = 3 };	/* runs that must all differ for a result */

static bool differs(const struct program *program)
{
	static struct run run;

	for (int i = 0; i < ATTEMPTS; i++)
		if (execute(program, &run))
			return false;
	return true;
}

/* Takes @candidate for @program if its sides differ as well. */
static bool try(struct program *program, const struct program *candidate)
{
	if (!memcmp(program, candidate, sizeof(*program)) || !differs(candidate))
		return false;
	*program = *candidate;
	return true;
}

static void cut(struct program *program, int from, int len)
{
	memmove(&program->ops[from], &program->ops[from + len],
		(program->len - from - len) * sizeof(struct op));
	program->len -= len;
}

/* Without runs of operations, long ones first. */
static bool shrink_length(struct program *program)
{
	bool shrunk = false;

	for (int len = program->len / 2; len > 0; len /= 2) {
		for (int from = program->len - len; from >= 0; from--) {
			struct program candidate = *program;

			if (from + len > program->len)
				continue;
			cut(&candidate, from, len);
			shrunk |= try(program, &candidate);
		}
	}
	return shrunk;
}

/* With one field of operation @i replaced. */
#define TRY_FIELD(program, i, field, value) ({					\
	struct program _candidate = *(program);					\
										\
	_candidate.ops[i].field = (value);					\
	try(program, &_candidate);						\
})

static bool shrink_mask(struct program *program, int i)
{
	bool shrunk = false;

	for (uint32_t bit = 1; bit; bit <<= 1)
		if (program->ops[i].mask & bit)
			shrunk |= TRY_FIELD(program, i, mask, program->ops[i].mask & ~bit);
	return shrunk;
}

static bool shrink_open(struct program *program, int i)
{
	static const uint8_t plainer[] = { OBJ_EVENTFD, OBJ_PIPE, OBJ_UNIX_STREAM };

	if (program->ops[i].arg == OBJ_INSTANCE)
		return TRY_FIELD(program, i, role, 0);
	for (unsigned int k = 0; k < sizeof(plainer) && program->ops[i].arg != plainer[k]; k++)
		if (TRY_FIELD(program, i, arg, plainer[k]))
			return true;
	return false;
}

static bool shrink_op(struct program *program, int i)
{
	bool shrunk = false;

	shrunk |= TRY_FIELD(program, i, in_child, false);
	shrunk |= TRY_FIELD(program, i, bad_pointer, false);
	shrunk |= TRY_FIELD(program, i, batched, false);
	shrunk |= TRY_FIELD(program, i, flags, 0);
	shrunk |= TRY_FIELD(program, i, timeout, 0);
	shrunk |= shrink_mask(program, i);
	switch (program->ops[i].kind) {
	case OP_OPEN:
		shrunk |= shrink_open(program, i);
		break;
	case OP_CTL:
		/* Events can be told apart, and are easy to find again. */
		shrunk |= TRY_FIELD(program, i, data, i);
		break;
	case OP_WAIT:
		shrunk |= TRY_FIELD(program, i, arg, WAIT_PLAIN);
		shrunk |= TRY_FIELD(program, i, room, ROOM_ALL);
		shrunk |= TRY_FIELD(program, i, n, EVENTS_MAX);
		break;
	case OP_WRITE:
	case OP_READ:
		shrunk |= TRY_FIELD(program, i, n, 1);
		break;
	}
	return shrunk;
}

/* With instances of one implementation only on a side. */
static void shrink_roles(struct program *program)
{
	struct program candidate = *program;

	candidate.in_tree_roles = 0;
	try(program, &candidate);
}

bool shrink(struct program *program, struct run *run)
{
	bool shrunk = true;

	program->len = run->len;
	if (!differs(program))
		return false;
	shrink_roles(program);
	for (int round = 0; shrunk && round < 10; round++) {
		shrunk = shrink_length(program);
		for (int i = 0; i < program->len; i++)
			shrunk |= shrink_op(program, i);
	}
	return !execute(program, run);
}
