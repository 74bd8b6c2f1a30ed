/* SPDX-License-Identifier: GPL-2.0 */
/* A trace of the test's own, beside what else is traced. */
#ifndef REPOLL_TRACE_H
#define REPOLL_TRACE_H

#include <sys/mount.h>
#include <sys/stat.h>

#include "eventpoll_test.h"

#define TRACING "/sys/kernel/tracing"

static char trace_folder[128];	/* empty if there is none */

static inline const char *in_trace(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", trace_folder, name);
	return path;
}

static inline int write_to_trace(const char *name, const char *text)
{
	int fd = open(in_trace(name), O_WRONLY | O_TRUNC | O_CLOEXEC), ret;

	if (fd < 0)
		return -errno;
	ret = result(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* Whether there is one from now on; it takes root, and a kernel that traces. */
static inline bool trace_begin(void)
{
	if (access(TRACING "/instances", W_OK) && mount("none", TRACING, "tracefs", 0, NULL))
		return false;
	snprintf(trace_folder, sizeof(trace_folder), TRACING "/instances/repoll.%d", getpid());
	if (!mkdir(trace_folder, 0700))
		return true;
	*trace_folder = 0;
	return false;
}

/* 0, or -errno. */
static inline int trace_end(void)
{
	return *trace_folder ? result(rmdir(trace_folder)) : 0;
}

#endif /* REPOLL_TRACE_H */
