// SPDX-License-Identifier: GPL-2.0
#include <linux/repoll.h>

#include "ties.h"
#include "world.h"

bool world_self_check;

void world_begin(struct world *w, const struct program *program)
{
	memset(w, 0, sizeof(*w));
	w->program = program;
	w->files = 1;
	for (int i = 0; i < program->len; i++) {
		w->has_ties |= (program->ops[i].flags & ~REPOLL_CTL_WAKE_MASK) != 0;
		w->has_handover |= (program->ops[i].flags & REPOLL_CTL_HANDOVER) != 0;
	}
}

static int new_file(struct world *w, enum object_kind kind, int role)
{
	w->file[w->files] = (struct file){
		.kind = kind,
		.role = role,
		.height = kind == OBJ_INSTANCE,
	};
	return w->files++;
}

static void commit_open(struct world *w, const struct op *op)
{
	w->slot[op->a] = new_file(w, op->arg, op->role);
	if (object_is_pair(op->arg))
		w->slot[op->b] = new_file(w, op->arg == OBJ_INOTIFY ? OBJ_REGULAR : op->arg, 0);
}

/* Heights only grow: what DEL and close take away is not followed. */
static void commit_edge(struct world *w, int parent, int child)
{
	struct file *p = &w->file[parent];

	w->edge[w->edges].parent = parent;
	w->edge[w->edges++].child = child;
	if (!world_role_in_tree(w->program, REPOLL, p->role) &&
	    world_role_in_tree(w->program, REPOLL, w->file[child].role))
		p->foreign = true;
	for (int round = 0; round < SLOTS; round++) {
		for (int i = 0; i < w->edges; i++) {
			struct file *up = &w->file[w->edge[i].parent];
			int height = w->file[w->edge[i].child].height + 1;

			if (up->height < height)
				up->height = height;
			up->foreign |= w->file[w->edge[i].child].foreign;
		}
	}
}

void world_commit(struct world *w, const struct op *op, int ret, uint8_t received)
{
	if (op->kind == OP_WAIT && op->room != ROOM_ALL &&
	    (ret < 0 || ret == op->room / (int)sizeof(struct epoll_event)))
		w->file[w->slot[op->a]].faulted = true;
	if (ret < 0)
		return;
	ties_commit(w, op);
	switch (op->kind) {
	case OP_OPEN:
		commit_open(w, op);
		break;
	case OP_CLOSE:
		w->slot[op->a] = 0;
		break;
	case OP_DUP:
		w->slot[op->b] = w->slot[op->a];
		break;
	case OP_RECEIVE_FD:
		if (ret == 1)
			w->slot[op->b] = received;
		break;
	case OP_CTL:
		if (op->arg == EPOLL_CTL_ADD && world_is_instance(w, op->b))
			commit_edge(w, w->slot[op->a], w->slot[op->b]);
		break;
	default:
		break;
	}
}
