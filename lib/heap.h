/* SPDX-License-Identifier: MIT */
/*
 * The boundary-tag heap: blocks of any size in spans of pages.
 *
 *	span: | 8 unused | block | block | … | END head |
 *
 * Free blocks hang in lists by size (heap_list.h), found through two
 * levels of bitmaps (M. Masmano et al., "TLSF", ECRTS 2004): a request takes
 * the first block of the first list all of whose blocks fit, in O(1). Freeing
 * merges with both neighbours in O(1) by the tags; a private heap puts that off for a
 * few small blocks (heap_quick.h).
 *
 * Invariants:
 *  H1  blocks fill a span without gaps up to its END head; every head is sound
 *  H2  no two neighbours are both free
 *  H3  PREV_FREE is set exactly behind free blocks, whose footers hold their size
 *  H4  each free block but the wild one is in the list of its size, and a list's bit is
 *      set exactly where the list is not empty
 *  H5  a span's live count is that of its live blocks, and of those that heap_purge has in
 *      hand; no heap keeps two empty spans
 *  H6  in a checked heap live blocks are sealed and free ones poisoned (heap_checked.h)
 *  H7  each quick block is in the list of its size, whose room is short by as many; but for
 *      those that heap_purge has in hand, which are larger
 *
 * All of it belongs to the heap's lock; pages come and go outside it.
 */
#ifndef LIB_HEAP_H
#define LIB_HEAP_H

#include "buddy/arch.h"
#include "buddy/lock.h"
#include "lib/block.h"

#include <kmem/heap.h>
#include <kmem/inspect.h>

#define HEAP_LISTS     256u
#define HEAP_QUICK_MAX 512u /* bytes of the largest quick block */
#define HEAP_QUICKS    (HEAP_QUICK_MAX / BLOCK_ALIGN + 1)
#define HEAP_SPAN_MIN  ((size_t)64 << 10)
#define HEAP_OWN_MIN   ((size_t)128 << 10) /* blocks that have a span of their own */

#define SPAN_TAGS (2 * BLOCK_HEAD) /* 8 unused before the first head, the END head */

struct heap;

struct span {
	struct span *next, *prev; /* guarded by the heap's lock */
	struct heap *heap;
	uintptr_t base;
	size_t nbytes;
	uint32_t live; /* blocks; guarded by the heap's lock */
	bool own;    /* for one large block: it is not kept without, nor does it grow for others */
	bool zeroed; /* its pages read as zeros when it was new */
};

#pragma GCC visibility push(hidden)
extern struct span span_none; /* without a byte */
#pragma GCC visibility pop

struct heap {
	struct kmem_root_heap pub;
	struct lock lock;
	uint8_t fit;	   /* enum kmem_heap_fit; first fit has all blocks in one list */
	uint8_t insertion; /* enum kmem_heap_insertion */
	uint8_t lead;	   /* from a block's head to its payload: BLOCK_HEAD, or CHECKED_LEAD */
	bool private;	   /* the program's own: a struct kmem_heap */
	size_t span_bytes; /* new spans' size, unless a block needs more */
	struct span *spans;
	struct span *empty; /* the one kept without live blocks, or NULL */
	struct span *usual; /* of a private heap, where its last block was; never NULL */
	uint32_t walk_ms;   /* of the last walk that looked for old pages ... */
	uint32_t rest_ms;   /* ... and how long none is worth while, as it found none */
	struct block *last; /* the END head of the span that grows, or NULL; it has ... */
	struct block *wild; /* ... this free block before it, or none: taken when no other fits */
	uint32_t words;	    /* bit per word of filled that is not 0 */
	uint64_t filled[HEAP_LISTS / 64]; /* bit per list that is not empty */
	struct block *lists[HEAP_LISTS];
	uint64_t turn;			  /* block_turn_quick(0) */
	struct block *quick[HEAP_QUICKS]; /* by size in 16 bytes, chained by next */
	uint8_t quick_room[HEAP_QUICKS];  /* how many more each may have */
};

/* Read at any time by those who look on. */
static inline void heap_count(uint64_t *counter, uint64_t add)
{
	arch_subtract(counter, 0 - add);
}

void heap_init(struct heap *heap, const char *name, size_t span_bytes);

static inline bool heap_is_checked(const struct heap *heap)
{
	return heap->lead > BLOCK_HEAD;
}

/* nbytes aligned to align (a power of two from 16 up), or NULL. At most HEAP_BLOCK_MAX. */
#define HEAP_BLOCK_MAX ((size_t)2 << 20)
void *heap_alloc(struct heap *heap, size_t nbytes, size_t align);
/* The same from the spans it has; NULL also if another thread holds its lock: *busy. */
void *heap_alloc_try(struct heap *heap, size_t nbytes, size_t align, bool *busy);
/* malloc's heap whose live block begins at addr; NULL, reported in one line, if none does. */
struct heap *heap_of(const void *addr, const char *doing);
/* The line for a private heap's block in a function that is not for it. */
void heap_report_private(const char *name, const void *addr, const char *doing);
void heap_free(struct heap *heap, void *addr);
/* Make the block hold nbytes where it is; false leaves it as it was. */
bool heap_resize(struct heap *heap, void *addr, size_t nbytes);
size_t heap_usable(const void *addr);

/* Give whole pages inside blocks free for age_ms back to the system, about most; how many. */
size_t heap_purge(struct heap *heap, uint32_t age_ms, size_t most);
/* Give up the span kept without live blocks. */
void heap_drop_empty(struct heap *heap);
/* Walk everything: NULL, or the first broken invariant. */
const char *heap_validate(struct heap *heap);

/* What the functions above are made of, under the heap's lock; sizes are of blocks. */
const char *heap_validate_locked(const struct heap *heap);
/* A live block, its payload aligned; NULL: there is none, or none is found in O(1). */
struct block *heap_take_locked(struct heap *heap, uint32_t size, size_t align);
/* The same, out of this free block, which is large enough. */
struct block *heap_carve_locked(struct heap *heap, struct block *block, uint32_t size,
				size_t align);
/* The same, of the list that good fit does not look into as not all in it fit: a few looks. */
struct block *heap_near_locked(struct heap *heap, uint32_t size, size_t align);
/* The same, which finds one wherever there is one. */
struct block *heap_search_locked(struct heap *heap, uint32_t size, size_t align);
/* Free bytes that such a block may be cut from. */
uint32_t heap_needed(uint32_t size, size_t align);
bool heap_resize_locked(struct heap *heap, struct block *block, uint32_t size);
/* A span of a private heap may grow meanwhile. */
static inline size_t span_bytes(const struct span *span)
{
	return __atomic_load_n(&span->nbytes, __ATOMIC_RELAXED);
}

/* Is it a live block of the span? */
static inline bool heap_is_live(const struct span *span, const struct block *block)
{
	uintptr_t offset = (uintptr_t)block - BLOCK_HEAD - span->base;
	uint64_t head;

	/* Rotated, so that what is not aligned is far out. */
	if ((offset >> 4 | offset << 60) >= (span_bytes(span) - SPAN_TAGS) / BLOCK_ALIGN)
		return false;
	head = block_head(block);
	return !(head & BLOCK_DEAD) && head >> 32 == block_check(block, (uint32_t)head);
}

/* What is wrong with the block that is said to be live, or NULL. */
const char *heap_block_error(const struct span *span, const struct block *block);

#endif
