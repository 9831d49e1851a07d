/* SPDX-License-Identifier: MIT */
/* A snapshot in the forms that other programs read. */
#ifndef KMEMTOP_BATCH_H
#define KMEMTOP_BATCH_H

#include "geometry.h"
#include "snapshot.h"

#include <stdio.h>

/* json.c: one object, one line, as kmem_stats_print writes it. Sorts the caches by id. */
void batch_json(FILE *out, struct snapshot *s);
/* Printable text in quotes; what would end it is escaped, as JSON and OpenMetrics want it. */
void batch_quote(FILE *out, const char *text);

/* kernel_files.c: as /proc/slabinfo 2.1 and /proc/buddyinfo read. */
void batch_slabinfo(FILE *out, const struct snapshot *s);
void batch_buddyinfo(FILE *out, const struct geometry *g);

/* openmetrics.c: what Prometheus' text format and OpenMetrics have in common. */
struct batch_process {
	struct snapshot s;
	char name[17]; /* printable, or empty: unknown */
};
void batch_openmetrics(FILE *out, const struct batch_process *list, size_t n);

#endif
