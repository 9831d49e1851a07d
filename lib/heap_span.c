// SPDX-License-Identifier: MIT
/* Spans: see heap_span.h. And the pages inside their free blocks, given back with age. */
#include "lib/heap_span.h"

#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/pagemap.h"
#include "buddy/sys.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"

#define LOOKS_PER_MS 8u /* in vain: some 400 ns each, so a 300th of a processor */

static struct meta_pool span_pool = {.nbytes = sizeof(struct span), .align = 64};

struct span *span_create(struct heap *heap, size_t usual, size_t nbytes, size_t most)
{
	size_t least = (nbytes + SPAN_TAGS + PAGE_BYTES - 1) >> PAGE_SHIFT;
	size_t npages = (usual < most ? usual : most) >> PAGE_SHIFT;
	struct span *span;
	void *base = NULL;
	bool zeroed;

	if (least > most >> PAGE_SHIFT)
		return NULL;
	span = meta_pool_get(&span_pool);
	/* A refusal halves the span before it is an error. */
	for (; span; npages /= 2) {
		npages = npages > least ? npages : least;
		base = buddy_alloc(npages, 1, PAGE_HEAP, &zeroed);
		if (base || npages == least)
			break;
	}
	if (!base) {
		if (span)
			meta_pool_put(&span_pool, span);
		return NULL;
	}
	*span = (struct span){.heap = heap,
			      .base = (uintptr_t)base,
			      .nbytes = npages << PAGE_SHIFT,
			      .zeroed = zeroed};
	pagemap_set(base, npages, ID_PAGES, span);
	return span;
}

void span_destroy(struct span *span)
{
	size_t npages = span->nbytes >> PAGE_SHIFT;

	pagemap_set((void *)span->base, npages, ID_NONE, NULL);
	buddy_free((void *)span->base, npages);
	meta_pool_put(&span_pool, span);
}

static void count_spans(struct heap *heap, uint64_t spans, uint64_t nbytes)
{
	__atomic_store_n(&heap->pub.nspans, heap->pub.nspans + spans, __ATOMIC_RELAXED);
	__atomic_store_n(&heap->pub.span_bytes, heap->pub.span_bytes + nbytes, __ATOMIC_RELAXED);
}

struct block *span_enter(struct heap *heap, struct span *span)
{
	struct block *first = (struct block *)(span->base + BLOCK_HEAD);
	uint32_t size = (uint32_t)(span->nbytes - SPAN_TAGS);

	span->prev = NULL;
	span->next = heap->spans;
	if (span->next)
		span->next->prev = span;
	heap->spans = span;
	count_spans(heap, 1, span->nbytes);
	block_set(first, size, 0);
	block_set(block_next(first), 0, BLOCK_END);
	return heap_block_release(heap, first);
}

bool span_extend(struct span *span, size_t nbytes)
{
	void *end = (void *)(span->base + span->nbytes);

	if (!buddy_extend((void *)span->base, span->nbytes >> PAGE_SHIFT, nbytes >> PAGE_SHIFT))
		return false;
	pagemap_set(end, nbytes >> PAGE_SHIFT, ID_PAGES, span);
	return true;
}

struct block *span_add(struct heap *heap, struct span *span, size_t nbytes)
{
	struct block *block = span_end(span), *end = block_after(block, (uint32_t)nbytes);

	block_set(block, (uint32_t)nbytes, block_flags(block) & BLOCK_PREV_FREE);
	block_set(end, 0, BLOCK_END);
	if (block == heap->last)
		heap->last = end;
	__atomic_store_n(&span->nbytes, span->nbytes + nbytes, __ATOMIC_RELAXED);
	count_spans(heap, 0, nbytes);
	return heap_block_release(heap, block);
}

bool span_leave(struct heap *heap, struct span *span)
{
	struct block *first = (struct block *)(span->base + BLOCK_HEAD);
	uint32_t size = (uint32_t)(span->nbytes - SPAN_TAGS);

	if (block_head(first) != block_make(first, size | BLOCK_FREE))
		return false;
	heap_list_del(heap, first, size);
	if (heap->last == span_end(span))
		heap->last = NULL;
	heap->usual = &span_none;
	if (span->next)
		span->next->prev = span->prev;
	if (span->prev)
		span->prev->next = span->next;
	else
		heap->spans = span->next;
	count_spans(heap, 0 - 1ull, 0 - (uint64_t)span->nbytes);
	return true;
}

