// SPDX-License-Identifier: GPL-2.0
#include <linux/repoll.h>

#include "printer.h"
#include "ties.h"

static const char *const object_names[OBJ_KINDS] = {
#define NAME(kind) \
	[kind] = #kind
	NAME(OBJ_NONE), NAME(OBJ_INSTANCE), NAME(OBJ_EVENTFD), NAME(OBJ_SEMAPHORE),
	NAME(OBJ_PIPE), NAME(OBJ_FIFO), NAME(OBJ_UNIX_STREAM), NAME(OBJ_UNIX_DGRAM),
	NAME(OBJ_UNIX_SEQPACKET), NAME(OBJ_UNIX_LISTENER), NAME(OBJ_TCP),
	NAME(OBJ_TCP_LISTENER), NAME(OBJ_UDP), NAME(OBJ_PTY), NAME(OBJ_TIMERFD),
	NAME(OBJ_SIGNALFD), NAME(OBJ_PIDFD), NAME(OBJ_INOTIFY), NAME(OBJ_USERFAULTFD),
	NAME(OBJ_RANDOM), NAME(OBJ_NULL), NAME(OBJ_REGULAR),
#undef NAME
};

static const char *const wait_names[WAIT_CALLS] = {
	"WAIT_PLAIN", "WAIT_PWAIT", "WAIT_PWAIT2", "WAIT_MANY",
};

static const struct {
	uint32_t bit;
	const char *name;
} event_names[] = {
#define NAME(bit) { bit, #bit }
	NAME(EPOLLIN), NAME(EPOLLPRI), NAME(EPOLLOUT), NAME(EPOLLERR), NAME(EPOLLHUP),
	NAME(EPOLLRDNORM), NAME(EPOLLRDBAND), NAME(EPOLLWRNORM), NAME(EPOLLWRBAND),
	NAME(EPOLLMSG), NAME(EPOLLRDHUP), NAME(EPOLLEXCLUSIVE), NAME(EPOLLWAKEUP),
	NAME(EPOLLONESHOT), NAME(EPOLLET),
#undef NAME
};

/* Several buffers, since a line may need more than one mask or number. */
static char *buffer(void)
{
	static char buffers[8][256];
	static unsigned int next;

	return buffers[next++ % 8];
}

static const char *events_name(uint32_t events)
{
	char *text = buffer(), *end = text;

	for (unsigned int i = 0; i < ARRAY_SIZE(event_names); i++) {
		if (!(events & event_names[i].bit))
			continue;
		end += sprintf(end, "%s%s", end == text ? "" : " | ", event_names[i].name);
		events &= ~event_names[i].bit;
	}
	if (events || end == text)
		sprintf(end, "%s%#x", end == text ? "" : " | ", events);
	return text;
}

static const char *result_name(int ret)
{
	const char *name = ret < 0 ? strerrorname_np(-ret) : NULL;
	char *text = buffer();

	if (name)
		sprintf(text, "-%s", name);
	else
		sprintf(text, "%d", ret);
	return text;
}

static const char *ctl_name(int op)
{
	char *text = buffer();

	switch (op) {
	case EPOLL_CTL_ADD:
		return "EPOLL_CTL_ADD";
	case EPOLL_CTL_MOD:
		return "EPOLL_CTL_MOD";
	case EPOLL_CTL_DEL:
		return "EPOLL_CTL_DEL";
	default:
		sprintf(text, "%d", op);
		return text;
	}
}

static void print_events(FILE *out, const char *before, const struct outcome *o)
{
	for (int i = 0; i < o->n; i++)
		fprintf(out, "%sEV(%s, %#llx)", before, events_name(o->events[i].events),
			(unsigned long long)o->events[i].data.u64);
}

static void print_wait(FILE *out, const struct op *op, const struct outcome *o)
{
	if (o->ret < 0) {
		fprintf(out,
			"EXPECT_EQ(%s, wait_in_room(backend, %s, FD(%d),\n"
			"\t\t(struct epoll_event[%d]){}, %d, %d, %d));",
			result_name(o->ret), wait_names[op->arg], op->a, EVENTS_MAX, op->n,
			op->timeout, op->room);
		return;
	}
	if (op->arg == WAIT_PLAIN && op->room == ROOM_ALL && !op->timeout)
		fprintf(out, "EXPECT_EVENTS(FD(%d), %d", op->a, op->n);
	else
		fprintf(out, "EXPECT_WAIT(%s, FD(%d), %d, %d, %d", wait_names[op->arg], op->a,
			op->n, op->timeout, op->room);
	print_events(out, ", ", o);
	fputs(");", out);
}

