/* SPDX-License-Identifier: MIT */
/* kmem-symbols, asked for functions and lines: what it reads of a stranger's files is its affair.
 */
#ifndef KMEMTOP_GEOMETRY_SYMBOLS_H
#define KMEMTOP_GEOMETRY_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols;

/* The one that KMEM_SYMBOLS names, or beside kmemtop. One that answers nothing if there is
 * none; NULL: no memory. */
struct symbols *symbols_start(void);
void symbols_stop(struct symbols *s);

/*
 * "function file:line", of functions inlined there " < " and the next outer one. 0: nothing
 * is known. It waits for an answer for two seconds, once.
 */
int symbols_ask(struct symbols *s, const char *path, uint64_t addr, char *text, size_t size);

#endif
