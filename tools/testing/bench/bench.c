// SPDX-License-Identifier: GPL-2.0
/*
 * bench: what the operations of an eventpoll cost, on in-tree epoll and on repoll, and
 * those of poll(), select() and io_uring that do the same job. A figure is a line of
 * JSON. Needs root; counted rows need one CPU and REPOLL_ICOUNT=1.
 */
#include <fnmatch.h>
#include <getopt.h>
#include <limits.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "figure.h"
#include "number.h"
#include "pool.h"

enum subject subject;
const struct backend *backend;
long param;

static const char *const subject_names[SUBJECTS] = {
	"none", "epoll", "repoll", "poll", "select", "io_uring",
};

static const struct row *const counted_tables[] = {
	close_rows, lifetime_rows, ctl_rows, wait_rows, write_rows, many_rows, timer_rows,
	handover_rows, sync_rows, ready_ring_rows, memory_rows, NULL
};

static const struct row *const timed_tables[] = {
	producer_rows, one_of_n_rows, udp_echo_rows, NULL
};

/* What was asked for. */
static const struct row *const *tables = counted_tables;
static bool is_timed;
static int rounds = 1;
static const char *const *patterns;
static const char *only_subject;
static long smallest, largest = LONG_MAX;	/* parameters */

void report(const char *bench, double value, double spread, long times, const char *unit)
{
	printf("{\"bench\": \"%s\", \"method\": \"%s\", \"backend\": \"%s\", \"param\": %ld, ",
	       bench, is_timed ? "timed" : "counted", subject_names[subject], param);
	printf("\"value\": %.2f, \"unit\": \"%s\", \"spread\": %.2f, \"times\": %ld}\n",
	       value, unit, spread, times);
	fflush(stdout);
}

/*
 * The hook that tells repoll of closed files stays for some seconds after the last
 * instance; no row is to meet it that has none itself. Where instructions are counted,
 * sleeping takes no time.
 */
static void wait_for_no_hook(void)
{
	sleep(10);
}

/* In a process that leaves nothing behind. */
static void run(const struct row *row)
{
	int status;
	pid_t pid;

	if (!is_timed)
		wait_for_no_hook();
	backend = subject == EPOLL ? &backend_epoll : subject == REPOLL ? &backend_repoll : NULL;
	/* Made here, they are there for the next row as well. */
	pool_grow(param);
	fflush(NULL);
	pid = MUST(fork());
	if (!pid) {
		pool_drain();
		row->run();
		exit(0);
	}
	MUST(waitpid(pid, &status, 0));
	if (status)
		DIE("%s of %s with %ld failed", row->benches[0], subject_names[subject], param);
}

static bool chosen(const struct row *row)
{
	if (!*patterns)
		return true;
	for (const char *const *bench = row->benches; *bench; bench++) {
		for (const char *const *pattern = patterns; *pattern; pattern++) {
			if (!fnmatch(*pattern, *bench, 0))
				return true;
		}
	}
	return false;
}

/* Subjects take turns, so that what else goes on meets all of them. */
static void run_round(const struct row *row)
{
	for (subject = NONE; subject < SUBJECTS; subject++) {
		if (!(row->subjects & 1 << subject))
			continue;
		if (!only_subject || !strcmp(only_subject, subject_names[subject]))
			run(row);
	}
}

static void run_row(const struct row *row)
{
	for (int round = 0; round < rounds; round++)
		run_round(row);
}

/* Runs the rows with the smallest parameter above @last; returns that, or -1. */
static long run_next(long last)
{
	param = -1;
	for (const struct row *const *table = tables; *table; table++) {
		for (const struct row *row = *table; row->benches; row++) {
			for (const long *p = row->params; *p >= 0; p++) {
				if (chosen(row) && *p > last && (param < 0 || *p < param))
					param = *p;
			}
		}
	}
	if (param < 0 || param > largest)
		return -1;
	for (const struct row *const *table = tables; *table; table++) {
		for (const struct row *row = *table; row->benches; row++) {
			for (const long *p = row->params; *p >= 0; p++) {
				if (chosen(row) && *p == param)
					run_row(row);
			}
		}
	}
	return param;
}

static void list(void)
{
	for (const struct row *const *table = tables; *table; table++) {
		for (const struct row *row = *table; row->benches; row++) {
			for (const char *const *bench = row->benches; *bench; bench++)
				printf("%s ", *bench);
			printf("\t%s\n", row->what);
		}
	}
}

static void explain_and_exit(void)
{
	fputs("options: --list, --timed ROUNDS, --subject SUBJECT, --param N, --max N,\n", stderr);
	fputs("--profile FIGURE; then patterns of the rows to run\n", stderr);
	exit(2);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "list", no_argument, NULL, 'l' },
		{ "timed", required_argument, NULL, 't' },
		{ "subject", required_argument, NULL, 's' },
		{ "param", required_argument, NULL, 'p' },
		{ "max", required_argument, NULL, 'm' },
		{ "profile", required_argument, NULL, 'f' },
		{}
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (option) {
		case 'l':
			list();
			return 0;
		case 't':
			is_timed = true;
			rounds = atoi(optarg);
			tables = timed_tables;
			break;
		case 's':
			only_subject = optarg;
			break;
		case 'p':
			smallest = number(optarg, 0, LONG_MAX);
			largest = smallest;
			break;
		case 'm':
			largest = number(optarg, 0, LONG_MAX);
			break;
		case 'f':
			profiled = optarg;
			break;
		default:
			explain_and_exit();
		}
	}
	patterns = (const char *const *)argv + optind;
	if (!is_timed) {
		if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
			DIE("more than one CPU");
		figure_init();
	}
	pool_init();
	/* Small sets first, lest all processes inherit the files of large ones. */
	for (long last = smallest - 1; (last = run_next(last)) >= 0;)
		;
	return 0;
}
