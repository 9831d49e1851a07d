/* SPDX-License-Identifier: MIT */
/* The list of processes, line by line, as table.h has a process's caches. */
#ifndef KMEMTOP_PROCESS_TABLE_H
#define KMEMTOP_PROCESS_TABLE_H

#include "processes.h"

#include <stdio.h>

/* Lines without newline have room for COLUMNS_LINE; headers are TABLE_NHEADERS. */
void process_table_header(char *line, const struct processes *p, int which);
void process_table_titles(char *line);
void process_table_row(char *line, const struct process_view *v);
/* By one of table's keys; those that mean nothing here sort by objects. */
void process_table_sort(struct processes *p, int key);
void process_table_print(FILE *out, const struct processes *p);

#endif
