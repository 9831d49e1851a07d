/* SPDX-License-Identifier: MIT */
/*
 * The columns of a cache's row, in sets: slabtop's first, then what moves, then where
 * the memory is. The name is always the last, and gets what width is left.
 */
#ifndef KMEMTOP_COLUMNS_H
#define KMEMTOP_COLUMNS_H

#include "snapshot.h"
#include "units.h"

#define COLUMNS_MAX  16
#define COLUMNS_LINE 512 /* room for any line */

enum column_set {
	COLUMNS_SLABTOP,
	COLUMNS_ACTIVITY,
	COLUMNS_MEMORY,
	COLUMNS_NSETS,
};

struct column;

struct columns {
	const struct column *list[COLUMNS_MAX];
	size_t n;
};

/* Those of the set that fit into a width; the first set takes in others' where it is wide. */
void columns_choose(struct columns *c, enum column_set set, int width);
void columns_titles(char *line, const struct columns *c);
void columns_row(char *line, const struct columns *c, const struct cache_view *v, enum units units);
/* Where the column that a key sorts by begins: its width, or 0 if it is not among them. */
int columns_find(const struct columns *c, int key, int *x);

/* Whether key sorts: slabtop's a b c l v n o p s u, and k w r g e; either case. */
int columns_key_is_valid(int key);
/* Whether it sorts by what one snapshot alone does not tell. */
int columns_key_needs_time(int key);
void columns_sort(struct snapshot *s, int key);

/* What a cache's memory is: live + rounding + parked + free + tail = its slabs. */
struct cache_memory {
	double live;	 /* what was asked for */
	double rounding; /* of live objects, up to the stride */
	double parked;
	double free;
	double tail; /* of slabs, where no object fits */
};
struct cache_memory columns_memory(const struct cache_view *v);
double columns_cache_nbytes(const struct cache_view *v);
double columns_wasted_nbytes(const struct cache_view *v);
/* Whole per cent, rounded down: 100 means all. */
unsigned int columns_use_percent(const struct cache_view *v);

#endif
