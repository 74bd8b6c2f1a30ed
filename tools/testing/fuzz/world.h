/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is known, while a program runs, of the files behind the slots: of what
 * kind they are, and which instances watch which. It is the same for both sides.
 */
#ifndef REPOLL_FUZZ_WORLD_H
#define REPOLL_FUZZ_WORLD_H

#include "object.h"
#include "program.h"
#include "backend.h"

enum side {
	IN_TREE,		/* the oracle */
	REPOLL,			/* what is tested; in a mixed program not all of it */
	SIDES
};

/* Both sides are in-tree's: whatever differs then is an error of the fuzzer. */
extern bool world_self_check;

struct file {
	uint8_t kind;
	uint8_t role;
	uint8_t height;		/* of an instance: levels of instances, its own included */
	bool foreign;		/* a repoll instance that has had an in-tree one below it */
	bool faulted;		/* an instance of which a wait could not store an event */
};

/* A registration that was added with other flags than of a wake policy; see ties.h. */
struct tie {
	uint8_t instance, file;	/* indices of files */
	uint8_t slot;
	uint8_t flags;
	int held;		/* in this order, by the caller of waits; 0 for not */
	uint32_t mask;		/* of what is handed over */
	uint64_t token;
};

struct world {
	const struct program *program;
	uint8_t slot[SLOTS];	/* index of the file, 0 for none */
	struct file file[1 << 8];
	int files;
	int edges;
	struct {
		uint8_t parent, child;
	} edge[OPS_MAX];
	bool has_ties;		/* the program has flags that make any */
	bool has_handover;	/* and some of these */
	int holds;		/* so far */
	int ties;
	struct tie tie[OPS_MAX];
};

/* The number that stands for @slot on @side. */
static inline int world_fd(enum side side, int slot)
{
	return 100 + 50 * side + slot;
}

static inline const struct file *world_file(const struct world *w, int slot)
{
	return &w->file[w->slot[slot]];
}

static inline enum object_kind world_kind(const struct world *w, int slot)
{
	return world_file(w, slot)->kind;
}

static inline bool world_is_instance(const struct world *w, int slot)
{
	return world_kind(w, slot) == OBJ_INSTANCE;
}

static inline bool world_role_in_tree(const struct program *p, enum side twin, int role)
{
	return twin == IN_TREE || world_self_check || p->in_tree_roles & 1 << role;
}

/* Does it depend on the implementation in which order the events of an instance come? */
static inline bool world_order_is_open(const struct world *w, int slot)
{
	return world_file(w, slot)->foreign || world_file(w, slot)->faulted;
}

/* Whose calls are meant for @slot, whatever there is. */
static inline const struct backend *world_backend(const struct world *w, enum side twin, int slot)
{
	const struct file *f = world_file(w, slot);
	bool in_tree = twin == IN_TREE || world_self_check ||
		       (f->kind == OBJ_INSTANCE && world_role_in_tree(w->program, twin, f->role));

	return in_tree ? &backend_epoll : &backend_repoll;
}

void world_begin(struct world *w, const struct program *program);
/* Takes note of what @op, which both sides did with the result @ret, has changed. */
void world_commit(struct world *w, const struct op *op, int ret, uint8_t received);

#endif /* REPOLL_FUZZ_WORLD_H */
