/* SPDX-License-Identifier: GPL-2.0 */
/* How long locks are held, and with what switched off. */
#ifndef LATENCY_SECTION_H
#define LATENCY_SECTION_H

#include "tracefs.h"

enum section_kind {
	IRQS_OFF,	/* a spinlock, interrupts off, by a task */
	PREEMPT_OFF,	/* a spinlock, interrupts on, by a task; without the interrupts within */
	INTERRUPT,	/* a spinlock, in an interrupt, the timer's for instance */
	INSTANCE,	/* the mutex of an instance */
	NESTING,	/* global: of the ADDs that may change the nesting */
	LINKS,		/* global: of the edges between instances; in-tree has no such thing */
	HOOK,		/* global: of the registration of the last-close hook */
	SECTION_KINDS
};

struct section {
	int64_t length;		/* ns, which are instructions */
	uint64_t caller;	/* who took the lock */
};

/*
 * Finds the longest of each kind in @events. @cost is what recording an event adds to the
 * time of a section.
 */
void section_find(const struct events *events, double cost, struct section longest[SECTION_KINDS]);

#endif /* LATENCY_SECTION_H */
