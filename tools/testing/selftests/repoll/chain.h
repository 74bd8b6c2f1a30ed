/* SPDX-License-Identifier: GPL-2.0 */
/* Chains of instances, of which each watches the one before. */
#ifndef REPOLL_CHAIN_H
#define REPOLL_CHAIN_H

#include "eventpoll_test.h"

/* chain[i + 1] watches chain[i], for i up to @links. 0, or what the ADD said that failed. */
static inline int link_chain(int *chain, int links)
{
	for (int i = 0; i < links; i++) {
		int ret = add(chain[i + 1], chain[i], EPOLLIN);

		if (ret)
			return ret;
	}
	return 0;
}

static inline void create_all(int *eps, int n)
{
	for (int i = 0; i < n; i++)
		eps[i] = MUST(backend->create1(EPOLL_CLOEXEC));
}

#endif /* REPOLL_CHAIN_H */
