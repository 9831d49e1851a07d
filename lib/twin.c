// SPDX-License-Identifier: MIT
/* Look for another core's note among the loaded modules: see twin.h. */
#include "lib/twin.h"

#include "buddy/report.h"
#include "buddy/root.h"

#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <unistd.h>

/* Called by dl_iterate_phdr for each module. */
static int look(struct dl_phdr_info *module, size_t nbytes, void *found)
{
	(void)nbytes;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &module->dlpi_phdr[i];
		const struct kmem_root *root;

		if (segment->p_type != PT_NOTE)
			continue;
		root = root_in_notes((const char *)module->dlpi_addr + segment->p_vaddr,
				     segment->p_memsz);
		if (root && root != &root_record) {
			*(const char **)found = module->dlpi_name;
			return 1;
		}
	}
	return 0;
}

void twin_check(void)
{
	const char *other = NULL;

	if (!dl_iterate_phdr(look, &other))
		return;
	report("a second core is in this process, in %s: load or link one libkmem only",
	       other && other[0] ? other : "the program itself");
	_exit(1);
}
