// SPDX-License-Identifier: GPL-2.0
/*
 * Random programs. Each one has a style: a few kinds of files, few or many
 * instances, nested or not. What is likely to succeed is chosen more often than
 * what is not, from a guess of what is where; the guess may be wrong.
 */
#include <sys/epoll.h>

#include "generator.h"
#include "object.h"
#include "random.h"

#include <linux/repoll.h>

enum { PALETTE = 4 };

struct guess {
	struct random random;
	struct program *program;
	uint8_t kind[SLOTS];
	bool watched[SLOTS][SLOTS];
	uint64_t token[SLOTS][SLOTS];	/* of what is watched, 0 for none */
	uint64_t tokens;	/* used so far */
	int batch;		/* operations that the current batch still gets */
	uint8_t batch_instance;
	bool second[SLOTS];	/* the second file of a pair: what writes to the first */
	bool child;
	uint8_t palette[PALETTE];
	int instances;		/* of ten opens, how many are of instances */
	int nested;		/* of ten targets, how many are instances */
	bool all_masks;		/* unusual bits, in this program */
	bool flags;		/* what only repoll has, in this program */
	bool handover;		/* most registrations are handed over */
	bool towers;		/* instances are nested deep: these are the ends so far */
	uint8_t top, bottom;
};

static const uint16_t object_weights[OBJ_KINDS] = {
	[OBJ_EVENTFD] = 120,
	[OBJ_SEMAPHORE] = 30,
	[OBJ_PIPE] = 120,
	[OBJ_FIFO] = 30,
	[OBJ_UNIX_STREAM] = 90,
	[OBJ_UNIX_DGRAM] = 60,
	[OBJ_UNIX_SEQPACKET] = 20,
	[OBJ_UNIX_LISTENER] = 25,
	[OBJ_TCP] = 25,
	[OBJ_TCP_LISTENER] = 8,
	[OBJ_UDP] = 25,
	[OBJ_PTY] = 10,
	[OBJ_TIMERFD] = 40,
	[OBJ_SIGNALFD] = 25,
	[OBJ_PIDFD] = 3,
	[OBJ_INOTIFY] = 3,
	[OBJ_USERFAULTFD] = 8,
	[OBJ_RANDOM] = 10,
	[OBJ_NULL] = 6,
	[OBJ_REGULAR] = 6,
};

static const uint16_t op_weights[OP_KINDS] = {
	[OP_OPEN] = 60,
	[OP_CLOSE] = 45,
	[OP_DUP] = 50,
	[OP_CTL] = 260,
	[OP_WAIT] = 260,
	[OP_POLL] = 40,
	[OP_FDINFO] = 8,
	[OP_WRITE] = 220,
	[OP_READ] = 70,
	[OP_SHUTDOWN] = 12,
	[OP_SEND_FD] = 15,
	[OP_RECEIVE_FD] = 20,
	[OP_FORK] = 2,
	[OP_JOIN] = 2,
};

/* A slot for which @wanted holds, or any. */
static int pick(struct guess *g, bool (*wanted)(const struct guess *g, int slot))
{
	int start = random_below(&g->random, SLOTS);

	if (!random_one_in(&g->random, 30))
		for (int i = 0; i < SLOTS; i++)
			if (wanted(g, (start + i) % SLOTS))
				return (start + i) % SLOTS;
	return start;
}

static bool is_instance(const struct guess *g, int slot)
{
	return g->kind[slot] == OBJ_INSTANCE;
}

static bool has_instance(const struct guess *g)
{
	for (int slot = 0; slot < SLOTS; slot++)
		if (is_instance(g, slot))
			return true;
	return false;
}

static bool is_plain(const struct guess *g, int slot)
{
	return g->kind[slot] != OBJ_NONE && !is_instance(g, slot);
}

static bool is_open(const struct guess *g, int slot)
{
	return g->kind[slot] != OBJ_NONE;
}

/* Not an instance, most of the time: without one there is not much to test. */
static bool is_expendable(const struct guess *g, int slot)
{
	return !is_instance(g, slot);
}

static int pick_victim(struct guess *g)
{
	return random_one_in(&g->random, 6) ? random_below(&g->random, SLOTS) :
	       pick(g, is_expendable);
}

