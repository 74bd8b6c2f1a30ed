// SPDX-License-Identifier: GPL-2.0
/*
 * profile.so: a plugin of QEMU that counts how often each instruction of a guest is
 * executed, between the marks of tools/testing/bench/marker.h. One virtual CPU.
 *
 * Its one argument, out=PATH, names the file to write: "section" begins what was between
 * a start and the next stop, then a line for each instruction has its address and count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marker.h"
#include "plugin_api.h"

/* More than a guest executes, of different addresses, from its boot to its end. */
enum { SLOTS = 1 << 21 };

int qemu_plugin_version = PLUGIN_API_VERSION;

/* A hash table: the addresses in it, and a counter for each. */
static uint64_t addresses[SLOTS];
static struct qemu_plugin_scoreboard *counters;
static uint64_t *before;	/* the counters at the start of a section */
static FILE *out;

static void die(const char *what)
{
	fprintf(stderr, "profile.so: %s\n", what);
	exit(1);
}

static size_t slot_of(uint64_t address)
{
	size_t slot = (address * 0x9e3779b97f4a7c15) >> 43;
	static size_t used;

	while (addresses[slot] && addresses[slot] != address)
		slot = (slot + 1) % SLOTS;
	if (!addresses[slot]) {
		if (++used == SLOTS)
			die("the guest has executed too much code");
		addresses[slot] = address;
	}
	return slot;
}

static void start(unsigned int cpu, void *data)
{
	(void)data;
	memcpy(before, qemu_plugin_scoreboard_find(counters, cpu), SLOTS * sizeof(*before));
}

static void stop(unsigned int cpu, void *data)
{
	const uint64_t *now = qemu_plugin_scoreboard_find(counters, cpu);

	(void)data;
	fprintf(out, "section\n");
	for (size_t i = 0; i < SLOTS; i++) {
		if (now[i] != before[i])
			fprintf(out, "%llx %llu\n", (unsigned long long)addresses[i],
				(unsigned long long)(now[i] - before[i]));
	}
	if (fflush(out))
		die(strerror(errno));
}

/* nopl displacement(%rax) is 0f 1f 80 and the displacement. */
static void look_for_mark(struct qemu_plugin_insn *instruction)
{
	unsigned char code[7];
	uint32_t displacement;

	if (qemu_plugin_insn_data(instruction, code, sizeof(code)) != sizeof(code) ||
	    memcmp(code, "\x0f\x1f\x80", 3))
		return;
	memcpy(&displacement, code + 3, sizeof(displacement));
	if (displacement == MARKER_START || displacement == MARKER_STOP)
		qemu_plugin_register_vcpu_insn_exec_cb(instruction,
						       displacement == MARKER_START ? start : stop,
						       QEMU_PLUGIN_NO_REGISTERS, NULL);
}

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
	size_t n = qemu_plugin_tb_n_insns(block);

	(void)id;
	for (size_t i = 0; i < n; i++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, i);
		struct qemu_plugin_counter counter = { .scoreboard = counters };
		uint64_t address = qemu_plugin_insn_vaddr(instruction);

		look_for_mark(instruction);
		counter.offset = slot_of(address) * sizeof(uint64_t);
		qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(instruction, QEMU_PLUGIN_ADD,
								    counter, 1);
	}
}

__attribute__((visibility("default")))
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		die("the argument is out=PATH");
	out = fopen(argv[0] + 4, "w");
	if (!out)
		die(strerror(errno));
	counters = qemu_plugin_scoreboard_new(SLOTS * sizeof(uint64_t));
	before = calloc(SLOTS, sizeof(*before));
	if (!before)
		die("no memory");
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
