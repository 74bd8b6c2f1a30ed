// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The counters of REPOLL_PRELOAD_STATS=1, one line on stderr when a process
 * exits, so that nobody takes a run on in-tree epoll for one on repoll.
 *
 * A process counts from its start, or from the fork() that made it. One that is
 * killed by a signal, or replaced by exec(), prints nothing; neither does the
 * child of vfork(), whose memory is its parent's.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

static const char *const counter_name[NR_COUNTERS] = {
	[COUNT_CREATE] = "create",
	[COUNT_CTL] = "ctl",
	[COUNT_WAIT] = "wait",
	[COUNT_FALLBACK] = "fallback",
	[COUNT_SYSCALL] = "syscall",
	[COUNT_POLICY] = "policy",
};

static atomic_ulong counters[NR_COUNTERS];

/* The process whose counters these are; 0 once it has printed them. */
static atomic_int owner;

void stats_count(enum counter counter)
{
	if (options.stats)
		atomic_fetch_add_explicit(&counters[counter], 1, memory_order_relaxed);
}

static void stats_reset(void)
{
	for (int i = 0; i < NR_COUNTERS; i++)
		atomic_store_explicit(&counters[i], 0, memory_order_relaxed);
	atomic_store(&owner, getpid());
}

static char *append_text(char *end, const char *text)
{
	return stpcpy(end, text);
}

static char *append_number(char *end, unsigned long number)
{
	if (number > 9)
		end = append_number(end, number / 10);
	*end++ = '0' + number % 10;
	return end;
}

/* _exit() may come from a signal handler: nothing here allocates, locks or can be cancelled. */
void stats_print(void)
{
	char line[256], *end = line;
	int pid = getpid();
	int expected = pid;

	if (!options.stats || !atomic_compare_exchange_strong(&owner, &expected, 0))
		return;

	end = append_text(end, "repoll-preload:");
	for (int i = 0; i < NR_COUNTERS; i++) {
		end = append_text(append_text(end, " "), counter_name[i]);
		end = append_number(append_text(end, " "), atomic_load(&counters[i]));
	}
	end = append_number(append_text(end, " pid "), pid);
	*end++ = '\n';
	next()->syscall(SYS_write, STDERR_FILENO, line, end - line);
}

void stats_init(void)
{
	stats_reset();
	pthread_atfork(NULL, NULL, stats_reset);
	at_quick_exit(stats_print);
}

/* The way out of exit(); calls that the destructors of others still make are not counted. */
__attribute__((destructor))
static void stats_unload(void)
{
	stats_print();
}

/* The ways out that run no destructor. */
void _exit(int status)
{
	stats_print();
	next()->exit(status);
	__builtin_unreachable();
}

void _Exit(int status)
{
	_exit(status);
}
