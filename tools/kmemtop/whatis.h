/* SPDX-License-Identifier: MIT */
/* What an address in another process is. */
#ifndef KMEMTOP_WHATIS_H
#define KMEMTOP_WHATIS_H

#include "target.h"

#include <stdio.h>

/*
 * Lines about the address: whose it is, then, indented, what is known of it. 0, or -errno and
 * t->why.
 */
int whatis_print(FILE *out, struct target *t, uint64_t addr);

/* The address that text names, in C's notation; 0: it names none. */
int whatis_parse(const char *text, uint64_t *addr);

#endif