static const char *flags_name(uint32_t flags)
{
	static const char *const policies[] = {
		"0", "REPOLL_CTL_WAKE_LIFO", "REPOLL_CTL_WAKE_FIFO", "REPOLL_CTL_WAKE_ROUND_ROBIN",
	};
	char *text = buffer();

	sprintf(text, "%s%s%s%s%s", policies[flags & REPOLL_CTL_WAKE_MASK],
		flags & REPOLL_CTL_BIND ? " | REPOLL_CTL_BIND" : "",
		flags & REPOLL_CTL_TOKEN ? " | REPOLL_CTL_TOKEN" : "",
		flags & REPOLL_CTL_SYNC ? " | REPOLL_CTL_SYNC" : "",
		flags & REPOLL_CTL_HANDOVER ? " | REPOLL_CTL_HANDOVER" : "");
	return text;
}

/* The arguments of a call with flags, without the instance. */
static void print_flagged(FILE *out, const struct op *op)
{
	fprintf(out, "%s, FD(%d), %s, %#llx, %s", ctl_name(op->arg), op->b,
		events_name(op->mask), (unsigned long long)op->data, flags_name(op->flags));
}

static void print_ctl(FILE *out, const struct op *op)
{
	if (op->flags) {
		fprintf(out, "ctl_flagged(FD(%d), ", op->a);
		print_flagged(out, op);
		fputc(')', out);
	} else if (op->bad_pointer) {
		fprintf(out, "ctl(FD(%d), %s, FD(%d), fenced_room(0))", op->a, ctl_name(op->arg),
			op->b);
	} else if (op->arg == EPOLL_CTL_DEL) {
		fprintf(out, "del(FD(%d), FD(%d))", op->a, op->b);
	} else {
		fprintf(out, "ctl_data(FD(%d), %s, FD(%d), %s, %#llx)", op->a, ctl_name(op->arg),
			op->b, events_name(op->mask), (unsigned long long)op->data);
	}
}

/* In a mixed program, whose instance the next call is for. */
static void print_backend(FILE *out, const struct world *w, const struct op *op)
{
	int role = op->kind == OP_OPEN ? op->role : world_file(w, op->a)->role;

	if (!program_is_mixed(w->program) || (op->kind == OP_OPEN && op->arg != OBJ_INSTANCE) ||
	    (op->kind != OP_OPEN && op->kind != OP_CTL && op->kind != OP_WAIT))
		return;
	fprintf(out, "backend = %s;\n\t", world_role_in_tree(w->program, REPOLL, role) ?
		"&backend_epoll" : "variant->backend");
}

/* @n operations in one call, after which the world is another. */
static void print_batch(FILE *out, struct world *w, const struct op *ops,
			const struct step *steps, int n)
{
	fputc('\t', out);
	print_backend(out, w, ops);
	fprintf(out, "EXPECT_BATCH(FD(%d)", ops->a);
	for (int i = 0; i < n; i++) {
		fprintf(out, ",\n\t\tOP(%s, ", result_name(steps[i].side[IN_TREE].ret));
		print_flagged(out, &ops[i]);
		fputc(')', out);
	}
	fputs(");\n", out);
	for (int i = 0; i < n; i++)
		world_commit(w, &ops[i], steps[i].side[IN_TREE].ret, 0);
}

/* What is bound to a number that @op closes ends. */
static void print_ended(FILE *out, const struct world *w, const struct op *op)
{
	uint8_t instances[OPS_MAX], slots[OPS_MAX];
	int n = ties_ended_by(w, op, instances, slots, OPS_MAX);

	for (int i = 0; i < n; i++) {
		struct op del = { .kind = OP_CTL, .a = instances[i] };

		fputc('\t', out);
		print_backend(out, w, &del);
		fprintf(out, "unbind(FD(%d), FD(%d));\n", instances[i], slots[i]);
	}
}

/* What the caller of a wait holds is armed again. */
static void print_rearmed(FILE *out, const struct world *w, const struct op *op)
{
	const struct tie *held[OPS_MAX];
	int n = ties_held_before(w, op, held);

	for (int i = 0; i < n; i++) {
		fputc('\t', out);
		print_backend(out, w, op);
		fprintf(out, "rearm(FD(%d), FD(%d), %s, %#llx);\n", op->a, held[i]->slot,
			events_name(held[i]->mask), (unsigned long long)held[i]->token);
	}
}

static void print_open(FILE *out, const struct op *op)
{
	if (op->arg == OBJ_INSTANCE)
		fprintf(out, "(object_place(create(), FD(%d)), 0)", op->a);
	else
		fprintf(out, "object_open_at(%s, FD(%d), FD(%d))", object_names[op->arg], op->a,
			op->b);
}

