/* SPDX-License-Identifier: GPL-2.0 */
/* Situations that any user can bring about, each of a size that the user chooses. */
#ifndef LATENCY_SITUATION_H
#define LATENCY_SITUATION_H

#include <stdbool.h>

struct backend;

struct situation {
	const char *name;
	const char *what;		/* n counts, and what is done then */
	long limit;			/* of n, by the rules of nesting or otherwise; 0: none */
	bool only_repoll;
	void (*prepare)(long n);
	void (*act)(void);		/* what is measured */
};

extern const struct situation situations[];	/* ends with one without a name */

/* Prepares in this process, which is to end after the act. */
void situation_prepare(const struct situation *situation, const struct backend *backend, long n);

/* What the cost of recording is found out by. */
extern const struct situation calibration;

#endif /* LATENCY_SITUATION_H */
