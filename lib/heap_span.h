/* SPDX-License-Identifier: MIT */
/* A heap's spans: pages from the buddy and back. */
#ifndef LIB_HEAP_SPAN_H
#define LIB_HEAP_SPAN_H

#include "buddy/pagemap.h"
#include "lib/heap.h"

/* The span of an address on a heap's page. */
static inline struct span *span_of(const void *addr)
{
	return pagemap_page(addr)->owner;
}

/* The same in a private heap; memory that the program gave is one span, which no page leads to. */
static inline struct span *heap_span_of(struct heap *heap, const void *addr)
{
	struct span *span = heap->usual;

	if ((uintptr_t)addr - span->base < span->nbytes)
		return span;
	heap->usual = heap->pub.given ? heap->spans : span_of(addr);
	return heap->usual;
}

static inline struct block *span_end(const struct span *span)
{
	return (struct block *)(span->base + span->nbytes - BLOCK_HEAD);
}

/* With the lock: a block of the span becomes live. */
static inline void heap_use(struct heap *heap, struct span *span, uint32_t size)
{
	if (span->live++ == 0 && heap->empty == span)
		heap->empty = NULL;
	heap_count(&heap->pub.live_blocks, 1);
	heap_count(&heap->pub.live_bytes, size);
}

/*
 * Without the heap's lock: pages, usual bytes or what a block of nbytes needs, and at most so many,
 * for a span; or NULL.
 */
struct span *span_create(struct heap *heap, size_t usual, size_t nbytes, size_t most);
void span_destroy(struct span *span);

/* With the heap's lock or without: take nbytes of pages right behind it, if they are free. */
bool span_extend(struct span *span, size_t nbytes);

/* With it: make those, its own by now, a free block; which, with what was free before it. */
struct block *span_add(struct heap *heap, struct span *span, size_t nbytes);
/* With it: the span as one free block, in and out of the heap. */
struct block *span_enter(struct heap *heap, struct span *span);
/* false: as blocks of it were damaged, which was reported, it is not one; it stays. */
bool span_leave(struct heap *heap, struct span *span);

/* With it: merge a block that was live with its free neighbours and list it; the whole. */
struct block *heap_block_release(struct heap *heap, struct block *block);
/* With it: no block of the span is live. It, if it has left the heap and is to be destroyed. */
struct span *heap_span_empty(struct heap *heap, struct span *span);

/* With it: one live block less. The same. */
static inline struct span *heap_span_unuse(struct heap *heap, struct span *span)
{
	return --span->live > 0 ? NULL : heap_span_empty(heap, span);
}

/* With it: a live block of the span goes. The same. */
static inline struct span *heap_give_locked(struct heap *heap, struct span *span,
					    struct block *block)
{
	heap_count(&heap->pub.live_blocks, 0 - 1ull);
	heap_count(&heap->pub.live_bytes, 0 - (uint64_t)block_size(block));
	heap_block_release(heap, block);
	return heap_span_unuse(heap, span);
}

#endif
