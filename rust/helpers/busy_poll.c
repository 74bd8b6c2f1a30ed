// SPDX-License-Identifier: GPL-2.0

#include <linux/net.h>
#include <net/busy_poll.h>
#include <net/sock.h>

#include "helpers.h"

bool repoll_busy_poll_supported(void)
{
	return IS_ENABLED(CONFIG_NET_RX_BUSY_POLL);
}

#ifdef CONFIG_NET_RX_BUSY_POLL

/* The NAPI context that feeds @file, 0 if it is no socket or has none. */
unsigned int repoll_file_napi_id(struct file *file)
{
	struct socket *sock = sock_from_file(file);
	unsigned int napi_id;

	if (!sock || !sock->sk)
		return 0;
	napi_id = READ_ONCE(sock->sk->sk_napi_id);
	return napi_id_valid(napi_id) ? napi_id : 0;
}

void repoll_napi_busy_loop(unsigned int napi_id, void *ep, bool prefer, u16 budget)
{
	napi_busy_loop(napi_id, repoll_busy_loop_end, ep, prefer, budget ?: BUSY_POLL_BUDGET);
}

/* Has the instance's own limit of @usecs since @start_time been reached? */
bool repoll_busy_loop_timeout(unsigned long start_time, u32 usecs)
{
	return time_after(busy_loop_current_time(), start_time + usecs);
}

#else

unsigned int repoll_file_napi_id(struct file *file)
{
	return 0;
}

void repoll_napi_busy_loop(unsigned int napi_id, void *ep, bool prefer, u16 budget)
{
}

bool repoll_busy_loop_timeout(unsigned long start_time, u32 usecs)
{
	return true;
}

#endif
