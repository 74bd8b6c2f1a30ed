/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers on the command line. */
#ifndef REPOLL_NUMBER_H
#define REPOLL_NUMBER_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* @text as an integer from @min to @max; ends the program with exit code 2 if it is none. */
static inline long long number(const char *text, long long min, long long max)
{
	char *end;
	long long value = strtoll(text, &end, 0);

	if (end == text || *end || value < min || value > max) {
		fprintf(stderr, "%s: %s: not an integer from %lld to %lld\n",
			program_invocation_short_name, text, min, max);
		exit(2);
	}
	return value;
}

#endif /* REPOLL_NUMBER_H */