static bool is_free(const struct guess *g, int slot)
{
	return g->kind[slot] == OBJ_NONE;
}

/* Of pipes, one end is read and the other one written. */
static bool is_one_way(const struct guess *g, int slot)
{
	return g->kind[slot] == OBJ_PIPE || g->kind[slot] == OBJ_FIFO;
}

static bool is_readable(const struct guess *g, int slot)
{
	return is_plain(g, slot) && !(is_one_way(g, slot) && g->second[slot]);
}

static bool is_writable(const struct guess *g, int slot)
{
	return is_plain(g, slot) && (!is_one_way(g, slot) || g->second[slot]);
}

static bool is_unix_socket(const struct guess *g, int slot)
{
	return object_is_unix(g->kind[slot]) && g->kind[slot] != OBJ_UNIX_LISTENER;
}

static bool is_socket(const struct guess *g, int slot)
{
	return object_is_unix(g->kind[slot]) || object_is_inet(g->kind[slot]);
}

/* Masks: what programs use, and now and then any bits at all. */
static uint32_t generate_mask(struct guess *g)
{
	static const uint32_t usual[] = {
		EPOLLIN, EPOLLIN, EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT,
		EPOLLIN | EPOLLOUT, EPOLLIN | EPOLLRDHUP, EPOLLPRI, 0,
	};
	static const uint32_t unusual[] = {
		EPOLLRDNORM, EPOLLRDBAND, EPOLLWRNORM, EPOLLWRBAND, EPOLLMSG, EPOLLERR,
		EPOLLHUP, EPOLLRDHUP, EPOLLPRI, 0x20, 0x800, 0x1000, 0x4000, 0x8000,
		1 << 16, 1 << 26, 1 << 27, UINT32_MAX >> 4,
	};
	uint32_t mask = usual[random_below(&g->random, ARRAY_SIZE(usual))];

	while (g->all_masks && random_one_in(&g->random, 2))
		mask ^= unusual[random_below(&g->random, ARRAY_SIZE(unusual))];
	if (random_one_in(&g->random, 3))
		mask |= EPOLLET;
	if (random_one_in(&g->random, 6))
		mask |= EPOLLONESHOT;
	if (random_one_in(&g->random, 12))
		mask |= EPOLLEXCLUSIVE;
	if (random_one_in(&g->random, 1500))
		mask |= EPOLLWAKEUP;
	return mask;
}

static int generate_ctl_op(struct guess *g, const struct op *op)
{
	static const uint16_t fresh[] = { 0, 90, 3, 6 }, known[] = { 0, 5, 25, 65 };
	/* Indexed by EPOLL_CTL_ADD, EPOLL_CTL_DEL and EPOLL_CTL_MOD. */
	int arg = random_weighted(&g->random, g->watched[op->a][op->b] ? known : fresh, 4);

	if (random_one_in(&g->random, 300))
		arg = random_below(&g->random, 6) +
		      (EPOLL_CTL_MOD + 1) * random_below(&g->random, 2);
	return arg;
}

/* The chain grows by one instance, above or below, until it may not. */
static void generate_storey(struct guess *g, struct op *op)
{
	int other = pick(g, is_instance);

	op->arg = EPOLL_CTL_ADD;
	if (random_one_in(&g->random, 2)) {
		op->a = other;
		op->b = g->top;
		g->top = other;
	} else {
		op->a = g->bottom;
		op->b = other;
		g->bottom = other;
	}
}

/* What only repoll has. A token is of no other registration of the program. */
static void generate_flags(struct guess *g, struct op *op)
{
	uint64_t *token = &g->token[op->a][op->b];

	if (op->arg == EPOLL_CTL_ADD) {
		if (random_one_in(&g->random, 3))
			op->flags |= REPOLL_CTL_BIND;
		if (random_one_in(&g->random, 3))
			op->flags |= REPOLL_CTL_TOKEN;
		if (random_one_in(&g->random, 4))
			op->flags |= REPOLL_CTL_SYNC;
		if (g->handover || random_one_in(&g->random, 6))
			op->flags |= REPOLL_CTL_HANDOVER | REPOLL_CTL_BIND;
	} else if (*token && random_one_in(&g->random, 2)) {
		op->flags = REPOLL_CTL_TOKEN;
	}
	if (op->arg == EPOLL_CTL_MOD && (g->handover || random_one_in(&g->random, 4)))
		op->flags |= REPOLL_CTL_HANDOVER;
	/* What is handed over is one-shot already, and as such no edge. */
	if (op->flags & REPOLL_CTL_HANDOVER)
		op->mask &= ~(EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE);
	if (op->arg != EPOLL_CTL_DEL && random_one_in(&g->random, 4))
		op->flags |= random_below(&g->random, REPOLL_CTL_WAKE_MASK + 1);
}

