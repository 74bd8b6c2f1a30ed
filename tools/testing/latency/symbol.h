/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's symbols, and those of its modules. */
#ifndef LATENCY_SYMBOL_H
#define LATENCY_SYMBOL_H

#include <stdbool.h>
#include <stdint.h>

struct symbol {
	uint64_t address;
	char *name;
	bool ours;		/* of the module */
};

void symbol_init(void);

/* The last symbol that is not behind @address. */
const struct symbol *symbol_at(uint64_t address);

/* The linker's: where the code of this program begins and ends. */
extern char __executable_start[], etext[];

#endif /* LATENCY_SYMBOL_H */
