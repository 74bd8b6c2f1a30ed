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

/* Can @op, of the registration @t if it is there, hand over, as far as is known here? */
static bool may_hand_over(const struct op *op, const struct tie *t)
{
	if (op->mask & (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE))
		return false;
	if (op->arg == EPOLL_CTL_ADD)
		return op->flags & REPOLL_CTL_BIND;
	return op->arg == EPOLL_CTL_MOD && t && t->flags & REPOLL_CTL_BIND;
}

/* Does the wait @op, if it is one, begin to look? */
static bool looks(const struct world *w, const struct op *op)
{
	return op->kind == OP_WAIT && op->n > 0 && world_is_instance(w, op->a);
}

static int by_delivery(const void *a, const void *b)
{
	const struct tie *const *x = a, *const *y = b;

	return (*x)->held - (*y)->held;
}

int ties_held_before(const struct world *w, const struct op *op, const struct tie **held)
{
	int n = 0;

	for (int i = 0; looks(w, op) && i < w->ties; i++)
		if (w->tie[i].held && w->tie[i].instance == w->slot[op->a])
			held[n++] = &w->tie[i];
	qsort(held, n, sizeof(*held), by_delivery);
	return n;
}

void ties_commit_wait(struct world *w, const struct op *op, const struct epoll_event *events,
		      int n)
{
	for (int i = 0; looks(w, op) && i < w->ties; i++) {
		struct tie *t = &w->tie[i];

		if (!(t->flags & REPOLL_CTL_HANDOVER) || t->instance != w->slot[op->a])
			continue;
		t->held = 0;
		for (int k = 0; k < n; k++)
			if (events[k].data.u64 == t->token)
				t->held = w->holds + k + 1;
	}
	w->holds += EVENTS_MAX;
}

bool ties_must_skip(const struct world *w, const struct op *op)
{
	const struct tie *t;
	uint8_t ties;

	/* Nobody here knows what the child holds when it ends. */
	if (op->kind == OP_WAIT && op->in_child)
		return w->has_handover;
	if (op->kind != OP_CTL)
		return must_skip_close(w, op);
	/* What is added and ended in the child, the parent would not know. */
	if (op->in_child)
		return w->has_ties;
	t = find(w, op->a, op->b);
	/* A token stays as it is, and only repoll says so; by it we know what is handed over. */
	if (op->arg == EPOLL_CTL_MOD && t &&
	    t->flags & (REPOLL_CTL_TOKEN | REPOLL_CTL_HANDOVER) && op->data != t->token)
		return true;
	if (!op->flags)
		return false;
	if (op->bad_pointer)
		return true;
	/* Policies make exclusive registrations something else. */
	if (op->flags & REPOLL_CTL_WAKE_MASK &&
	    (op->mask & EPOLLEXCLUSIVE || op->arg == EPOLL_CTL_DEL))
		return true;
	if (op->flags & REPOLL_CTL_HANDOVER && !may_hand_over(op, t))
		return true;
	ties = op->flags & ~(REPOLL_CTL_WAKE_MASK | REPOLL_CTL_HANDOVER);
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

/* A MOD arms, whoever holds it; and hands over from now on, or does not. */
static void commit_mod(struct world *w, const struct op *op)
{
	for (int i = 0; i < w->ties; i++) {
		struct tie *t = &w->tie[i];

		if (t != find(w, op->a, op->b))
			continue;
		t->held = 0;
		t->flags &= ~REPOLL_CTL_HANDOVER;
		t->flags |= op->flags & REPOLL_CTL_HANDOVER;
		t->mask = op->mask;
		t->token = op->data;
	}
}

void ties_commit(struct world *w, const struct op *op)
{
	uint8_t closed[2];

	if (op->kind != OP_CTL) {
		for (int k = op->in_child ? 0 : closes(w, op, closed); k > 0; k--)
			forget_slot(w, closed[k - 1]);
		return;
	}
	if (op->arg == EPOLL_CTL_MOD) {
		commit_mod(w, op);
		return;
	}
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
			.mask = op->mask,
			.token = op->data,
		};
}
