/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: /sys/kernel/tracing/events/repoll. rust/trace.rs has the static
 * branches, so that one that is off is a no-op.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM repoll

#if !defined(REPOLL_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define REPOLL_TRACE_H

#include <linux/tracepoint.h>

/* A wakeup of a registration of @ep; @queued: it waits to be looked at already. */
TRACE_EVENT(repoll_wake,
	    TP_PROTO(const void *ep, int fd, u32 events, u32 key, bool queued),
	    TP_ARGS(ep, fd, events, key, queued),
	    TP_STRUCT__entry(__field(const void *, ep)
			     __field(int, fd)
			     __field(u32, events)
			     __field(u32, key)
			     __field(bool, queued)),
	    TP_fast_assign(__entry->ep = ep;
			   __entry->fd = fd;
			   __entry->events = events;
			   __entry->key = key;
			   __entry->queued = queued;),
	    TP_printk("ep=%p fd=%d events=%x key=%x queued=%d",
		      __entry->ep, __entry->fd, __entry->events, __entry->key, __entry->queued)
);

/* An event was stored. */
TRACE_EVENT(repoll_deliver,
	    TP_PROTO(const void *ep, int fd, u32 revents, u64 data),
	    TP_ARGS(ep, fd, revents, data),
	    TP_STRUCT__entry(__field(const void *, ep)
			     __field(u64, data)
			     __field(int, fd)
			     __field(u32, revents)),
	    TP_fast_assign(__entry->ep = ep;
			   __entry->data = data;
			   __entry->fd = fd;
			   __entry->revents = revents;),
	    TP_printk("ep=%p fd=%d revents=%x data=%llx",
		      __entry->ep, __entry->fd, __entry->revents, __entry->data)
);

/* A registration was on the ready list, and its file had nothing. */
TRACE_EVENT(repoll_not_ready,
	    TP_PROTO(const void *ep, int fd, u32 events),
	    TP_ARGS(ep, fd, events),
	    TP_STRUCT__entry(__field(const void *, ep)
			     __field(int, fd)
			     __field(u32, events)),
	    TP_fast_assign(__entry->ep = ep;
			   __entry->fd = fd;
			   __entry->events = events;),
	    TP_printk("ep=%p fd=%d events=%x",
		      __entry->ep, __entry->fd, __entry->events)
);

#endif /* REPOLL_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
