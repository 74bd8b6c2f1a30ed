/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Marks in the stream of instructions for profile.so, the plugin that counts them one by
 * one: between a start and the next stop. To everybody else they are no-ops of a form
 * that no compiler emits.
 */
#ifndef BENCH_MARKER_H
#define BENCH_MARKER_H

#define MARKER_START	0x7265706f	/* "repo" */
#define MARKER_STOP	0x6c6c2e2e	/* "ll.." */

static inline void marker_start(void)
{
	asm volatile("nopl %c0(%%rax)" : : "i"(MARKER_START) : "memory");
}

static inline void marker_stop(void)
{
	asm volatile("nopl %c0(%%rax)" : : "i"(MARKER_STOP) : "memory");
}

#endif /* BENCH_MARKER_H */