/* The call without what it is expected to return. */
static void print_call(FILE *out, const struct world *w, const struct op *op)
{
	const char *kind = object_names[world_kind(w, op->a)];

	switch (op->kind) {
	case OP_OPEN:
		print_open(out, op);
		break;
	case OP_CLOSE:
		fprintf(out, "result(close(FD(%d)))", op->a);
		break;
	case OP_DUP:
		fprintf(out, "result(dup2(FD(%d), FD(%d))) < 0", op->a, op->b);
		break;
	case OP_CTL:
		print_ctl(out, op);
		break;
	case OP_POLL:
		fprintf(out, "polled(FD(%d), %#x)", op->a, op->mask);
		break;
	case OP_FDINFO:
		fprintf(out, "registrations(FD(%d))", op->a);
		break;
	case OP_WRITE:
		fprintf(out, "object_write(%s, FD(%d), %d)", kind, op->a, op->n);
		break;
	case OP_READ:
		fprintf(out, "object_read(%s, FD(%d), %d)", kind, op->a, op->n);
		break;
	case OP_SHUTDOWN:
		fprintf(out, "result(shutdown(FD(%d), %d))", op->a, op->arg);
		break;
	case OP_SEND_FD:
		fprintf(out, "object_send_fd(FD(%d), FD(%d), 0)", op->a, op->b);
		break;
	case OP_RECEIVE_FD:
		fprintf(out, "object_receive_fd(FD(%d), FD(%d), &(uint8_t){})", op->a, op->b);
		break;
	default:
		break;
	}
}

static void print_step(FILE *out, const struct world *w, const struct op *op,
		       const struct outcome *o)
{
	if (op->kind == OP_WAIT) {
		print_wait(out, op, o);
	} else {
		int ret = op->kind == OP_DUP ? o->ret < 0 : o->ret;

		fprintf(out, "EXPECT_EQ(%s, ", result_name(ret));
		print_call(out, w, op);
		fputs(");", out);
	}
}

/* All that the child does until its end; the parent tells it when. */
static void print_child(FILE *out, const struct world *now, const struct program *program,
			const struct run *run, int from)
{
	struct world w = *now;

	fputs("if (!turns_fork(&turns)) {\n", out);
	for (int i = from; i < run->len && program->ops[i].kind != OP_JOIN; i++) {
		if (!program->ops[i].in_child || run->step[i].skipped)
			continue;
		fputs("\t\tturn_wait(&turns);\n\t\t", out);
		print_backend(out, &w, &program->ops[i]);
		print_step(out, &w, &program->ops[i], &run->step[i].side[IN_TREE]);
		fputs("\n\t\tturn_end(&turns);\n", out);
		world_commit(&w, &program->ops[i], run->step[i].side[IN_TREE].ret, 0);
	}
	fputs("\t\tturn_wait(&turns);\n\t\t_exit(_metadata->exit_code);\n\t}", out);
}

static void print_line(FILE *out, struct world *w, const struct program *program,
		       const struct run *run, int i)
{
	const struct op *op = &program->ops[i];
	const struct step *step = &run->step[i];

	if (step->skipped)
		return;
	print_ended(out, w, op);
	print_rearmed(out, w, op);
	fputc('\t', out);
	if (op->kind == OP_FORK) {
		print_child(out, w, program, run, i + 1);
	} else if (op->kind == OP_JOIN) {
		fputs("turn_pass(turns.to_child);\n"
		      "\tEXPECT_EQ(KSFT_PASS, turns_join(&turns));", out);
	} else if (op->in_child) {
		fputs("turn_give(&turns);", out);
	} else {
		print_backend(out, w, op);
		print_step(out, w, op, &step->side[IN_TREE]);
		world_commit(w, op, step->side[IN_TREE].ret, step->side[IN_TREE].received);
		ties_commit_wait(w, op, step->side[IN_TREE].events, step->side[IN_TREE].n);
	}
	fputc('\n', out);
}

void print_test(FILE *out, const struct program *program, const struct run *run)
{
	unsigned long long seed = program->seed;
	bool has_child = false;
	struct world w;

	for (int i = 0; i < run->len; i++)
		has_child |= program->ops[i].kind == OP_FORK;
	fprintf(out, "// %s-License-Identifier: GPL-2.0\n"
		"/* Found by the fuzzer, seed %llu. */\n"
		"#include \"eventpoll_test.h\"\n"
		"#include \"../../fuzz/replay.h\"\n\n"
		"EVENTPOLL_FIXTURE(fuzz_%llu);\n\n"
		"TEST_F(fuzz_%llu, same_answers)\n{\n", "SPDX", seed, seed, seed);
	if (has_child)
		fputs("\tstruct turns turns;\n\n", out);
	world_begin(&w, program);
	for (int i = 0, n; i < run->len; i += n ?: 1) {
		n = batch_length(&w, &program->ops[i], run->len - i);
		if (n)
			print_batch(out, &w, &program->ops[i], &run->step[i], n);
		else
			print_line(out, &w, program, run, i);
	}
	fputs("}\n\nTEST_HARNESS_MAIN\n", out);
}

void print_difference(FILE *out, const struct program *program, const struct run *run)
{
	static const char *const side_names[SIDES] = { "epoll", "repoll" };
	const struct step *step = &run->step[run->len - 1];

	fprintf(out, "seed %llu, operation %d: the last one of the test below\n",
		(unsigned long long)program->seed, run->len - 1);
	for (enum side side = 0; side < SIDES; side++) {
		fprintf(out, "  %s: %s", side_names[side], result_name(step->side[side].ret));
		print_events(out, " ", &step->side[side]);
		fputc('\n', out);
	}
}
