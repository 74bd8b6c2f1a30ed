/* SPDX-License-Identifier: GPL-2.0 */
/* The tracer: what it records, and its events read back from the ring buffer. */
#ifndef LATENCY_TRACEFS_H
#define LATENCY_TRACEFS_H

#include <stdbool.h>
#include <stdint.h>

/* What there is to record; the timer's and soft interrupts come with the others. */
enum recording { NOTHING, SPINLOCKS, MUTEXES, INTERRUPTS };

struct event {
	int64_t time;		/* CLOCK_MONOTONIC, ns; that of the call */
	uint64_t lock;
	uint64_t caller;	/* a return address */
	int32_t pid;
	enum recording what;
	bool end;		/* the lock is released, the interrupt has ended */
	bool irqs_off;
	bool in_interrupt;	/* hard or soft */
};

struct events {
	struct event *first;
	long count;
};

/* Makes the tracer ready; all else here comes after it. Ends the program on failure. */
void tracefs_init(void);

/* Starts and ends a recording of the events of all tasks. */
void tracefs_start(enum recording what);
void tracefs_stop(enum recording what);

/* The events recorded from @from to @to, in order. Takes them out of the tracer's buffer. */
struct events tracefs_events(int64_t from, int64_t to);

/* Switches the stack tracer on or off. */
void stack_trace(bool on);

/* The deepest stack of any task since the reset, in bytes. */
void stack_reset(void);
long stack_depth(void);

#endif /* LATENCY_TRACEFS_H */
