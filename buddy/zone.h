/* SPDX-License-Identifier: MIT */
/*
 * A zone: one reserved range of addresses, aligned to its size, and the free
 * blocks in the part of it that is committed.
 *
 *	base                     committed                          base + npages
 *	|  blocks, free or in use    |  reserved, no memory, no descriptors  |
 *
 * Free blocks are powers of two of pages, naturally aligned, in lists by order
 * and by state: dirty as the last owner left them, or clean, reading as zeros.
 * Buddies merge only in the same state, until purging makes them alike, or a
 * request finds no block large enough (K. C. Knowlton, "A Fast Storage Allocator", CACM 1965).
 *
 * Invariants:
 *  Z1  every free block's first descriptor says its state and order; no other
 *      descriptor of its pages has a kind
 *  Z2  no two free buddies of one order and state exist
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

#define ZONE_ORDER_MAX (LEAF_SHIFT - PAGE_SHIFT) /* a GiB */
#define LIST_END       UINT32_MAX

enum block_state { BLOCK_DIRTY, BLOCK_CLEAN, BLOCK_STATES };

struct block_list {
	uint32_t head, tail; /* tail: longest free */
};

struct zone {
	struct kmem_root_zone pub;
	struct page *pages; /* descriptor of the first page */
	uint32_t mask[BLOCK_STATES];
	struct block_list lists[BLOCK_STATES][ZONE_ORDER_MAX + 1];
};

/* A zone over a reserved, covered range. */
void zone_init(struct zone *zone, void *base, size_t npages);
/* Raise the watermark so that a block of order fits above it. 0, -ENOSPC: no room, -ENOMEM:
 * refused. */
int zone_grow(struct zone *zone, unsigned order);
/* Take a free block of the order off its list, splitting a larger one; LIST_END if none. */
uint32_t zone_take(struct zone *zone, unsigned order, enum block_state state);
/* Add a run of free pages, merging. */
void zone_insert(struct zone *zone, uint32_t index, size_t npages, enum block_state state,
		 uint32_t stamp);
/* Take exactly the pages [index, index + npages) if all are free; else change nothing. */
bool zone_claim(struct zone *zone, uint32_t index, size_t npages);
/* Merge dirty blocks with clean buddies too, as dirty: where larger blocks are wanted. */
void zone_coalesce(struct zone *zone);
/* Take one block off its list, leaving it PAGE_BUSY. */
void zone_remove(struct zone *zone, uint32_t index);
/* Walk the zone; NULL, or the first invariant that does not hold. */
const char *zone_check(const struct zone *zone);

static inline struct zone *zone_next(const struct zone *zone)
{
	return (struct zone *)__atomic_load_n(&zone->pub.next, __ATOMIC_ACQUIRE);
}

static inline bool zone_holds(const struct zone *zone, const void *addr)
{
	return (uintptr_t)addr - zone->pub.base < zone->pub.npages << PAGE_SHIFT;
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
