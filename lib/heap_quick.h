/* SPDX-License-Identifier: MIT */
/*
 * Quick lists of a heap: blocks that were freed and not merged yet, a few of each small size, for
 * the next request of that size (Ch. Weinstock, W. Wulf, "Quick Fit", SIGPLAN Notices 23(10),
 * 1988). They are merged now and then when the heap grows, before it refuses a request, and before
 * a span leaves it: as their number is bounded, in O(1). To the counts of live blocks they are
 * free.
 *
 * The heap's lock is held throughout.
 */
#ifndef LIB_HEAP_QUICK_H
#define LIB_HEAP_QUICK_H

#include "lib/heap_span.h"

#define HEAP_QUICK_MOST 64u /* of a size */

/* Let the heap have them. */
void heap_quick_allow(struct heap *heap);
/* Of a heap that is emptied: there are none. */
void heap_quick_forget(struct heap *heap);
/* They become free blocks like all others. */
void heap_quick_merge(struct heap *heap);
/* A pop found none though there is one: it was written to while it was free, or is none. */
void heap_quick_broken(struct heap *heap, uint32_t size);

/* A live block of up to HEAP_QUICK_MAX bytes; NULL: there is none, or the first is broken. */
static inline struct block *heap_quick_pop(struct heap *heap, uint32_t size)
{
	unsigned index = size / BLOCK_ALIGN;
	struct block *block = heap->quick[index];
	uint64_t head;

	if (!block)
		return NULL;
	head = block_head(block) ^ heap->turn;
	if (__builtin_expect(((uint32_t)head & ~BLOCK_PREV_FREE) != size ||
				     head >> 32 != block_check(block, (uint32_t)head),
			     0))
		return NULL;
	heap->quick[index] = block->next;
	heap->quick_room[index]++;
	block_put_head(block, head);
	heap_use(heap, heap_span_of(heap, block), size);
	return block;
}

/* The live block of the span is freed; false: not so. */
static inline bool heap_quick_push(struct heap *heap, struct span *span, struct block *block)
{
	uint64_t head = block_head(block);
	uint32_t size = (uint32_t)head & ~BLOCK_FLAGS;
	unsigned index = size / BLOCK_ALIGN;

	if (size > HEAP_QUICK_MAX || !heap->quick_room[index])
		return false;
	if (span->live == 1) {
		/* A span that is not to be kept leaves, its blocks merged. */
		if (heap->empty || span->own)
			return false;
		heap->empty = span;
	}
	heap->quick_room[index]--;
	block->next = heap->quick[index];
	heap->quick[index] = block;
	block_put_head(block, head ^ heap->turn);
	span->live--;
	heap_count(&heap->pub.live_blocks, 0 - 1ull);
	heap_count(&heap->pub.live_bytes, 0 - (uint64_t)size);
	return true;
}

/* May a block of the size be taken elsewhere, as a pop found none? */
static inline bool heap_quick_none(struct heap *heap, uint32_t size)
{
	if (size > HEAP_QUICK_MAX || !heap->quick[size / BLOCK_ALIGN])
		return true;
	heap_quick_broken(heap, size);
	return false;
}

#endif
