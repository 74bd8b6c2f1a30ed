/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What profile.so uses of QEMU's interface for TCG plugins, version 4 (QEMU 9.1 and
 * later); docs/devel/tcg-plugins of QEMU describes it. Debian packages no header.
 */
#ifndef PROFILE_PLUGIN_API_H
#define PROFILE_PLUGIN_API_H

#include <stddef.h>
#include <stdint.h>

#define PLUGIN_API_VERSION	4

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
struct qemu_info;

/* A counter of each virtual CPU: so far into its element of a scoreboard. */
struct qemu_plugin_counter {
	struct qemu_plugin_scoreboard *scoreboard;
	size_t offset;
};

enum { QEMU_PLUGIN_ADD };
enum { QEMU_PLUGIN_NO_REGISTERS };

typedef void qemu_plugin_translated(uint64_t id, struct qemu_plugin_tb *block);
typedef void qemu_plugin_executed(unsigned int cpu, void *data);

/* Exported by the plugin. */
extern int qemu_plugin_version;
int qemu_plugin_install(uint64_t id, const struct qemu_info *info, int argc, char **argv);

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, qemu_plugin_translated *callback);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t n);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *instruction);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction, void *to, size_t size);

void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *instruction,
					    qemu_plugin_executed *callback, int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline_per_vcpu(struct qemu_plugin_insn *instruction,
							 int operation,
							 struct qemu_plugin_counter counter,
							 uint64_t operand);

struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
void *qemu_plugin_scoreboard_find(struct qemu_plugin_scoreboard *scoreboard, unsigned int cpu);

#endif /* PROFILE_PLUGIN_API_H */
