// SPDX-License-Identifier: GPL-2.0

#include <linux/timerqueue.h>

#include "helpers.h"

/* Put @node, which is on no queue, behind those on @queue that expire no later. */
void repoll_timer_enqueue(struct timerqueue_head *queue, struct timerqueue_node *node)
{
	timerqueue_init(node);
	timerqueue_add(queue, node);
}

void repoll_timer_dequeue(struct timerqueue_head *queue, struct timerqueue_node *node)
{
	timerqueue_del(queue, node);
}

/* Return: the node that expires after @node, NULL if that is the last of its queue. */
struct timerqueue_node *repoll_timer_behind(struct timerqueue_node *node)
{
	return timerqueue_iterate_next(node);
}
