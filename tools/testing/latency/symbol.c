// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "die.h"
#include "symbol.h"

static struct symbol *symbols;
static long count;

static int by_address(const void *a, const void *b)
{
	const struct symbol *left = a, *right = b;

	return (left->address > right->address) - (left->address < right->address);
}

void symbol_init(void)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[1024], name[512], module[64];
	unsigned long long address;
	long room = 0;

	if (!file)
		DIE("no /proc/kallsyms");
	while (fgets(line, sizeof(line), file)) {
		int fields = sscanf(line, "%llx %*c %511s [%63[^]]", &address, name, module);

		/* The classes of locks have no size without lockdep, and the address of another. */
		if (fields < 2 || !address || strstr(name, "14get_lock_class5CLASS"))
			continue;
		if (count == room) {
			room = room ? 2 * room : 65536;
			symbols = realloc(symbols, room * sizeof(*symbols));
		}
		symbols[count++] = (struct symbol){
			.address = address, .name = strdup(name),
			.ours = fields == 3 && !strcmp(module, "repoll"),
		};
	}
	fclose(file);
	if (!count)
		DIE("/proc/kallsyms shows no addresses: run as root");
	qsort(symbols, count, sizeof(*symbols), by_address);
}

const struct symbol *symbol_at(uint64_t address)
{
	static const struct symbol none = { .name = "?" };
	long low = 0, high = count;

	while (low < high) {
		long middle = (low + high) / 2;

		if (symbols[middle].address <= address)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &symbols[low - 1] : &none;
}
