/* SPDX-License-Identifier: MIT */
/*
 * A zone: one reserved range of addresses within a GiB, aligned to its first size,
 * and the free pages in the part of it that is committed, on two levels.
 *
 *	base                                  committed                  base + npages
 *	|  runs  | chunk | runs | chunk | chunk |  reserved, no memory, no descriptors  |
 *
 * This file has the *runs*. A free one is any number of pages, and its first and
 * its last descriptor say how many, so that pages that become free find both
 * neighbours and are one run with them (boundary tags: D. E. Knuth, TAOCP vol. 1,
 * 2.5). Free runs hang in lists by size: one for each number of pages to 15, then
 * eight to each doubling; and by state: dirty as the last owner left them, or clean,
 * reading as zeros. Runs of different states stay apart, since the sum would not know
 * that it is zero, until purging makes them alike; but a request may span them.
 *
 * Small requests come from *chunks* (chunk.h), which are cut from the runs and
 * hold binary buddies.
 *
 * Invariants:
 *  Z1  a free run's first and last descriptor say its state and length; no
 *      other descriptor of its pages has a kind
 *  Z2  no two free runs of one state touch
 *  Z3  a list's mask bit is set exactly where the list is not empty, on both levels
 *  Z4  dirty and clean count the pages in the lists of both levels
 *  Z5  a free block of a chunk is 2^order pages, aligned to as many; its first
 *      descriptor says its state and length, no other of its pages has a kind
 *  Z6  no block of a chunk and its buddy are both free in one state
 *  Z7  a chunk's count is that of its free pages; all of them only in the spare one
 *  Z8  no free run has a page in a chunk
 *
 * All of it belongs to the page lock (buddy.h), but what the root publishes is
 * read by inspectors at any time.
 */
#ifndef BUDDY_ZONE_H
#define BUDDY_ZONE_H

#include "buddy/block_list.h"

#include <kmem/inspect.h>
#include <stdbool.h>

#define ZONE_LISTS 129u /* the last for a block of a GiB */
#define ZONE_WORDS ((ZONE_LISTS + 63) / 64)

/* 128 KiB: measured against 256 in docs/design.md. */
#define CHUNK_ORDER 5
#define CHUNK_PAGES (1u << CHUNK_ORDER)
#define CHUNK_FULL  1u /* the entry of a chunk without free pages; each adds one, 0 is no chunk */

enum block_state { BLOCK_DIRTY, BLOCK_CLEAN, BLOCK_STATES };

struct zone {
	struct kmem_root_zone pub;
	struct page *pages; /* descriptor of the first page */
	uint8_t *chunk;	    /* of the first chunk; the others' lie before it (chunk.h) */
	uint32_t place;	    /* place.h; 0 of most */
	int32_t node;	    /* of that place, -1: not one, or not known; read by inspectors */
	uint64_t mask[BLOCK_STATES][ZONE_WORDS];
	uint32_t orders[BLOCK_STATES]; /* a bit for each list of buddies that is not empty */
	uint32_t spare; /* the chunk kept though all free, its first page, or LIST_END */
	struct block_list buddies[BLOCK_STATES][CHUNK_ORDER + 1];
	struct block_list lists[BLOCK_STATES][ZONE_LISTS]; /* of runs */
};

/* A zone, its record all zeros, over a reserved, covered range. */
void zone_init(struct zone *zone, void *base, size_t npages);
/* Pages to commit at a time: 256 KiB to 16 MiB, an eighth of what is committed. */
#define GROW_MIN 64u
#define GROW_MAX 4096u
/* Raise the watermark to npages at least. 0, -ENOSPC: no room, -ENOMEM: refused. */
int zone_grow(struct zone *zone, uint64_t npages);
/* Take npages aligned to align_pages out of one free run of the state; LIST_END if none fits. */
uint32_t zone_take(struct zone *zone, size_t npages, size_t align_pages, enum block_state state);
/* The same, unaligned, from a large run of the state and the free ones next to it. */
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
 * nothing. No free run begins before index and holds it.
 */
bool zone_claim(struct zone *zone, uint32_t index, size_t npages);
/* Take one run off its list, leaving it PAGE_BUSY. */
void zone_remove(struct zone *zone, uint32_t index);
/* Walk the zone, both levels; NULL, or the first invariant that does not hold. */
const char *zone_check(const struct zone *zone);

/* The count of free pages of a state. */
static inline uint64_t *zone_free_pages(struct zone *zone, enum block_state state)
{
	return state == BLOCK_CLEAN ? &zone->pub.clean : &zone->pub.dirty;
}

static inline void zone_count(struct zone *zone, enum block_state state, uint64_t add)
{
	uint64_t *count = zone_free_pages(zone, state);

	__atomic_store_n(count, *count + add, __ATOMIC_RELAXED);
}

/* Pages that may be resident: in use, dirty, or in hand to be given back. Of any thread. */
static inline size_t zone_resident(const struct zone *zone)
{
	return __atomic_load_n(&zone->pub.committed, __ATOMIC_RELAXED) -
	       __atomic_load_n(&zone->pub.clean, __ATOMIC_RELAXED);
}

/* The list of runs of npages. */
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

/* The block of npages at index is in use. */
static inline void zone_mark(struct zone *zone, uint32_t index, size_t npages, enum page_kind kind)
{
	struct page *page = &zone->pages[index];

	page->kind = (uint8_t)kind;
	page->npages = (uint32_t)npages;
	page->mapped = 0;
}

static inline uint32_t zone_index(const struct zone *zone, const void *addr)
{
	return (uint32_t)(((uintptr_t)addr - zone->pub.base) >> PAGE_SHIFT);
}

#endif
