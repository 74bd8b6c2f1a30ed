// SPDX-License-Identifier: GPL-2.0
#include "allowed.h"
#include "comparer.h"

enum {
	NOT_ALLOWED,
	ERRNO_ORDER,
	TERMINAL_EIO,
	FOREIGN_ORDER,
	FOREIGN_RDNORM,
	FAULT_ORDER,
};

const char *const allowed_names[] = {
	[ERRNO_ORDER] = "which errno, of several that are true",
	[TERMINAL_EIO] = "a terminal that was hung up is no instance",
	[FOREIGN_ORDER] = "order, above an instance of the other implementation",
	[FOREIGN_RDNORM] = "an in-tree instance watched for EPOLLRDNORM alone",
	[FAULT_ORDER] = "order, after a wait that could not store an event",
};

const int allowed_count = ARRAY_SIZE(allowed_names);

struct errnos {
	int value[8];
	int n;
};

static void add_errno(struct errnos *e, int value)
{
	for (int i = 0; i < e->n; i++)
		if (e->value[i] == value)
			return;
	e->value[e->n++] = value;
}

static bool has_errno(const struct errnos *e, int value)
{
	for (int i = 0; i < e->n; i++)
		if (e->value[i] == value)
			return true;
	return false;
}

/* The instance's fd: of no file, or of a file that is no instance. */
static void add_instance_errno(const struct world *w, int slot, struct errnos *e)
{
	if (!w->slot[slot])
		add_errno(e, EBADF);
	else if (!world_is_instance(w, slot))
		add_errno(e, EINVAL);
}

static void ctl_errnos(const struct world *w, const struct op *op, struct errnos *e)
{
	add_instance_errno(w, op->a, e);
	if (op->bad_pointer && op->arg != EPOLL_CTL_DEL)
		add_errno(e, EFAULT);
	if (!w->slot[op->b])
		add_errno(e, EBADF);
	else if (!object_can_poll(world_kind(w, op->b)))
		add_errno(e, EPERM);
	else if (w->slot[op->a] == w->slot[op->b])
		add_errno(e, EINVAL);
}

static void wait_errnos(const struct world *w, const struct op *op, struct errnos *e)
{
	add_instance_errno(w, op->a, e);
	if (op->n <= 0)
		add_errno(e, EINVAL);
}

/*
 * ERRNO_ORDER. A call with several wrong arguments names one of them. In-tree
 * epoll looks at the event before the fds, and at the target before it asks
 * whether the other fd is an instance. An ioctl finds the instance first, and
 * its file is what refuses a command that is not its own.
 */
static bool is_errno_order(const struct world *w, const struct op *op, const struct step *step)
{
	struct errnos e = { .n = 0 };

	if (op->kind == OP_CTL)
		ctl_errnos(w, op, &e);
	else if (op->kind == OP_WAIT)
		wait_errnos(w, op, &e);
	return e.n > 1 && has_errno(&e, -step->side[IN_TREE].ret) &&
	       has_errno(&e, -step->side[REPOLL].ret);
}

/*
 * TERMINAL_EIO. A file that is no instance refuses our ioctl with ENOTTY, which
 * the library turns into in-tree's EINVAL. A terminal whose other end is closed
 * refuses every ioctl with EIO, and would refuse one that asks what it is.
 */
static bool is_terminal_eio(const struct world *w, const struct op *op, const struct step *step)
{
	struct errnos e = { .n = 0 };

	if (op->kind == OP_CTL)
		ctl_errnos(w, op, &e);
	else if (op->kind == OP_WAIT)
		wait_errnos(w, op, &e);
	return world_kind(w, op->a) == OBJ_PTY && step->side[REPOLL].ret == -EIO &&
	       has_errno(&e, -step->side[IN_TREE].ret);
}

static int by_value(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct epoll_event));
}

static bool same_events(struct outcome a, struct outcome b)
{
	qsort(a.events, a.n, sizeof(a.events[0]), by_value);
	qsort(b.events, b.n, sizeof(b.events[0]), by_value);
	return outcomes_equal(&a, &b);
}

/*
 * FOREIGN_ORDER. In-tree epoll asks an instance at ADD and MOD whether it is
 * ready, and lists it from then on or not. An instance of repoll must not ask an
 * in-tree one with its mutex held: it lists it and asks at the next wait. What
 * turned ready in between may so come behind it. The same events come, in
 * another order, and only here: see must_skip() for waits that do not take all.
 */
static bool is_foreign_order(const struct world *w, const struct op *op, const struct step *step)
{
	return op->kind == OP_WAIT && world_file(w, op->a)->foreign &&
	       same_events(step->side[IN_TREE], step->side[REPOLL]);
}

/*
 * FOREIGN_RDNORM. An in-tree instance that turns ready wakes with EPOLLIN, which who
 * watches it for EPOLLRDNORM alone does not hear, though a poll would answer with both.
 * repoll asks it at the wait after the ADD or MOD, so finds it ready where in-tree
 * epoll has asked too early. All other events are the same.
 */
static bool is_foreign_rdnorm(const struct world *w, const struct op *op, const struct step *step)
{
	struct outcome rest = step->side[REPOLL];

	if (op->kind != OP_WAIT || !world_file(w, op->a)->foreign || rest.ret < 0)
		return false;
	rest.n = 0;
	for (int i = 0; i < step->side[REPOLL].n; i++)
		if (step->side[REPOLL].events[i].events != EPOLLRDNORM)
			rest.events[rest.n++] = step->side[REPOLL].events[i];
	rest.ret = rest.n;
	return rest.n < step->side[REPOLL].n && same_events(step->side[IN_TREE], rest);
}

/*
 * FAULT_ORDER. A harvest asks up to a chunk of files before it stores the first event, and
 * takes off the list what is not ready. In-tree epoll stores each event before it asks
 * the next file. If a store faults, what is behind that event keeps its place there, ready
 * or not; here only what is ready does.
 */
static bool is_fault_order(const struct world *w, const struct op *op, const struct step *step)
{
	return op->kind == OP_WAIT && world_file(w, op->a)->faulted &&
	       same_events(step->side[IN_TREE], step->side[REPOLL]);
}

int allowed(const struct world *w, const struct op *op, const struct step *step)
{
	if (is_errno_order(w, op, step))
		return ERRNO_ORDER;
	if (is_terminal_eio(w, op, step))
		return TERMINAL_EIO;
	if (is_foreign_order(w, op, step))
		return FOREIGN_ORDER;
	if (is_foreign_rdnorm(w, op, step))
		return FOREIGN_RDNORM;
	if (is_fault_order(w, op, step))
		return FAULT_ORDER;
	return NOT_ALLOWED;
}
