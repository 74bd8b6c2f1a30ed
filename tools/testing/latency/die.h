/* SPDX-License-Identifier: GPL-2.0 */
#ifndef LATENCY_DIE_H
#define LATENCY_DIE_H

#include <stdio.h>
#include <stdlib.h>

#define DIE(format, ...) do {							\
	fprintf(stderr, "latency: " format "\n", ##__VA_ARGS__);		\
	exit(2);								\
} while (0)

#endif /* LATENCY_DIE_H */
