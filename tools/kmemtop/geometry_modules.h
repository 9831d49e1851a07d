/* SPDX-License-Identifier: MIT */
/* What is mapped where in a process, and of code which file, place and function. */
#ifndef KMEMTOP_GEOMETRY_MODULES_H
#define KMEMTOP_GEOMETRY_MODULES_H

#include "target.h"

struct symbols;

struct module_mapping {
	uint64_t start, end;
	uint64_t offset; /* in the file */
	uint64_t bias;	 /* address less this: the file's own address, as addr2line takes it */
	uint64_t inode;	 /* 0: unknown */
	char access[5];
	char *path;    /* as the process sees it; "" for none */
	char name[64]; /* the path's last part, printable */
};

struct modules {
	struct module_mapping *mappings; /* by address */
	size_t n;
	char root[32];		 /* goes before paths */
	struct symbols *symbols; /* NULL: not asked for yet */
};

/* 0, or -errno and t->why; to be freed in either case. */
int modules_read(struct modules *m, struct target *t);
void modules_free(struct modules *m);
/* NULL: nothing is mapped there. */
const struct module_mapping *modules_at(const struct modules *m, uint64_t addr);

#define MODULE_LINE 512

/*
 * "name+0x1234 function file:line", as much of it as is known, printable; returns text,
 * which has MODULE_LINE bytes. The address is one that a call returns to.
 */
char *modules_format(struct modules *m, uint64_t addr, char *text);

#endif
