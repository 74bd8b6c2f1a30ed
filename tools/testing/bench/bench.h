/* SPDX-License-Identifier: GPL-2.0 */
/* Rows: what is measured, on which subjects, and how a figure is reported. */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

#define DIE(format, ...) do {							\
	fprintf(stderr, "bench: " format "\n", ##__VA_ARGS__);			\
	exit(1);								\
} while (0)

#define MUST(call) ({								\
	long _ret = (call);							\
	if (_ret < 0)								\
		DIE("%s:%d: %s: %s", __FILE__, __LINE__, #call, strerror(errno)); \
	_ret;									\
})

/* Whom a figure is about. */
enum subject {
	NONE,		/* neither: the reference */
	EPOLL,
	REPOLL,
	POLL,
	SELECT,
	IO_URING,	/* multishot poll */
	SUBJECTS
};

#define BOTH	(1 << EPOLL | 1 << REPOLL)

struct row {
	const char *const *benches;	/* names of its figures, ended by NULL */
	const char *what;
	unsigned int subjects;		/* bits */
	const long *params;		/* ended by -1 */
	void (*run)(void);		/* in a process of its own */
};

#define BENCHES(...)	((const char *const[]){ __VA_ARGS__, NULL })
#define PARAMS(...)	((const long[]){ __VA_ARGS__, -1 })

/* Counted; ended by one without benches. */
extern const struct row ctl_rows[], wait_rows[], write_rows[], close_rows[], lifetime_rows[];
extern const struct row memory_rows[], many_rows[], timer_rows[], handover_rows[], sync_rows[];
extern const struct row ready_ring_rows[];
/* Timed. */
extern const struct row producer_rows[], one_of_n_rows[], udp_echo_rows[];

/* What this process measures. */
extern enum subject subject;
extern const struct backend *backend;	/* of the subject, if it is an eventpoll */
extern long param;

/* Prints a figure, found by so many operations at a time. */
void report(const char *bench, double value, double spread, long times, const char *unit);

#endif /* BENCH_H */
