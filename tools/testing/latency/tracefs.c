// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <kselftest.h>

#include "die.h"
#include "tracefs.h"

#define TRACEFS		"/sys/kernel/tracing/"
#define STACK_TRACER	"/proc/sys/kernel/stack_tracer_enabled"

/* Enough for the longest recording; one that overflows ends the program. */
#define BUFFER_KB	"65536"

/* Of the probes. */
static const char *const groups[] = { [SPINLOCKS] = "spinlocks", [MUTEXES] = "mutexes",
				      [INTERRUPTS] = NULL };

/* A probe, or an event that the kernel has. */
static const struct probe {
	enum recording what;
	bool end;		/* of what another begins */
	const char *name;	/* the function that is probed, or the event */
} probes[] = {
	{ SPINLOCKS, false, "_raw_spin_lock" },
	{ SPINLOCKS, false, "_raw_spin_lock_bh" },
	{ SPINLOCKS, false, "_raw_spin_lock_irq" },
	{ SPINLOCKS, false, "_raw_spin_lock_irqsave" },
	{ SPINLOCKS, true, "_raw_spin_unlock" },
	{ SPINLOCKS, true, "_raw_spin_unlock_bh" },
	{ SPINLOCKS, true, "_raw_spin_unlock_irq" },
	{ SPINLOCKS, true, "_raw_spin_unlock_irqrestore" },
	{ MUTEXES, false, "mutex_lock" },
	{ MUTEXES, true, "mutex_unlock" },
	{ INTERRUPTS, false, "irq_vectors/local_timer_entry" },
	{ INTERRUPTS, true, "irq_vectors/local_timer_exit" },
	{ INTERRUPTS, false, "irq/softirq_entry" },
	{ INTERRUPTS, true, "irq/softirq_exit" },
};

enum { PROBES = ARRAY_SIZE(probes) };

static int ids[PROBES];
static int tracing_on = -1, pages = -1, stack_max = -1;

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		DIE("%s: %s", path, strerror(errno));
	return fd;
}

static void put(int fd, const char *value)
{
	ssize_t len = strlen(value);

	if (write(fd, value, len) != len)
		DIE("the tracer refuses \"%s\": %s", value, strerror(errno));
}

static void set(const char *path, const char *value)
{
	int fd = open_file(path, O_WRONLY | O_TRUNC);

	put(fd, value);
	close(fd);
}

static long get(int fd)
{
	char value[32] = "";

	if (pread(fd, value, sizeof(value) - 1, 0) < 0)
		DIE("reading the tracer: %s", strerror(errno));
	return atol(value);
}

static void probe_path(const struct probe *probe, const char *file, char path[static PATH_MAX])
{
	bool own = groups[probe->what];

	snprintf(path, PATH_MAX, TRACEFS "events/%s%s%s/%s", own ? groups[probe->what] : "",
		 own ? "/" : "", probe->name, file);
}

static void set_recording(enum recording what, const char *value)
{
	char path[PATH_MAX];

	for (int i = 0; i < PROBES; i++) {
		if (probes[i].what == what || probes[i].what == INTERRUPTS) {
			probe_path(&probes[i], "enable", path);
			set(path, value);
		}
	}
}

static int add_probe(const struct probe *probe)
{
	const char *group = groups[probe->what];
	char text[PATH_MAX];
	int id, fd;

	if (group) {
		fd = open_file(TRACEFS "kprobe_events", O_WRONLY | O_APPEND);
		snprintf(text, sizeof(text), "p:%s/%s %s lock=%%di:x64 caller=$stack0:x64\n",
			 group, probe->name, probe->name);
		put(fd, text);
		close(fd);
	}
	probe_path(probe, "id", text);
	fd = open_file(text, O_RDONLY);
	id = get(fd);
	close(fd);
	return id;
}

