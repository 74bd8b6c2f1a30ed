// SPDX-License-Identifier: GPL-2.0

#include <linux/eventfd.h>

#include "helpers.h"

/* The eventfd that @fd is, with a reference, or an error pointer: -EBADF, -EINVAL. */
struct eventfd_ctx *repoll_eventfd_get(int fd)
{
	return eventfd_ctx_fdget(fd);
}

/* Not from within a wakeup, which may be that of an eventfd. */
void repoll_eventfd_signal(struct eventfd_ctx *ctx)
{
	eventfd_signal(ctx);
}

void repoll_eventfd_put(struct eventfd_ctx *ctx)
{
	eventfd_ctx_put(ctx);
}
