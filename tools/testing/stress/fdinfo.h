/* SPDX-License-Identifier: GPL-2.0 */
/* What /proc tells of an instance: one of its registrations after the other. */
#ifndef REPOLL_STRESS_FDINFO_H
#define REPOLL_STRESS_FDINFO_H

#include "stress.h"

struct fdinfo {
	int fd;
	uint32_t events;
	unsigned long long data;
	unsigned long ino;
};

static inline FILE *fdinfo_open(int epfd)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", epfd);
	file = fopen(path, "re");
	CHECK(file, "%s: %s", path, strerror(errno));
	return file;
}

/* False when there are no more. */
static inline bool fdinfo_next(FILE *file, struct fdinfo *info)
{
	char line[256];

	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "tfd: %d events: %x data: %llx pos:%*d ino:%lx", &info->fd,
			   &info->events, &info->data, &info->ino) == 4)
			return true;
	fclose(file);
	return false;
}

#endif /* REPOLL_STRESS_FDINFO_H */
