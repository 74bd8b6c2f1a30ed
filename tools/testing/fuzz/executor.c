// SPDX-License-Identifier: GPL-2.0
#include <linux/close_range.h>

#include "child.h"
#include "comparer.h"
#include "executor.h"
#include "flags.h"
#include "object_io.h"
#include "settle.h"
#include "ties.h"
#include "wait.h"

void executor_init(void)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, SIGALRM);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void do_wait(const struct backend *backend, int fd, const struct op *op,
		    struct outcome *out)
{
	out->ret = wait_in_room(backend, op->arg, fd, out->events, op->n, op->timeout, op->room);
	out->n = out->ret > 0 ? out->ret : 0;
}

static int do_ctl(const struct backend *backend, enum side twin, const struct op *op)
{
	struct epoll_event event = { .events = op->mask, .data.u64 = op->data };

	return flags_ctl(backend, world_fd(twin, op->a), op->arg, world_fd(twin, op->b),
			 op->bad_pointer ? fenced_room(0) : &event, op->flags);
}

/* What is bound to a number that @op closes ends, on in-tree epoll by a DEL. */
static void end_bound(const struct world *w, enum side twin, const struct op *op)
{
	uint8_t instances[OPS_MAX], slots[OPS_MAX];
	int n = ties_ended_by(w, op, instances, slots, OPS_MAX);

	for (int i = 0; i < n; i++) {
		const struct backend *backend = world_backend(w, twin, instances[i]);

		if (backend == &backend_epoll)
			backend->ctl(world_fd(twin, instances[i]), EPOLL_CTL_DEL,
				     world_fd(twin, slots[i]), NULL);
	}
}

/* What we hold is armed again by a wait, on in-tree epoll by a MOD. */
static void rearm_held(const struct world *w, enum side twin, const struct op *op)
{
	const struct backend *backend = world_backend(w, twin, op->a);
	const struct tie *held[OPS_MAX];
	int n = ties_held_before(w, op, held);

	for (int i = 0; i < n && backend == &backend_epoll; i++) {
		struct epoll_event event = {
			.events = held[i]->mask,
			.data.u64 = held[i]->token,
		};

		flags_ctl(backend, world_fd(twin, op->a), EPOLL_CTL_MOD,
			  world_fd(twin, held[i]->slot), &event, REPOLL_CTL_HANDOVER);
	}
}

static int by_slot(const void *a, const void *b)
{
	const struct epoll_event *x = a, *y = b;

	return x->data.u64 < y->data.u64 ? -1 : x->data.u64 > y->data.u64;
}

/* The registrations by slot: the order of files in memory is nobody's business. */
static void do_fdinfo(enum side twin, const struct op *op, struct outcome *out)
{
	char path[64], line[256];
	unsigned long long data;
	unsigned int events;
	FILE *info;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", world_fd(twin, op->a));
	info = fopen(path, "re");
	out->ret = info ? 0 : -errno;
	while (info && fgets(line, sizeof(line), info) && out->n < EVENTS_MAX) {
		if (sscanf(line, "tfd: %d events: %x data: %llx", &fd, &events, &data) != 3)
			continue;
		out->events[out->n].events = events;
		out->events[out->n++].data.u64 =
			((uint64_t)(fd - world_fd(twin, 0)) << 48) + data;
	}
	if (info)
		fclose(info);
	out->ret = out->ret ?: out->n;
	qsort(out->events, out->n, sizeof(out->events[0]), by_slot);
}

static int do_open(const struct backend *backend, enum side twin, const struct op *op)
{
	int fd;

	if (op->arg != OBJ_INSTANCE)
		return object_open_at(op->arg, world_fd(twin, op->a), world_fd(twin, op->b));
	fd = backend->create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return -errno;
	object_place(fd, world_fd(twin, op->a));
	return 0;
}

static int do_dup(enum side twin, const struct op *op)
{
	int ret = object_result(dup2(world_fd(twin, op->a), world_fd(twin, op->b)));

	return ret < 0 ? ret : 0;
}

static int do_poll(int fd, const struct op *op)
{
	struct pollfd pfd = { .fd = fd, .events = op->mask };
	int ret = object_result(poll(&pfd, 1, 0));

	return ret < 0 ? ret : pfd.revents;
}

static void execute_side(const struct world *w, enum side twin, const struct op *op,
			 struct outcome *out)
{
	const struct backend *backend = world_backend(w, twin, op->a);
	int fd = world_fd(twin, op->a), fd2 = world_fd(twin, op->b);

	out->ret = 0;
	out->n = 0;
	out->received = 0;
	errno = 0;
	object_signal = SIGRTMIN + twin;
	settle_before(w, twin, op);
	end_bound(w, twin, op);
	rearm_held(w, twin, op);
	switch (op->kind) {
	case OP_OPEN:
		/* The slot says nothing yet of what is to be made there. */
		if (world_role_in_tree(w->program, twin, op->role))
			backend = &backend_epoll;
		else
			backend = &backend_repoll;
		out->ret = do_open(backend, twin, op);
		break;
	case OP_CLOSE:
		out->ret = object_result(close(fd));
		break;
	case OP_DUP:
		out->ret = do_dup(twin, op);
		break;
	case OP_CTL:
		out->ret = do_ctl(backend, twin, op);
		break;
	case OP_WAIT:
		do_wait(backend, fd, op, out);
		break;
	case OP_POLL:
		out->ret = do_poll(fd, op);
		break;
	case OP_FDINFO:
		do_fdinfo(twin, op, out);
		break;
	case OP_WRITE:
		out->ret = object_write(world_kind(w, op->a), fd, op->n);
		break;
	case OP_READ:
		out->ret = object_read(world_kind(w, op->a), fd, op->n);
		break;
	case OP_SHUTDOWN:
		out->ret = object_result(shutdown(fd, op->arg));
		break;
	case OP_SEND_FD:
		out->ret = object_send_fd(fd, fd2, w->slot[op->b]);
		break;
	case OP_RECEIVE_FD:
		out->ret = object_receive_fd(fd, fd2, &out->received);
		break;
	default:
		break;
	}
	settle_after(w, twin, op, out->ret);
}

