/* SPDX-License-Identifier: MIT */
/*
 * The program, library or vdso that an address lies in, with its file if that is still what was
 * loaded: one that has been replaced since, as by an upgrade, would give wrong names.
 *
 * Found by the C library's _dl_find_object (glibc 2.35), which takes no lock; elsewhere no
 * address has a module. Who asks for one that another thread unloads just then gets anything.
 */
#ifndef BUDDY_SYMBOL_MODULE_H
#define BUDDY_SYMBOL_MODULE_H

#include "buddy/symbol_elf.h"

#define SYMBOL_PATH_MAX 4096

struct symbol_module {
	uintptr_t begin, end; /* addresses; 0, 0: none is known */
	uintptr_t bias;	      /* from the file's addresses to those in memory */
	const char *name;     /* the last part of its path */
	bool is_main;
	bool has_file;		    /* … and it is ours to close, or an image */
	char path[SYMBOL_PATH_MAX]; /* by which others find the file; "": they cannot */
	struct symbol_file file;
};

/* What a module has to be before its first use. */
void symbol_module_begin(struct symbol_module *module);
/* Make it that of the address, if it is not already; false: there is none. */
bool symbol_module_at(struct symbol_module *module, uintptr_t address);
void symbol_module_end(struct symbol_module *module);

/* Its path as the loader has it, or the program's as it was started; NULL: there is none. */
const char *symbol_module_path(uintptr_t address);

#endif
