// SPDX-License-Identifier: GPL-2.0
/*
 * stress: everything at once, on in-tree epoll and on repoll. Each scenario has
 * something that must hold whatever the threads do to each other. A test a
 * scenario and implementation, as TAP; --help tells the options.
 */
#include <dirent.h>
#include <getopt.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "number.h"
#include "stress.h"

struct options options = { .seed = 1, .seconds = 1, .threads = 4, .bound = 20 };

static struct scenario *scenarios;
static const struct backend *const backends[] = { &backend_epoll, &backend_repoll };
static const char *only_scenario, *only_backend;

/* The least that each thread does, though its time be up. */
#define ROUNDS		20

/* Of the process of a scenario. */
static int64_t end_ns;
static char title[64];

void scenario_register(struct scenario *scenario)
{
	struct scenario **link = &scenarios;

	while (*link && strcmp((*link)->name, scenario->name) < 0)
		link = &(*link)->next;
	scenario->next = *link;
	*link = scenario;
}

void begin(void)
{
	end_ns = now_ns() + options.seconds * NSEC_PER_SEC;
}

bool time_left(void)
{
	return now_ns() < end_ns;
}

bool running(void)
{
	/* A slow machine gets nothing for nothing. */
	static __thread int rounds;

	return rounds++ < ROUNDS || time_left();
}

void tally(long count, const char *what)
{
	ksft_print_msg("%s: %ld %s\n", title, count, what);
	CHECK(count > 0, "no %s", what);
}

void fail(const char *file, int line, const char *format, ...)
{
	static bool failed;
	char text[256];
	va_list args;

	/* The first to fail speaks; the others may have failed because of it. */
	while (swap(&failed, true))
		pause();
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ksft_print_msg("%s:%d: %s: %s\n", file, line, title, text);
	fflush(stdout);
	_exit(KSFT_FAIL);
}

int stop_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = new_eventfd(0);
	return fd;
}

static void usage(FILE *out)
{
	fputs("stress [--seed N] [--seconds N] [--threads N] [--bound N]\n"
	      "       [--scenario NAME[.BACKEND]] [--backend epoll|repoll] [--list]\n"
	      "  --seconds: for each scenario on each implementation\n"
	      "  --threads: how many have the same role\n"
	      "  --bound: seconds within which an event that must come has to\n", out);
}

/* @name is that of the scenario, or of the test that it is on this implementation. */
static bool names(const char *name, const struct scenario *scenario, const struct backend *backend)
{
	size_t length = strlen(scenario->name);

	if (strncmp(name, scenario->name, length))
		return false;
	name += length;
	return !*name || (*name == '.' && !strcmp(name + 1, backend->name));
}

static bool chosen(const struct scenario *scenario, const struct backend *backend)
{
	return (!only_scenario || names(only_scenario, scenario, backend)) &&
	       (!only_backend || !strcmp(only_backend, backend->name)) &&
	       (!scenario->only_repoll || backend == &backend_repoll);
}

/* Calls @call for each that is chosen, one implementation after the other; their number. */
static int call_chosen(void (*call)(struct scenario *, const struct backend *))
{
	int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		for (struct scenario *s = scenarios; s; s = s->next) {
			if (!chosen(s, backends[i]))
				continue;
			count++;
			if (call)
				call(s, backends[i]);
		}
	}
	return count;
}

static void list_one(struct scenario *scenario, const struct backend *backend)
{
	printf("%s.%s\n", scenario->name, backend->name);
}

