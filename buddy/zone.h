/* SPDX-License-Identifier: MIT */
/*
 * A zone: one reserved range of addresses within a GiB, aligned to its first size,
 * and the free blocks in the part of it that is committed.
 *
 *	base                     committed                          base + npages
 *	|  blocks, free or in use    |  reserved, no memory, no descriptors  |
 *
 * A free block is any number of pages, and its first and its last descriptor
 * say how many, so that a run that becomes free finds both neighbours and is one
 * block with them (boundary tags: D. E. Knuth, TAOCP vol. 1, 2.5). Free blocks
 * hang in lists by size: one for each number of pages to 15, then eight to each
 * doubling; and by state: dirty as the last owner left them, or clean, reading as
 * zeros. Blocks of different states stay apart, since the sum would not know that
 * it is zero, until purging makes them alike; but a request may span them.
 *
 * Invariants:
 *  Z1  a free block's first and last descriptor say its state and length; no
 *      other descriptor of its pages has a kind
 *  Z2  no two free blocks of one state touch
 *  Z3  a list's mask bit is set exactly where the list is not empty
 *  Z4  dirty and clean count the pages in the lists
 *
 * All of it belongs to the page lock (buddy.c), but what the root publishes is
 * read by inspectors at any time.
 */
#ifndef BUDDY_ZONE_H
#define BUDDY_ZONE_H

#include "buddy/pagemap.h"

#include <kmem/inspect.h>
#include <stdbool.h>

#define ZONE_LISTS 129u /* the last for a block of a GiB */
#define ZONE_WORDS ((ZONE_LISTS + 63) / 64)
#define LIST_END   UINT32_MAX

enum block_state { BLOCK_DIRTY, BLOCK_CLEAN, BLOCK_STATES };

struct block_list {
	uint32_t head, tail; /* tail: longest free */
};

struct zone {
	struct kmem_root_zone pub;
	struct page *pages; /* descriptor of the first page */
	uint64_t mask[BLOCK_STATES][ZONE_WORDS];
	struct block_list lists[BLOCK_STATES][ZONE_LISTS];
};

/* A zone over a reserved, covered range. */
void zone_init(struct zone *zone, void *base, size_t npages);
/* Raise the watermark to npages at least. 0, -ENOSPC: no room, -ENOMEM: refused. */
int zone_grow(struct zone *zone, uint64_t npages);
/* Take npages aligned to align_pages out of one free block of the state; LIST_END if none fits. */
uint32_t zone_take(struct zone *zone, size_t npages, size_t align_pages, enum block_state state);
/* The same, unaligned, from a large block of the state and the free ones next to it. */
uint32_t zone_take_joined(struct zone *zone, size_t npages, enum block_state state);
/* The first page of the free ones just below the watermark, of any state, or of one. */
uint32_t zone_top(const struct zone *zone);
uint32_t zone_top_clean(const struct zone *zone);
/* Take npages from index on, all of them, and all behind them, free. */
void zone_take_top(struct zone *zone, uint32_t index, size_t npages);
/* Add a run of free pages, merging. */
void zone_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		 uint32_t stamp);
/*
 * Take exactly the pages [index, index + npages) if all are free; else change
 * nothing. No free block begins before index and holds it.
 */
bool zone_claim(struct zone *zone, uint32_t index, size_t npages);
/* Take one block off its list, leaving it PAGE_BUSY. */
void zone_remove(struct zone *zone, uint32_t index);
/* Walk the zone; NULL, or the first invariant that does not hold. */
const char *zone_check(const struct zone *zone);

/* The count of free pages of a state. */
static inline uint64_t *zone_free_pages(struct zone *zone, enum block_state state)
{
	return state == BLOCK_CLEAN ? &zone->pub.clean : &zone->pub.dirty;
}

/* The list of blocks of npages. */
static inline unsigned zone_list(size_t npages)
{
	unsigned log = npages < 16 ? 3 : 63 - (unsigned)__builtin_clzl(npages);

	return (log - 3) * 8 + (unsigned)(npages >> (log - 3));
}

static inline struct zone *zone_next(const struct zone *zone)
{
	return (struct zone *)__atomic_load_n(&zone->pub.next, __ATOMIC_ACQUIRE);
}

static inline bool zone_holds(const struct zone *zone, const void *addr)
{
	uint64_t npages = __atomic_load_n(&zone->pub.npages, __ATOMIC_RELAXED); /* it may widen */

	return (uintptr_t)addr - zone->pub.base < npages << PAGE_SHIFT;
}

static inline void *zone_address(const struct zone *zone, uint32_t index)
{
	return (void *)(uintptr_t)(zone->pub.base + ((uint64_t)index << PAGE_SHIFT));
}

static inline uint32_t zone_index(const struct zone *zone, const void *addr)
{
	return (uint32_t)(((uintptr_t)addr - zone->pub.base) >> PAGE_SHIFT);
}

#endif
