/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * What the files of the probe share.
 */
#ifndef REPOLL_PROBE_H
#define REPOLL_PROBE_H

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define EXPECT(condition) do {						\
	if (!(condition))						\
		errx(EXIT_FAILURE, "line %d: %s, errno %s", __LINE__,	\
		     #condition, strerrorname_np(errno));		\
} while (0)

/* The call fails with this errno. */
#define EXPECT_ERRNO(call, error) do {					\
	errno = 0;							\
	EXPECT((call) == -1);						\
	EXPECT(errno == (error));					\
} while (0)

#define KERNEL_SIGSET_SIZE	8

/* The calls by libc's functions, and by number. */
struct calls {
	int (*create1)(int flags);
	int (*ctl)(int epfd, int op, int fd, struct epoll_event *event);
	int (*wait)(int epfd, struct epoll_event *events, int max, int timeout);
	int (*pwait)(int epfd, struct epoll_event *events, int max, int timeout,
		     const sigset_t *mask);
	int (*pwait2)(int epfd, struct epoll_event *events, int max,
		      const struct timespec *timeout, const sigset_t *mask);
};

extern const struct calls by_libc, by_number;

void check_cancel(void);
void check_cancel_alone(void);
void check_first_syscall(void);
void check_wake(const struct calls *by);

#endif /* REPOLL_PROBE_H */
