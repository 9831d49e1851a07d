/* SPDX-License-Identifier: MIT */
/* slabtop's table, line by line: for standard output and for the screen. */
#ifndef KMEMTOP_TABLE_H
#define KMEMTOP_TABLE_H

#include "snapshot.h"

#include <stdio.h>

#define TABLE_NHEADERS 5   /* lines of totals */
#define TABLE_LINE     256 /* room for any line */

enum table_units {
	TABLE_KIB,   /* as slabtop: 0.12K, 1024K */
	TABLE_HUMAN, /* 128B, 1.0M */
};

/* Whether key is one of slabtop's letters a b c l v n o p s u; either case. */
int table_key_is_valid(int key);
void table_sort(struct snapshot *s, int key);

/* Without newlines, at most TABLE_LINE with the terminator. */
void table_header(char *line, const struct snapshot *s, int which, enum table_units units);
void table_titles(char *line);
void table_row(char *line, const struct cache_view *v, enum table_units units);

/* One amount for any place, TABLE_LINE at most; returns text. */
char *table_nbytes(char *text, uint64_t nbytes);

/* Everything, as `slabtop -o` prints it. */
void table_print(FILE *out, const struct snapshot *s, enum table_units units);

#endif
