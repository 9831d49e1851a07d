/* SPDX-License-Identifier: MIT */
/*
 * The small blocks of a zone: binary buddies (K. C. Knowlton, 1965) of orders 0 to
 * CHUNK_ORDER - 1 in chunks of CHUNK_PAGES, naturally aligned, that are taken from
 * the runs and go back to them once all their pages are free. One such chunk, the
 * spare, waits until a run needs it; a block of order CHUNK_ORDER is all of it.
 *
 *	0         5   6       8               16                              32
 *	|  used   | 0 |   1   |       3       |               4               |
 *
 * A block's buddy is at index ^ (1 << order). What a request leaves of its block, as
 * in the drawing one of five pages, is free at once as blocks of lower orders. As
 * among runs, dirty and clean blocks do not merge. A block in use lies in one chunk
 * or in none, so that its first page tells which level it is of.
 */
#ifndef BUDDY_CHUNK_H
#define BUDDY_CHUNK_H

#include "buddy/zone.h"

/* The chunk of a page: 0, none, or CHUNK_FULL and its free pages. */
static inline uint8_t *chunk_count(const struct zone *zone, uint32_t index)
{
	return zone->chunk - (index >> CHUNK_ORDER);
}

/* Whether the page lies in a chunk. */
static inline bool chunk_holds(const struct zone *zone, uint32_t index)
{
	return *chunk_count(zone, index) != 0;
}

/* Whether a request is one for chunks: a block for it is at most half of one. */
static inline bool chunk_serves(size_t npages, size_t align_pages)
{
	return npages <= CHUNK_PAGES / 2 && align_pages <= CHUNK_PAGES / 2;
}

/* Take npages aligned to align_pages out of the least block of the state; LIST_END if none fits. */
uint32_t chunk_take(struct zone *zone, size_t npages, size_t align_pages, enum block_state state);
/* Pages taken from the runs, aligned, are a chunk now, the first npages of it in use. */
void chunk_open(struct zone *zone, uint32_t index, size_t npages, enum block_state state);
/* The spare chunk to the runs, if there is one. */
bool chunk_return_spare(struct zone *zone);
/* As zone_insert and zone_claim, in a chunk. A claim ends where the chunk does. */
void chunk_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		  uint32_t stamp);
bool chunk_claim(struct zone *zone, uint32_t index, size_t npages);
/* Take free blocks of one state, npages in all, off their lists, leaving them one PAGE_BUSY. */
void chunk_remove(struct zone *zone, uint32_t index, uint32_t npages);

/* Pages are free again, on the level they are of. */
static inline void chunk_or_zone_insert(struct zone *zone, uint32_t index, size_t npages,
					enum block_state state, uint32_t stamp)
{
	if (chunk_holds(zone, index))
		chunk_insert(zone, index, npages, state, stamp);
	else
		zone_insert(zone, index, npages, state, stamp);
}

#endif
