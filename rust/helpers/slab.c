// SPDX-License-Identifier: GPL-2.0

#include <linux/slab.h>

#include "helpers.h"

/* Objects are charged to the memory cgroup of the task that allocates them. */
struct kmem_cache *repoll_kmem_cache_create(const char *name, unsigned int size,
					    unsigned int align)
{
	/* NO_MERGE: the tests count this cache's objects to see that none is left. */
	return kmem_cache_create(name, size, align, SLAB_ACCOUNT | SLAB_NO_MERGE, NULL);
}
