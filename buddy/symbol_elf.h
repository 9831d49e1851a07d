/* SPDX-License-Identifier: MIT */
/*
 * The function at an address, out of an ELF file's .symtab or else its .dynsym.
 *
 * A file is read, not mapped: what is cut short while we look would end us by SIGBUS, where a
 * read only fails; and mappings may be what the process has run out of. Nothing in it is
 * trusted: each place is read by symbol_read, which knows the bounds, and each loop has a limit
 * of its own. What is damaged has no symbol, or a wrong one, never more than that.
 */
#ifndef BUDDY_SYMBOL_ELF_H
#define BUDDY_SYMBOL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SYMBOL_NAME_MAX 256
#define SYMBOL_READ_MAX 16384

/* An image in memory of nbytes, or, where that is NULL, an open file with a part of it read. */
struct symbol_file {
	const void *image;
	size_t nbytes;
	long fd;
	uint64_t at; /* offset of what is in buf */
	size_t nread;
	unsigned char buf[SYMBOL_READ_MAX];
};

/* Addresses as the file has them, before it is moved to where it is loaded. */
struct symbol {
	uintptr_t start;
	size_t nbytes; /* 0: the file does not say */
	char name[SYMBOL_NAME_MAX];
};

/* All nbytes at offset, or nothing; SYMBOL_READ_MAX at most. */
bool symbol_read(struct symbol_file *file, uint64_t offset, void *to, size_t nbytes);
bool symbol_find(struct symbol_file *file, uintptr_t address, struct symbol *symbol);

#endif
