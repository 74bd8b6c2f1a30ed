// SPDX-License-Identifier: GPL-2.0
#include <linux/repoll.h>

#include "ties.h"

/* The tie of what is registered at slot @b with the instance at slot @a, NULL for none. */
static const struct tie *find(const struct world *w, int a, int b)
{
	for (int i = 0; i < w->ties; i++) {
		const struct tie *t = &w->tie[i];

		if (t->instance == w->slot[a] && t->slot == b && t->file == w->slot[b])
			return t;
	}
	return NULL;
}

static int slot_of(const struct world *w, int file)
{
	for (int slot = 0; slot < SLOTS; slot++)
		if (w->slot[slot] == file)
			return slot;
	return -1;
}

/* The slots that @op closes if it succeeds; how many. */
static int closes(const struct world *w, const struct op *op, uint8_t slots[2])
{
	switch (op->kind) {
	case OP_CLOSE:
		slots[0] = op->a;
		return 1;
	case OP_DUP:
		/* The same file back at a number is as if it had not been away. */
		slots[0] = op->b;
		return w->slot[op->a] && w->slot[op->a] != w->slot[op->b];
	case OP_OPEN:
		slots[0] = op->a;
		slots[1] = op->b;
		return object_is_pair(op->arg) ? 2 : 1;
	case OP_RECEIVE_FD:
		slots[0] = op->b;
		return 1;
	default:
		return 0;
	}
}

static bool is_bound_to(const struct world *w, const struct tie *t, int slot)
{
	return t->flags & REPOLL_CTL_BIND && t->slot == slot && t->file == w->slot[slot];
}

int ties_ended_by(const struct world *w, const struct op *op, uint8_t *instances,
		  uint8_t *slots, int max)
{
	uint8_t closed[2];
	int n = 0;

	/* A child closes numbers of its own. */
	for (int k = op->in_child ? 0 : closes(w, op, closed); k > 0; k--) {
		for (int i = 0; i < w->ties && n < max; i++) {
			int instance = slot_of(w, w->tie[i].instance);

			if (!is_bound_to(w, &w->tie[i], closed[k - 1]) || instance < 0)
				continue;
			instances[n] = instance;
			slots[n++] = closed[k - 1];
		}
	}
	return n;
}

static bool must_skip_close(const struct world *w, const struct op *op)
{
	uint8_t closed[2];

	for (int k = op->in_child ? 0 : closes(w, op, closed); k > 0; k--) {
		for (int i = 0; i < w->ties; i++) {
			if (!is_bound_to(w, &w->tie[i], closed[k - 1]))
				continue;
			/*
			 * Nobody can delete it, or it is known too late that something is
			 * closed.
			 */
			if (slot_of(w, w->tie[i].instance) < 0 || op->kind == OP_RECEIVE_FD)
				return true;
		}
	}
	return false;
}

bool ties_must_skip(const struct world *w, const struct op *op)
{
	const struct tie *t;
	uint8_t ties;

	if (op->kind != OP_CTL)
		return must_skip_close(w, op);
	/* What is added and ended in the child, the parent would not know. */
	if (op->in_child)
		return w->has_ties;
	t = find(w, op->a, op->b);
	/* A token stays as it is, and only repoll says so. */
	if (op->arg == EPOLL_CTL_MOD && t && t->flags & REPOLL_CTL_TOKEN && op->data != t->token)
		return true;
	if (!op->flags)
		return false;
	if (op->bad_pointer)
		return true;
	/* Policies make exclusive registrations something else. */
	if (op->flags & REPOLL_CTL_WAKE_MASK &&
	    (op->mask & EPOLLEXCLUSIVE || op->arg == EPOLL_CTL_DEL))
		return true;
	ties = op->flags & ~REPOLL_CTL_WAKE_MASK;
	if (op->arg == EPOLL_CTL_ADD || !ties)
		return ties && world_is_instance(w, op->b);
	return ties != REPOLL_CTL_TOKEN || !t || t->token != op->data ||
	       !(t->flags & REPOLL_CTL_TOKEN);
}

static void forget(struct world *w, int i)
{
	w->tie[i] = w->tie[--w->ties];
}

static void forget_slot(struct world *w, int slot)
{
	for (int i = w->ties - 1; i >= 0; i--)
		if (is_bound_to(w, &w->tie[i], slot))
			forget(w, i);
}

void ties_commit(struct world *w, const struct op *op)
{
	uint8_t closed[2];

	if (op->kind != OP_CTL) {
		for (int k = op->in_child ? 0 : closes(w, op, closed); k > 0; k--)
			forget_slot(w, closed[k - 1]);
		return;
	}
	if (op->arg == EPOLL_CTL_MOD)
		return;
	/* With this ADD or DEL, what there was is another registration or none. */
	for (int i = w->ties - 1; i >= 0; i--)
		if (&w->tie[i] == find(w, op->a, op->b))
			forget(w, i);
	if (op->arg == EPOLL_CTL_ADD && op->flags & ~REPOLL_CTL_WAKE_MASK)
		w->tie[w->ties++] = (struct tie){
			.instance = w->slot[op->a],
			.file = w->slot[op->b],
			.slot = op->b,
			.flags = op->flags,
			.token = op->data,
		};
}
