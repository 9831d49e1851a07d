/* SPDX-License-Identifier: MIT */
/* slabtop's lines of totals, for standard output and for the screen. */
#ifndef KMEMTOP_TABLE_H
#define KMEMTOP_TABLE_H

#include "columns.h"

#include <stdio.h>

#define TABLE_NHEADERS 5   /* lines of totals */
#define TABLE_LINE     256 /* room for any of them */

/* Without newline. */
void table_header(char *line, const struct snapshot *s, int which, enum units units);

/* Everything, as `slabtop -o` prints it. */
void table_print(FILE *out, const struct snapshot *s, enum units units);

#endif
