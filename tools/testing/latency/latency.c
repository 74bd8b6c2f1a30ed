// SPDX-License-Identifier: GPL-2.0
/*
 * latency: how long spinlocks, with interrupts off or on, and mutexes are held in the
 * worst that an unprivileged user can do, on in-tree epoll and on repoll; and how deep
 * the stack gets. Counted in instructions, see counted.h. Needs root and one CPU.
 */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "counted.h"
#include "die.h"
#include "number.h"
#include "section.h"
#include "situation.h"
#include "symbol.h"

/* What one process measures; each figure is taken with nothing else being recorded. */
enum pass { COUNT_ALL, RECORD_SPINLOCKS, RECORD_MUTEXES, RECORD_STACK, PASSES };

struct result {
	int64_t total;		/* of the whole act */
	long events;		/* recorded during it */
	struct section longest[SECTION_KINDS];
	long stack;		/* bytes */
};

/* What recording an event costs, in instructions. So many events give a mean. */
static double cost;

enum { MANY = 1000 };

static struct result *shared;	/* where the process leaves it */

static const struct backend *const backends[] = { &backend_epoll, &backend_repoll };

/* So that who is woken does not run within the act. */
static void schedule_by(int policy)
{
	const struct sched_param param = { .sched_priority = policy == SCHED_FIFO };

	if (sched_setscheduler(0, policy, &param))
		DIE("sched_setscheduler: %s", strerror(errno));
}

static void act(const struct situation *situation, enum pass pass, int64_t plain)
{
	static const enum recording recordings[PASSES] = {
		[RECORD_SPINLOCKS] = SPINLOCKS, [RECORD_MUTEXES] = MUTEXES,
	};
	const enum recording what = recordings[pass];
	struct events events;
	int64_t start, end;

	schedule_by(SCHED_FIFO);
	tracefs_start(what);
	if (pass == RECORD_STACK)
		stack_reset();
	start = counted_now();
	situation->act();
	end = counted_now();
	if (pass == RECORD_STACK)
		shared->stack = stack_depth();
	tracefs_stop(what);
	schedule_by(SCHED_OTHER);
	shared->total = end - start;
	if (what == NOTHING)
		return;
	events = tracefs_events(start, end);
	shared->events = events.count;
	/* Where there are many events, they tell themselves what they cost. */
	if (events.count >= MANY)
		cost = (double)(shared->total - plain) / events.count;
	section_find(&events, cost, shared->longest);
}

/* So that no page fault is counted: the pages of a new process are not mapped yet. */
static void map_text(void)
{
	if (madvise(__executable_start, etext - __executable_start, MADV_POPULATE_READ))
		DIE("madvise: %s", strerror(errno));
}

/*
 * One pass, in a process of its own, which leaves nothing behind. @plain: what the act takes
 * when nothing is recorded.
 */
static struct result run(const struct situation *situation, const struct backend *backend, long n,
			 enum pass pass, int64_t plain)
{
	int status;
	pid_t pid;

