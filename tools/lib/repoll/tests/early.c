// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The first syscall() of the process, from within an allocator that is not ready
 * yet: jemalloc makes one as it sets itself up, with its lock held.
 */
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "probe.h"

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);

/* syscall() is declared not to call back into this file, which it does here. */
static atomic_bool not_ready, called;

void *malloc(size_t size)
{
	called = called || not_ready;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	called = called || not_ready;
	return __libc_calloc(count, size);
}

static void first_syscall(void)
{
	not_ready = true;
	syscall(SYS_getpid);
	not_ready = false;
}

/* Before all constructors, those of libraries too. */
__attribute__((section(".preinit_array"), used))
static void (*const preinit)(void) = first_syscall;

void check_first_syscall(void)
{
	EXPECT(!called);
}
