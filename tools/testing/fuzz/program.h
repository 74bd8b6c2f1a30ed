/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of the fuzzer: operations on numbered slots. A slot stands for one
 * fd number on each of the two sides, so that a program can use a number again
 * and both sides mean the same by it.
 */
#ifndef REPOLL_FUZZ_PROGRAM_H
#define REPOLL_FUZZ_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SLOTS = 16,
	OPS_MAX = 128,
	BATCH_MAX = 8,
	EVENTS_MAX = 32,
	ROLES = 3,		/* of instances, in mixed programs */
	ROOM_ALL = -1,
};

enum op_kind {
	OP_OPEN,		/* object (or instance) @arg at slots @a and @b */
	OP_CLOSE,		/* slot @a */
	OP_DUP,			/* dup2(@a, @b) */
	OP_CTL,			/* instance @a, operation @arg, target @b */
	OP_WAIT,		/* instance @a, up to @n events, the call is @arg */
	OP_POLL,		/* poll(2) of @a */
	OP_FDINFO,		/* registrations that /proc shows of @a */
	OP_WRITE,		/* @a, by @n */
	OP_READ,		/* @a, by @n */
	OP_SHUTDOWN,		/* @a, how is @arg */
	OP_SEND_FD,		/* @b over the socket @a */
	OP_RECEIVE_FD,		/* from the socket @a into slot @b */
	OP_FORK,		/* a child with copies of all fds; one at a time */
	OP_JOIN,		/* its end */
	OP_KINDS
};

/* The calls of OP_WAIT. */
enum wait_call {
	WAIT_PLAIN,
	WAIT_PWAIT,		/* with the signal of signalfds unblocked */
	WAIT_PWAIT2,
	WAIT_MANY,		/* for two, or 1 us after the first */
	WAIT_CALLS
};

struct op {
	uint8_t kind;
	bool in_child;
	uint8_t a, b;
	uint8_t arg;
	uint8_t role;		/* of a new instance */
	bool bad_pointer;	/* CTL: the event is not readable */
	uint8_t flags;		/* CTL: REPOLL_CTL_* */
	bool batched;		/* CTL: in one call with those beside it, if it may be */
	int16_t room;		/* WAIT: bytes before the fault, ROOM_ALL for no fault */
	int16_t timeout;	/* WAIT: ms */
	int32_t n;
	uint32_t mask;
	uint64_t data;
};

struct program {
	uint64_t seed;
	/*
	 * Bit r: instances of role r are in-tree's on the repoll side too. Such
	 * a program is mixed: an instance watches others of lower roles only.
	 */
	uint8_t in_tree_roles;
	int len;
	struct op ops[OPS_MAX];
};

static inline bool program_is_mixed(const struct program *p)
{
	return p->in_tree_roles != 0;
}

#endif /* REPOLL_FUZZ_PROGRAM_H */
