// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "die.h"
#include "section.h"
#include "symbol.h"

/* Locks that are held: there is one CPU. */
enum { HELD_MAX = 256 };

static struct held {
	const struct event *since;
	long events;		/* recorded while it is held */
	int64_t stolen;		/* by interrupts */
} held[HELD_MAX];

static int holds;

/* The interrupt that has come while they are held, with those within it. */
static struct {
	const struct event *since;
	int depth;
} interrupt;

/* Of the lock that @event releases; SECTION_KINDS if it is none that matters here. */
static enum section_kind kind_of(const struct event *event, uint64_t caller)
{
	const struct symbol *lock = symbol_at(event->lock), *taker = symbol_at(caller);

	if (event->what == SPINLOCKS && event->in_interrupt)
		return INTERRUPT;
	if (event->what == SPINLOCKS)
		return event->irqs_off ? IRQS_OFF : PREEMPT_OFF;
	/* Names of Rust statics are mangled: each part has its length before it. */
	if (!strcmp(lock->name, "epnested_mutex") || (lock->ours && strstr(lock->name, "7NESTING")))
		return NESTING;
	if (lock->ours && strstr(lock->name, "5LINKS"))
		return LINKS;
	if (lock->ours && !strcmp(lock->name, "last_close_hook"))
		return HOOK;
	if (taker->ours || !strcmp(taker->name, "rust_helper_mutex_lock") ||
	    !strncmp(taker->name, "ep_", 3) || strstr(taker->name, "epoll") ||
	    strstr(taker->name, "eventpoll"))
		return INSTANCE;
	return SECTION_KINDS;
}

static int find(uint64_t lock)
{
	int i = holds - 1;

	while (i >= 0 && held[i].since->lock != lock)
		i--;
	return i;
}

static void take(const struct event *event)
{
	int i = find(event->lock);

	/* What is there still was released in a way that is not recorded. */
	if (i < 0)
		i = holds++;
	if (i == HELD_MAX)
		DIE("more locks are held than this can follow");
	held[i] = (struct held){ .since = event };
}

static void release(const struct event *event, double cost, struct section *longest)
{
	int i = find(event->lock);
	enum section_kind kind;
	int64_t length;

	/* Taken before the recording, or by a trylock. */
	if (i < 0)
		return;
	kind = kind_of(event, held[i].since->caller);
	length = event->time - held[i].since->time - held[i].stolen - held[i].events * cost;
	/* The scheduler takes its lock in one task and releases it in the next. */
	if (kind < SECTION_KINDS && held[i].since->pid == event->pid &&
	    length > longest[kind].length)
		longest[kind] = (struct section){ length, held[i].since->caller };
	memmove(&held[i], &held[i + 1], (--holds - i) * sizeof(held[0]));
}

/* The time of an interrupt is not that of the locks that a task holds. */
static void on_interrupt(const struct event *event)
{
	if (!event->end) {
		if (!interrupt.depth++)
			interrupt.since = event;
		return;
	}
	if (!interrupt.depth || --interrupt.depth)
		return;
	for (int i = 0; i < holds; i++) {
		held[i].stolen += event->time - interrupt.since->time;
		held[i].events -= event - interrupt.since;
	}
}

void section_find(const struct events *events, double cost, struct section longest[SECTION_KINDS])
{
	for (const struct event *e = events->first; e < events->first + events->count; e++) {
		if (e->what == INTERRUPTS)
			on_interrupt(e);
		else if (e->end)
			release(e, cost, longest);
		else
			take(e);
		/* The rest of what it takes to record the first, and the beginning of the last. */
		for (int i = 0; i < holds; i++)
			held[i].events++;
	}
}
