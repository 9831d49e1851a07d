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

/* The same in any heap; memory that the program gave is one span, which no page leads to. */
static inline struct span *heap_span_of(const struct heap *heap, const void *addr)
{
	return heap->pub.given ? heap->spans : span_of(addr);
}

/* Without the heap's lock: pages, most bytes, for a span with room for a block of nbytes, or NULL.
 */
struct span *span_create(struct heap *heap, size_t nbytes, size_t most);
#define SPAN_TAGS (2 * BLOCK_HEAD) /* 8 unused before the first head, the END head */
void span_destroy(struct span *span);

/* With it: the span as one free block, in and out of the heap. */
void span_enter(struct heap *heap, struct span *span);
void span_leave(struct heap *heap, struct span *span);

/* With it: merge a block that was live with its free neighbours and list it; the whole. */
struct block *heap_block_release(struct heap *heap, struct block *block);
/* With it: one live block less. The span, if it has left the heap and is to be destroyed. */
struct span *heap_span_unuse(struct heap *heap, struct span *span);

#endif
