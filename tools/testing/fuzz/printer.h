/* SPDX-License-Identifier: GPL-2.0 */
#ifndef REPOLL_FUZZ_PRINTER_H
#define REPOLL_FUZZ_PRINTER_H

#include <stdio.h>

#include "executor.h"

/* In words: the operation that differs, and what each side answered. */
void print_difference(FILE *out, const struct program *program, const struct run *run);

/*
 * The program as a test for tools/testing/selftests/repoll, which expects of
 * both implementations what in-tree epoll answered.
 */
void print_test(FILE *out, const struct program *program, const struct run *run);

#endif /* REPOLL_FUZZ_PRINTER_H */