/* The data that goes with the flags, and what is known of the token from now on. */
static void generate_token(struct guess *g, struct op *op)
{
	uint64_t *token = &g->token[op->a][op->b];

	if (op->arg == EPOLL_CTL_ADD)
		*token = op->flags & (REPOLL_CTL_TOKEN | REPOLL_CTL_HANDOVER) ?
				 ++g->tokens << 32 : 0;
	if (*token && !random_one_in(&g->random, 20))
		op->data = *token;
	if (op->arg == EPOLL_CTL_DEL)
		*token = 0;
}

static void generate_ctl(struct guess *g, struct op *op)
{
	if (g->batch) {
		g->batch--;
		op->a = g->batch_instance;
		op->b = pick(g, is_plain);
		op->arg = generate_ctl_op(g, op);
		op->batched = true;
	} else if (g->towers && random_one_in(&g->random, 3)) {
		generate_storey(g, op);
	} else {
		op->a = pick(g, is_instance);
		op->b = pick(g, random_below(&g->random, 10) < g->nested ? is_instance : is_plain);
		op->arg = generate_ctl_op(g, op);
	}
	op->mask = generate_mask(g);
	op->data = random_next(&g->random) & 0xffffff;
	op->bad_pointer = random_one_in(&g->random, 200);
	if (!g->batch && g->flags && random_one_in(&g->random, 12)) {
		g->batch = random_below(&g->random, BATCH_MAX - 1);
		g->batch_instance = op->a;
		op->batched = true;
	}
	if (g->flags && random_one_in(&g->random, g->handover ? 1 : 3))
		generate_flags(g, op);
	generate_token(g, op);
	if (op->arg == EPOLL_CTL_ADD)
		g->watched[op->a][op->b] = true;
	else if (op->arg == EPOLL_CTL_DEL)
		g->watched[op->a][op->b] = false;
}

static void generate_wait(struct guess *g, struct op *op)
{
	op->a = pick(g, is_instance);
	op->arg = random_one_in(&g->random, 8) ? random_below(&g->random, WAIT_CALLS) : WAIT_PLAIN;
	op->n = random_one_in(&g->random, 3) ? 1 + random_below(&g->random, 3) : EVENTS_MAX;
	op->room = ROOM_ALL;
	op->timeout = random_one_in(&g->random, op->arg == WAIT_MANY ? 2 : 100);
	if (random_one_in(&g->random, 25))
		op->room = random_below(&g->random, 4 * sizeof(struct epoll_event));
	if (random_one_in(&g->random, 200))
		op->n = -random_below(&g->random, 2);
}

static void generate_open(struct guess *g, struct op *op)
{
	op->a = random_one_in(&g->random, 3) ? pick_victim(g) : pick(g, is_free);
	do
		op->b = pick(g, is_free);
	while (op->b == op->a);
	op->arg = random_below(&g->random, 10) < g->instances || !has_instance(g) ? OBJ_INSTANCE :
		  g->palette[random_below(&g->random, PALETTE)];
	op->role = random_below(&g->random, ROLES);
	g->kind[op->a] = op->arg;
	g->second[op->a] = false;
	if (object_is_pair(op->arg)) {
		g->kind[op->b] = op->arg;
		g->second[op->b] = true;
	}
}

static int generate_size(struct guess *g)
{
	static const int sizes[] = { 1, 1, 2, 3, 5, 8, 100, 4096, 5000, 65536, 65536 };

	return sizes[random_below(&g->random, ARRAY_SIZE(sizes))];
}

