/* SPDX-License-Identifier: GPL-2.0 */
/* What a hostile caller passes, and a clock that ends the waits it asked for. */
#ifndef REPOLL_BAD_INPUT_H
#define REPOLL_BAD_INPUT_H

#include <sys/syscall.h>
#include <sys/time.h>

#include "eventpoll_test.h"

enum { PAGE = 4096 };

#define SIGSET_SIZE	8

/* Pointers that cannot be written; the read-only one can be read. */
enum { NULL_POINTER, UNMAPPED, NO_ACCESS, KERNEL, WRAPPING, READ_ONLY, POINTERS };

static inline void *bad_pointer(int kind)
{
	static char *pages;

	if (!pages) {
		pages = mmap(NULL, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		MUST(pages == MAP_FAILED ? -1 : 0);
		MUST(mprotect(pages + PAGE, PAGE, PROT_NONE));
		MUST(munmap(pages + 2 * PAGE, PAGE));
	}
	switch (kind) {
	case UNMAPPED:
		return pages + 2 * PAGE;
	case NO_ACCESS:
		return pages + PAGE;
	case KERNEL:
		return (void *)(~0UL - PAGE + 1);
	case WRAPPING:
		return (void *)(~0UL - 2);
	case READ_ONLY:
		return pages;
	default:
		return NULL;
	}
}

/* A writable page before one that is not. The end of the former. */
static inline struct epoll_event *edge_of_page(void)
{
	char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(pages == MAP_FAILED ? -1 : mprotect(pages + PAGE, PAGE, PROT_NONE));
	return (struct epoll_event *)(pages + PAGE);
}

static inline void on_alarm(int sig)
{
	(void)sig;
}

/* fadvise64(), whatever its arguments look like to this kind of program. */
static inline int advise(int fd, int64_t offset, int64_t len, int advice)
{
#if __SIZEOF_LONG__ == 4
	return result(syscall(SYS_fadvise64_64, fd, (long)offset, (long)(offset >> 32),
			      (long)len, (long)(len >> 32), advice));
#else
	return result(syscall(SYS_fadvise64, fd, offset, len, advice));
#endif
}

/* From now on, no wait lasts. */
static inline void alarm_every_ms(int ms)
{
	struct itimerval timer = { { 0, ms * 1000 }, { 0, ms * 1000 } };
	struct sigaction action = { .sa_handler = on_alarm };

	MUST(sigaction(SIGALRM, &action, NULL));
	MUST(setitimer(ITIMER_REAL, &timer, NULL));
}

#endif /* REPOLL_BAD_INPUT_H */