static void parse(int argc, char **argv)
{
	static const struct option longopts[] = {
		{ "seed", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "threads", required_argument, NULL, 'n' },
		{ "bound", required_argument, NULL, 'b' },
		{ "scenario", required_argument, NULL, 'c' },
		{ "backend", required_argument, NULL, 'e' },
		{ "list", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{}
	};
	bool list = false;
	int c;

	while ((c = getopt_long(argc, argv, "h", longopts, NULL)) != -1) {
		if (c == 's')
			options.seed = number(optarg, 0, INT64_MAX);
		else if (c == 't')
			options.seconds = number(optarg, 1, 1000000);
		else if (c == 'n')
			options.threads = number(optarg, 2, 64);
		else if (c == 'b')
			options.bound = number(optarg, 1, 1000000);
		else if (c == 'c')
			only_scenario = optarg;
		else if (c == 'e')
			only_backend = optarg;
		else if (c == 'l')
			list = true;
		else
			usage(c == 'h' ? stdout : stderr), exit(c == 'h' ? 0 : 2);
	}
	if (!call_chosen(list ? list_one : NULL)) {
		fputs("stress: there is no such scenario\n", stderr);
		exit(2);
	}
	if (list)
		exit(0);
}

int module_users(void)
{
	FILE *file = fopen("/sys/module/repoll/refcnt", "re");
	int users = 0;

	if (file) {
		if (fscanf(file, "%d", &users) != 1)
			users = 0;
		fclose(file);
	}
	return users;
}

/* In the form of fail(), which is what the runner of the tests shows. */
#define complain(format, ...)	\
	ksft_print_msg("%s:%d: %s: " format "\n", __FILE__, __LINE__, title, ##__VA_ARGS__)

/* What the threads of a process that hangs are at. */
static void print_tasks(pid_t pid)
{
	static const char *const files[] = { "comm", "syscall", "stack" };
	char path[64], line[256];
	struct dirent *task;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (task = readdir(dir))) {
		for (size_t i = 0; task->d_name[0] != '.' && i < ARRAY_SIZE(files); i++) {
			FILE *file;

			snprintf(path, sizeof(path), "/proc/%d/task/%.16s/%s", pid, task->d_name,
				 files[i]);
			file = fopen(path, "re");
			while (file && fgets(line, sizeof(line), file))
				ksft_print_msg("%.16s %s: %s", task->d_name, files[i], line);
			if (file)
				fclose(file);
		}
	}
	if (dir)
		closedir(dir);
}

/* Waits for the process of a scenario; its status, -1 if it had to be given up. */
static int await_end(pid_t pid)
{
	int limit = options.seconds + 5 * options.bound, status;
	struct patience patience = {}, killed = {};

	while (!waitpid(pid, &status, WNOHANG)) {
		usleep(20000);
		if (patience_lasts(&patience, limit))
			continue;
		if (!killed.looks) {
			complain("hangs");
			print_tasks(pid);
		}
		kill(-pid, SIGKILL);
		if (!patience_lasts(&killed, options.bound)) {
			ksft_print_msg("cannot be killed\n");
			return -1;
		}
	}
	/* Children of its own that it may have left. */
	kill(-pid, SIGKILL);
	return status;
}

/* Runs one scenario on one implementation; true if it held. */
static bool run(struct scenario *scenario, const struct backend *backend)
{
	int users = module_users(), status;
	struct patience patience = {};
	pid_t pid;

	snprintf(title, sizeof(title), "%s.%s", scenario->name, backend->name);
	pid = MUST(fork());
	if (!pid) {
		setpgid(0, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		scenario->run(backend);
		exit(KSFT_PASS);
	}
	status = await_end(pid);
	if (status > 0 && WIFSIGNALED(status))
		complain("ended by signal %d", WTERMSIG(status));
	/* What is open in a process that ends may be closed a little later. */
	while (!status && module_users() > users) {
		if (!patience_lasts(&patience, options.bound)) {
			complain("%d instances are left", module_users() - users);
			return false;
		}
	}
	return !status;
}

static void report(struct scenario *scenario, const struct backend *backend)
{
	ksft_test_result(run(scenario, backend), "%s.%s\n", scenario->name, backend->name);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	ksft_print_header();
	ksft_set_plan(call_chosen(NULL));
	ksft_print_msg("seed %llu, %d s for each, %d threads of a role\n",
		       (unsigned long long)options.seed, options.seconds, options.threads);
	call_chosen(report);
	ksft_finished();
}