void tracefs_init(void)
{
	set(TRACEFS "tracing_on", "0");
	set(TRACEFS "buffer_size_kb", BUFFER_KB);
	set(TRACEFS "trace_clock", "mono");
	set(TRACEFS "kprobe_events", "");
	for (int i = 0; i < PROBES; i++)
		ids[i] = add_probe(&probes[i]);
	tracing_on = open_file(TRACEFS "tracing_on", O_WRONLY);
	pages = open_file(TRACEFS "per_cpu/cpu0/trace_pipe_raw", O_RDONLY | O_NONBLOCK);
	stack_max = open_file(TRACEFS "stack_max_size", O_RDWR);
}

void tracefs_start(enum recording what)
{
	if (what == NOTHING)
		return;
	set_recording(what, "1");
	put(tracing_on, "1");
}

void tracefs_stop(enum recording what)
{
	if (what == NOTHING)
		return;
	put(tracing_on, "0");
	set_recording(what, "0");
}

/* A record of a probe: what all begin with, where it is, its arguments. */
struct record {
	uint16_t type;
	uint8_t flags;
	uint8_t preempt_count;
	int32_t pid;
	uint64_t ip, lock, caller;
};

/* Bits of @flags. */
#define FLAG_IRQS_OFF	0x01
#define FLAGS_INTERRUPT	(0x08 | 0x10 | 0x40)	/* hard, soft, NMI */

static struct events events;

static void append(int64_t time, const struct record *record)
{
	static long room;
	struct event *event;
	int i = 0;

	while (i < PROBES && ids[i] != record->type)
		i++;
	if (i == PROBES)
		return;
	if (events.count == room) {
		room = room ? 2 * room : 4096;
		events.first = realloc(events.first, room * sizeof(*events.first));
	}
	event = &events.first[events.count++];
	*event = (struct event){
		.time = time, .pid = record->pid, .what = probes[i].what, .end = probes[i].end,
		.irqs_off = record->flags & FLAG_IRQS_OFF,
		.in_interrupt = record->flags & FLAGS_INTERRUPT,
	};
	if (event->what != INTERRUPTS) {
		event->lock = record->lock;
		event->caller = record->caller;
	}
}

/* A page of the ring buffer: its time, how much is in it, and that. */
struct page {
	uint64_t time;
	uint64_t commit;
	uint32_t data[1020];
};

#define COMMIT_SIZE	0xfffff
#define COMMIT_MISSED	(1u << 31)

/* The formats of <linux/ring_buffer.h>. */
enum { RECORD_MAX = 28, PADDING, TIME_EXTEND, TIME_STAMP };

static void read_page(const struct page *page, int64_t from, int64_t to)
{
	const uint32_t *word = page->data;
	const uint32_t *end = word + (page->commit & COMMIT_SIZE) / sizeof(*word);
	int64_t time = page->time;

	if (page->commit & COMMIT_MISSED)
		DIE("the tracer's buffer is too small");
	while (word < end) {
		uint32_t type = *word & 31, delta = *word >> 5;
		const void *record = word + 1;

		if (type == TIME_STAMP) {
			time = ((uint64_t)time & ~0ULL << 59) | (uint64_t)word[1] << 27 | delta;
			word += 2;
			continue;
		}
		if (type == PADDING && !delta)
			break;
		time += delta;
		if (type == TIME_EXTEND) {
			time += (uint64_t)word[1] << 27;
			word += 2;
			continue;
		}
		if (type == PADDING || !type) {
			record = word + 2;
			word += 1 + (word[1] + 3) / 4;
			if (type == PADDING)
				continue;
		} else {
			word += 1 + type;
		}
		if (time >= from && time <= to)
			append(time, record);
	}
}

struct events tracefs_events(int64_t from, int64_t to)
{
	static struct page page;
	ssize_t len;

	events.count = 0;
	while ((len = read(pages, &page, sizeof(page))) == sizeof(page))
		read_page(&page, from, to);
	if (len > 0 || (len < 0 && errno != EAGAIN))
		DIE("reading the tracer's buffer: %s", len > 0 ? "not a page" : strerror(errno));
	return events;
}

void stack_trace(bool on)
{
	set(STACK_TRACER, on ? "1" : "0");
}

void stack_reset(void)
{
	put(stack_max, "0");
}

long stack_depth(void)
{
	return get(stack_max);
}