/* Of the ADDs of an instance, those whose outcome is known to differ. */
static bool must_skip_nesting(const struct world *w, const struct op *op)
{
	int outer = world_file(w, op->a)->role, inner = world_file(w, op->b)->role;

	/* What is nested in the child the parent would not know. */
	if (op->in_child)
		return true;
	if (!program_is_mixed(w->program) || !world_is_instance(w, op->a))
		return false;
	/*
	 * In-tree epoll takes an instance of repoll for a plain file: it may watch
	 * it exclusively, and neither counts the other's levels.
	 */
	return outer <= inner ||
	       (op->mask & EPOLLEXCLUSIVE && world_role_in_tree(w->program, REPOLL, outer) &&
		!world_role_in_tree(w->program, REPOLL, inner));
}

/* What would have no certain outcome is not done, on either side. */
static bool must_skip(const struct world *w, const struct op *op)
{
	if (ties_must_skip(w, op))
		return true;
	switch (op->kind) {
	case OP_OPEN:
		return w->files > UINT8_MAX - 2;
	case OP_SEND_FD:
		/* UNIX sockets in one another are left to a garbage collector. */
		return object_is_unix(world_kind(w, op->b));
	case OP_WAIT:
		/* Where the order is open, so is who comes first. */
		return world_order_is_open(w, op->a) &&
		       (op->n < EVENTS_MAX || op->room != ROOM_ALL);
	case OP_CTL:
		return op->arg == EPOLL_CTL_ADD && world_is_instance(w, op->b) &&
		       must_skip_nesting(w, op);
	default:
		return false;
	}
}

void execute_op(struct world *w, const struct op *op, struct step *step)
{
	step->allowed = 0;
	step->differs = false;
	step->skipped = must_skip(w, op);
	if (step->skipped)
		return;
	for (enum side twin = 0; twin < SIDES; twin++)
		execute_side(w, twin, op, &step->side[twin]);
	compare(w, op, step);
	if (step->differs)
		return;
	world_commit(w, op, step->side[IN_TREE].ret, step->side[IN_TREE].received);
	ties_commit_wait(w, op, step->side[IN_TREE].events, step->side[IN_TREE].n);
}

/* May @op be in one call with the @n before it? */
static bool may_join(const struct world *w, const struct op *op, int n)
{
	for (int i = 1; i <= n; i++)
		if (op[-i].a != op->a || op[-i].b == op->b)
			return false;
	return n < BATCH_MAX && op->kind == OP_CTL && op->batched && !op->in_child &&
	       !op->bad_pointer && !world_is_instance(w, op->b) && !must_skip(w, op);
}

int batch_length(const struct world *w, const struct op *ops, int max)
{
	int n = 0;

	while (n < max && may_join(w, &ops[n], n))
		n++;
	return n;
}

static void execute_batch(struct world *w, const struct op *ops, int n, struct step *steps)
{
	for (enum side twin = 0; twin < SIDES; twin++) {
		struct repoll_op raw[BATCH_MAX];

		for (int i = 0; i < n; i++)
			raw[i] = (struct repoll_op){
				.op = ops[i].arg,
				.fd = world_fd(twin, ops[i].b),
				.data = ops[i].data,
				.events = ops[i].mask,
				.flags = ops[i].flags,
			};
		flags_batch(world_backend(w, twin, ops->a), world_fd(twin, ops->a), raw, n);
		for (int i = 0; i < n; i++)
			steps[i].side[twin] = (struct outcome){ .ret = raw[i].result };
	}
	for (int i = 0; i < n; i++) {
		steps[i].allowed = 0;
		steps[i].skipped = false;
		compare(w, &ops[i], &steps[i]);
		if (!steps[i].differs)
			world_commit(w, &ops[i], steps[i].side[IN_TREE].ret, 0);
	}
}

static void clean_up(void)
{
	static const struct timespec now;
	sigset_t set;

	child_join();
	close_range(world_fd(0, 0), world_fd(SIDES, 0), 0);
	object_reap();
	sigfillset(&set);
	while (sigtimedwait(&set, NULL, &now) > 0)
		;
}

bool execute(const struct program *program, struct run *run)
{
	static struct world world;

	world_begin(&world, program);
	/* Nothing here takes a minute, unless it hangs. */
	alarm(60);
	run->differs = false;
	for (run->len = 0; run->len < program->len && !run->differs; run->len++) {
		const struct op *op = &program->ops[run->len];
		struct step *step = &run->step[run->len];
		int n = batch_length(&world, op, program->len - run->len);

		if (n)
			execute_batch(&world, op, n, step);
		for (int i = 1; i < n && !run->step[run->len].differs; i++)
			run->len++;
		if (n) {
			run->differs = run->step[run->len].differs;
			continue;
		}
		if (op->kind == OP_FORK || op->kind == OP_JOIN || op->in_child)
			child_op(&world, op, step);
		else
			execute_op(&world, op, step);
		run->differs = step->differs;
	}
	clean_up();
	return !run->differs;
}
