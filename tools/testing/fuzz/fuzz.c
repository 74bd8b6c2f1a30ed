// SPDX-License-Identifier: GPL-2.0
/*
 * fuzz: random programs on in-tree epoll and on repoll, side by side. Exits 0 if
 * all answers were the same, 1 if some were not: such a program is shrunk and printed
 * as a C test.
 */
#include <getopt.h>

#include "allowed.h"
#include "executor.h"
#include "generator.h"
#include "number.h"
#include "printer.h"
#include "shrinker.h"

struct options {
	uint64_t seed;
	long long ops;
	int length;
	int failures;		/* as many differing programs are enough */
};

static void usage(FILE *out)
{
	fputs("fuzz [--seed N] [--ops N] [--program-length N] [--failures N]\n"
	      "     [--self-check]\n"
	      "  program i of seed N is program 0 of seed N + i\n"
	      "  --failures: end after so many programs that differ, not after the first\n"
	      "  --self-check: in-tree epoll on both sides, to test the fuzzer itself\n", out);
}

static struct options parse(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "ops", required_argument, NULL, 'o' },
		{ "program-length", required_argument, NULL, 'l' },
		{ "failures", required_argument, NULL, 'f' },
		{ "self-check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	struct options o = { .seed = 1, .ops = 100000, .length = 60, .failures = 1 };
	int c;

	while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1) {
		if (c == 's')
			o.seed = number(optarg, 0, INT64_MAX);
		else if (c == 'o')
			o.ops = number(optarg, 1, INT64_MAX);
		else if (c == 'l')
			o.length = number(optarg, 1, OPS_MAX);
		else if (c == 'f')
			o.failures = number(optarg, 1, INT32_MAX);
		else if (c == 'c')
			world_self_check = true;
		else
			usage(c == 'h' ? stdout : stderr), exit(c == 'h' ? 0 : 2);
	}
	return o;
}

static struct program program;
static struct run run;

/* What was really done, so that nobody takes a run of failed calls for a test. */
static struct tally {
	long long programs, ops, skipped, succeeded, events;
	long long allowed[16];
} tally;

static void count(void)
{
	tally.programs++;
	tally.ops += run.len;
	for (int i = 0; i < run.len; i++) {
		const struct step *step = &run.step[i];

		tally.skipped += step->skipped;
		tally.succeeded += !step->skipped && step->side[IN_TREE].ret >= 0;
		tally.events += step->skipped ? 0 : step->side[IN_TREE].n;
		tally.allowed[step->allowed]++;
	}
}

static void print_tally(void)
{
	printf("%lld programs, %lld operations: %lld succeeded, %lld events, %lld skipped\n",
	       tally.programs, tally.ops, tally.succeeded, tally.events, tally.skipped);
	for (int i = 1; i < allowed_count; i++)
		printf("allowed to differ, %s: %lld\n", allowed_names[i], tally.allowed[i]);
}

static void hung(int sig)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "seed %llu hangs\n",
			   (unsigned long long)program.seed);

	(void)sig;
	_exit(write(STDOUT_FILENO, text, len) == len ? 1 : 1);
}

static void report(void)
{
	struct program original = program;
	struct run first = run;

	if (shrink(&program, &run)) {
		print_difference(stdout, &program, &run);
		print_test(stdout, &program, &run);
	} else {
		puts("differed once, but not again; as it was:");
		print_difference(stdout, &original, &first);
		print_test(stdout, &original, &first);
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = hung };
	struct options o = parse(argc, argv);
	int failures = 0;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	executor_init();
	sigaction(SIGALRM, &action, NULL);
	for (uint64_t i = 0; tally.ops < o.ops && failures < o.failures; i++) {
		generate(&program, o.seed + i, o.length);
		execute(&program, &run);
		count();
		if (run.differs) {
			failures++;
			report();
		}
	}
	print_tally();
	return failures != 0;
}