static void generate_args(struct guess *g, struct op *op)
{
	switch (op->kind) {
	case OP_OPEN:
		generate_open(g, op);
		break;
	case OP_CLOSE:
		op->a = pick(g, random_one_in(&g->random, 6) ? is_instance : is_plain);
		if (!op->in_child)
			g->kind[op->a] = OBJ_NONE;
		break;
	case OP_DUP:
		op->a = pick(g, is_open);
		op->b = pick_victim(g);
		if (!op->in_child) {
			g->kind[op->b] = g->kind[op->a];
			g->second[op->b] = g->second[op->a];
		}
		break;
	case OP_CTL:
		generate_ctl(g, op);
		break;
	case OP_WAIT:
		generate_wait(g, op);
		break;
	case OP_POLL:
		op->a = pick(g, random_one_in(&g->random, 4) ? is_plain : is_instance);
		op->mask = random_next(&g->random) & 0x7fff;
		break;
	case OP_FDINFO:
		op->a = pick(g, is_instance);
		break;
	case OP_WRITE:
	case OP_READ:
		op->a = pick(g, op->kind == OP_WRITE ? is_writable : is_readable);
		op->n = generate_size(g);
		break;
	case OP_SHUTDOWN:
		op->a = pick(g, is_socket);
		op->arg = random_below(&g->random, 3);
		break;
	case OP_SEND_FD:
		op->a = pick(g, is_unix_socket);
		op->b = pick(g, is_open);
		break;
	case OP_RECEIVE_FD:
		op->a = pick(g, is_unix_socket);
		op->b = pick_victim(g);
		break;
	case OP_FORK:
	case OP_JOIN:
		g->child = op->kind == OP_FORK;
		break;
	default:
		break;
	}
}

static bool may_be_in_child(enum op_kind kind)
{
	switch (kind) {
	case OP_CLOSE:
	case OP_DUP:
	case OP_CTL:
	case OP_WAIT:
	case OP_POLL:
	case OP_WRITE:
	case OP_READ:
		return true;
	default:
		return false;
	}
}

/*
 * Instances of both implementations on the repoll side, by role; the pattern
 * in-tree over repoll over in-tree is not among them: in-tree epoll, which polls
 * with its mutex held, is told at first that the middle one is ready.
 */
static uint8_t generate_in_tree_roles(struct guess *g)
{
	static const uint8_t patterns[] = { 1, 2, 3, 4, 6 };

	return patterns[random_below(&g->random, sizeof(patterns))];
}

static void generate_style(struct guess *g)
{
	for (int i = 0; i < PALETTE; i++)
		g->palette[i] = random_weighted(&g->random, object_weights, OBJ_KINDS);
	g->all_masks = random_one_in(&g->random, 3);
	g->flags = random_one_in(&g->random, 2);
	g->handover = g->flags && random_one_in(&g->random, 4);
	switch (random_below(&g->random, 10)) {
	case 0 ... 4:
		g->instances = 1;
		g->nested = 0;
		break;
	case 5 ... 6:
		g->instances = 3;
		g->nested = 2;
		break;
	case 7:
		g->instances = 7;
		g->nested = 5;
		g->towers = true;
		break;
	default:
		g->instances = 4;
		g->nested = 4;
		g->program->in_tree_roles = generate_in_tree_roles(g);
		break;
	}
}

/* Every program begins with something to watch and something to watch it. */
static enum op_kind generate_kind(struct guess *g, int i)
{
	int opens = g->towers ? 10 : 4;

	if (i < opens || !has_instance(g))
		return OP_OPEN;
	if (i < 2 * opens || g->batch)
		return OP_CTL;
	return random_weighted(&g->random, op_weights, OP_KINDS);
}

void generate(struct program *program, uint64_t seed, int len)
{
	struct guess g = { .random.state = seed, .program = program };

	program->seed = seed;
	program->in_tree_roles = 0;
	program->len = len < OPS_MAX ? len : OPS_MAX;
	generate_style(&g);
	for (int i = 0; i < program->len; i++) {
		struct op *op = &program->ops[i];
		bool no_instance = !has_instance(&g);

		memset(op, 0, sizeof(*op));
		op->kind = generate_kind(&g, i);
		op->in_child = g.child && may_be_in_child(op->kind) &&
			       random_one_in(&g.random, 3);
		generate_args(&g, op);
		if (no_instance) {
			g.top = op->a;
			g.bottom = op->a;
		}
	}
}