	*shared = (struct result){};
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		DIE("fork: %s", strerror(errno));
	if (!pid) {
		map_text();
		situation_prepare(situation, backend, n);
		act(situation, pass, plain);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		DIE("%s %ld on %s failed", situation->name, n, backend->name);
	return *shared;
}

/* What recording costs: the difference that it makes, by the number of events. */
static void calibrate(void)
{
	const struct backend *backend = &backend_epoll;
	int64_t plain = run(&calibration, backend, MANY, COUNT_ALL, 0).total;
	struct result recorded = run(&calibration, backend, MANY, RECORD_SPINLOCKS, plain);

	if (recorded.events < MANY)
		DIE("the tracer has recorded too little");
	cost = (double)(recorded.total - plain) / recorded.events;
	printf("to record an event takes %.1f instructions, which are taken off\n", cost);
}

static void print_header(void)
{
	printf("\n%-15s %6s %-7s %12s %9s %9s %9s %10s %10s %9s %11s  %s\n",
	       "situation", "n", "on", "total", "irqs-off", "irqs-on", "in-irq",
	       "instance", "nesting", "links", "hook", "longest with irqs off, on begin in");
}

static void measure(const struct situation *situation, const struct backend *backend, long n)
{
	struct result result = run(situation, backend, n, COUNT_ALL, 0);
	struct result spinlocks = run(situation, backend, n, RECORD_SPINLOCKS, result.total);
	struct result mutexes = run(situation, backend, n, RECORD_MUTEXES, result.total);

	printf("%-15s %6ld %-7s %12lld", situation->name, n, backend->name,
	       (long long)result.total);
	for (int i = 0; i < SECTION_KINDS; i++) {
		const struct result *from = i < INSTANCE ? &spinlocks : &mutexes;

		printf(" %*lld", i < INSTANCE ? 9 : i == LINKS ? 9 : i == HOOK ? 11 : 10,
		       (long long)from->longest[i].length);
	}
	printf("  %s, %s\n", symbol_at(spinlocks.longest[IRQS_OFF].caller)->name,
	       symbol_at(spinlocks.longest[PREEMPT_OFF].caller)->name);
	fflush(stdout);
}

static void measure_sizes(const struct situation *situation, long max)
{
	bool last = false;

	if (situation->limit && situation->limit < max)
		max = situation->limit;
	for (long n = 1; !last; n *= 100) {
		last = n >= max;
		if (last)
			n = max;
		for (int i = 0; i < 2; i++) {
			if (i || !situation->only_repoll)
				measure(situation, backends[i], n);
		}
	}
}

/* How deep the stack is depends on how instances are nested, not on how many there are. */
static void measure_stack(const struct situation *situation, long max)
{
	enum { ENOUGH = 100 };
	long n = situation->limit && situation->limit < max ? situation->limit : max;

	n = n < ENOUGH ? n : ENOUGH;
	printf("%-15s %6ld", situation->name, n);
	for (int i = 0; i < 2; i++) {
		if (i || !situation->only_repoll)
			printf(" %7ld", run(situation, backends[i], n, RECORD_STACK, 0).stack);
		else
			printf(" %7s", "");
	}
	printf("\n");
}

static bool chosen(const struct situation *situation, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (!strcmp(*names, situation->name))
			return true;
	}
	return false;
}

/* Two files for each of the largest number, and some. */
static void allow_files(long max)
{
	rlim_t files = 2 * max + 1000;
	struct rlimit limit = { files, files };

	if (setrlimit(RLIMIT_NOFILE, &limit))
		DIE("no more than so many files: %s", strerror(errno));
}

int main(int argc, char **argv)
{
	long max = 10000;

	if (argc > 2 && !strcmp(argv[1], "--max")) {
		max = number(argv[2], 1, LONG_MAX);
		argv += 2;
	}
	if (max < 1 || (argv[1] && argv[1][0] == '-')) {
		fputs("latency [--max N] [SITUATION...]\n", stderr);
		return 2;
	}
	if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
		DIE("more than one CPU");
	counted_prove();
	allow_files(max);
	symbol_init();
	tracefs_init();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (shared == MAP_FAILED)
		DIE("no memory");
	calibrate();
	print_header();
	for (const struct situation *s = situations; s->name; s++) {
		if (chosen(s, argv + 1))
			measure_sizes(s, max);
	}
	printf("\n%-15s %6s %7s %7s  deepest stack, bytes\n", "situation", "n", backends[0]->name,
	       backends[1]->name);
	stack_trace(true);
	for (const struct situation *s = situations; s->name; s++) {
		if (chosen(s, argv + 1))
			measure_stack(s, max);
	}
	stack_trace(false);
	printf("\n");
	for (const struct situation *s = situations; s->name; s++) {
		if (chosen(s, argv + 1))
			printf("%-15s n %s\n", s->name, s->what);
	}
	return 0;
}
