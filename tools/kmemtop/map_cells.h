/* SPDX-License-Identifier: MIT */
/* What each cell of the map shows. */
#ifndef KMEMTOP_MAP_CELLS_H
#define KMEMTOP_MAP_CELLS_H

#include "geometry.h"

struct map_cell {
	enum geometry_kind kind; /* what has most of its pages */
	uint32_t rank;		 /* of a slab's cache */
	unsigned shade;		 /* 0 to 4: how much is in use */
};

struct map_cells {
	size_t width;	 /* cells in a row */
	uint64_t npages; /* in a cell */
	struct map_cell *cells;
	uint32_t *by_rank; /* caches with slabs, those with most bytes first */
	uint32_t *rank;	   /* by cache */
	size_t nranked;
	uint64_t *pages, *used; /* while a cell is filled: by what is in it, bytes */
	size_t nkeys;
};

/* All zones in about so many rows. 0 or -ENOMEM. */
int cells_init(struct map_cells *m, const struct geometry *g, size_t width, size_t nrows);
void cells_free(struct map_cells *m);
/* Fills m->cells with those of a zone, and says how many. */
size_t cells_of_zone(struct map_cells *m, const struct geometry *g, const struct geometry_zone *z);

#endif