void heap_drop_empty(struct heap *heap)
{
	struct span *span;

	lock_take(&heap->lock, LOCK_HEAP);
	span = heap->empty;
	if (span) {
		heap->empty = NULL;
		heap_quick_merge(heap);
		if (!span_leave(heap, span))
			span = NULL;
	}
	lock_release(&heap->lock, LOCK_HEAP);
	if (span)
		span_destroy(span);
}

/* The whole pages of the system's inside a free block, past its links and before its footer. */
static size_t inner_pages(const struct block *block, uintptr_t *start)
{
	uintptr_t page = sys_page_size();
	uintptr_t end = ((uintptr_t)block + block_size(block) - BLOCK_HEAD) & ~(page - 1);

	*start = ((uintptr_t)block + sizeof(*block) + page - 1) & ~(page - 1);
	return end > *start ? end - *start : 0;
}

struct purge {
	uint32_t age_ms, now;
	size_t left;	     /* bytes that may still be taken in hand, or one block more */
	uint32_t nlooks;     /* free blocks looked at */
	struct block *chain; /* in hand */
};

/*
 * Take an old free block with pages to give off its list, as if it were quick, and chain it by its
 * own link: each is seen once, however many there are.
 */
static void purge_block(struct heap *heap, struct block *block, struct purge *purge)
{
	uintptr_t start;
	size_t nbytes = inner_pages(block, &start);

	purge->nlooks++;
	if (!nbytes || block->age == BLOCK_BARE || !purge->left)
		return;
	if (block->age == BLOCK_NEW) {
		block->stamp = purge->now;
		block->age = BLOCK_AGING;
	}
	if ((int32_t)(purge->now - block->stamp) < (int32_t)purge->age_ms)
		return;
	heap_list_del(heap, block, block_size(block));
	block_flag(block, BLOCK_FREE, BLOCK_QUICK);
	block_flag(block_next(block), BLOCK_PREV_FREE, 0);
	/* It must not be taken for empty meanwhile. */
	if (span_of(block)->live++ == 0)
		heap->empty = NULL;
	block->next = purge->chain;
	purge->chain = block;
	purge->left -= nbytes < purge->left ? nbytes : purge->left;
}

static void purge_list(struct heap *heap, struct block *block, struct purge *purge)
{
	struct block *next;

	for (; block && purge->left; block = next) {
		next = block->next;
		purge_block(heap, block, purge);
	}
}

static void purge_collect_locked(struct heap *heap, struct purge *purge)
{
	unsigned index = heap_list_index(heap, (uint32_t)sys_page_size());

	if (purge->age_ms && purge->now - heap->walk_ms < heap->rest_ms)
		return;
	heap_quick_merge(heap);
	for (; index < HEAP_LISTS; index++)
		purge_list(heap, heap->lists[index], purge);
	if (heap->wild)
		purge_block(heap, heap->wild, purge);
	heap->walk_ms = purge->now;
	heap->rest_ms = purge->chain ? 0 : purge->nlooks / LOOKS_PER_MS;
}

/* Free the block again; clean, if its pages went and it did not merge with others. */
static void purge_return(struct heap *heap, struct block *block, bool purged)
{
	struct span *span = span_of(block), *gone;
	uint32_t size = block_size(block);
	struct block *whole;

	lock_take(&heap->lock, LOCK_HEAP);
	block_flag(block, BLOCK_QUICK, 0);
	whole = heap_block_release(heap, block);
	if (purged && whole == block && block_size(whole) == size)
		whole->age = BLOCK_BARE;
	gone = heap_span_unuse(heap, span);
	lock_release(&heap->lock, LOCK_HEAP);
	if (gone)
		span_destroy(gone);
}

size_t heap_purge(struct heap *heap, uint32_t age_ms, size_t most)
{
	struct purge purge = {.age_ms = age_ms, .now = sys_now_ms(), .left = most << PAGE_SHIFT};
	struct block *next;
	size_t npages = 0;

	lock_take(&heap->lock, LOCK_HEAP);
	purge_collect_locked(heap, &purge);
	lock_release(&heap->lock, LOCK_HEAP);
	for (struct block *block = purge.chain; block; block = next) {
		uintptr_t start;
		size_t nbytes = inner_pages(block, &start);
		bool purged = sys_purge((void *)start, nbytes) == 0;

		next = block->next;
		npages += purged ? nbytes >> PAGE_SHIFT : 0;
		purge_return(heap, block, purged);
	}
	return npages;
}
