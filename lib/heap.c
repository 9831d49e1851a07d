// SPDX-License-Identifier: MIT
/* The heap's lists, split and merge: see heap.h. */
#include "lib/heap.h"

#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_span.h"
#include "lib/heaps.h"

#include <string.h>

uint64_t block_secret;

static void count(uint64_t *counter, uint64_t add)
{
	__atomic_store_n(counter, *counter + add, __ATOMIC_RELAXED);
}

void heap_init(struct heap *heap, const char *name, size_t span_bytes)
{
	/* Once, as other heaps' threads read it. */
	lock_take(&heaps_lock, LOCK_HEAPS);
	if (!block_secret)
		memcpy(&block_secret, sys_random16(), sizeof(block_secret));
	lock_release(&heaps_lock, LOCK_HEAPS);
	heap->span_bytes = span_bytes < HEAP_SPAN_MIN ? HEAP_SPAN_MIN : span_bytes;
	heap->lead = BLOCK_HEAD;
	strncpy(heap->pub.name, name, sizeof(heap->pub.name) - 1);
}

/* Cut a block, live or about to be, down to size if the rest is a useful block. */
static void split_locked(struct heap *heap, struct block *block, uint32_t size)
{
	uint32_t rest_size = block_size(block) - size;
	struct block *rest;

	if (rest_size < BLOCK_MIN)
		return;
	block_set(block, size, block_flags(block));
	rest = block_next(block);
	block_set(rest, rest_size, 0);
	heap_block_release(heap, rest);
}

/* Cut off the front of a free block taken from its list, so that the rest is aligned. */
static struct block *align_locked(struct heap *heap, struct block *block, size_t align)
{
	uintptr_t payload = (uintptr_t)block + heap->lead;
	uintptr_t aligned = (payload + align - 1) & ~(align - 1);
	uint32_t whole = block_size(block), front;

	if (aligned == payload)
		return block;
	while (aligned - payload < BLOCK_MIN)
		aligned += align;
	front = (uint32_t)(aligned - payload);
	block_set(block, front, block_flags(block));
	block_set(block_next(block), whole - front, 0);
	heap_block_release(heap, block);
	return block_after(block, front);
}

uint32_t heap_needed(uint32_t size, size_t align)
{
	return align > BLOCK_ALIGN ? size + (uint32_t)align + BLOCK_MIN : size;
}

/* Cut a live block of exactly size, or a little more, from a free one. */
static struct block *carve(struct heap *heap, struct block *block, uint32_t size, size_t align)
{
	struct span *span;

	heap_list_del(heap, block);
	block_flag(block, BLOCK_FREE, 0);
	block_flag(block_next(block), BLOCK_PREV_FREE, 0);
	block = align_locked(heap, block, align);
	split_locked(heap, block, size);
	span = heap_span_of(heap, block);
	span->live++;
	if (span == heap->empty)
		heap->empty = NULL;
	count(&heap->pub.live_blocks, 1);
	count(&heap->pub.live_bytes, block_size(block));
	return block;
}

struct block *heap_take_locked(struct heap *heap, uint32_t size, size_t align)
{
	struct block *block = heap_list_find(heap, heap_needed(size, align));

	return block ? carve(heap, block, size, align) : NULL;
}

struct block *heap_search_locked(struct heap *heap, uint32_t size, size_t align)
{
	struct block *block = heap_list_search(heap, heap_needed(size, align));

	return block ? carve(heap, block, size, align) : NULL;
}

void *heap_alloc_try(struct heap *heap, size_t nbytes, size_t align, bool *busy)
{
	struct block *block;

	*busy = !lock_try(&heap->lock, LOCK_HEAP);
	if (*busy)
		return NULL;
	block = heap_take_locked(heap, block_bytes(nbytes), align);
	lock_release(&heap->lock, LOCK_HEAP);
	return block ? block_payload(block) : NULL;
}

void *heap_alloc(struct heap *heap, size_t nbytes, size_t align)
{
	uint32_t size = block_bytes(nbytes);
	struct span *span = NULL;
	struct block *block;

	lock_take(&heap->lock, LOCK_HEAP);
	block = heap_take_locked(heap, size, align);
	if (!block) {
		lock_release(&heap->lock, LOCK_HEAP);
		span = span_create(heap, heap_list_bound(heap_needed(size, align)), SIZE_MAX);
		lock_take(&heap->lock, LOCK_HEAP);
		/* Another thread may have freed, or brought a span, meanwhile. */
		block = heap_take_locked(heap, size, align);
		if (!block && span) {
			span_enter(heap, span);
			span = NULL;
			block = heap_take_locked(heap, size, align);
		}
	}
	lock_release(&heap->lock, LOCK_HEAP);
	if (span)
		span_destroy(span);
	return block ? block_payload(block) : NULL;
}

const char *heap_block_error(const struct span *span, const struct block *block)
{
	uintptr_t addr = (uintptr_t)block;

	if (addr % BLOCK_ALIGN != BLOCK_HEAD || addr < span->base + BLOCK_HEAD ||
	    addr >= span->base + span->nbytes - BLOCK_HEAD)
		return "no block begins there";
	if (!block_sound(block))
		return "its header was overwritten, or no block begins there";
	if (block_has(block, BLOCK_END))
		return "no block begins there";
	if (block_has(block, BLOCK_FREE))
		return "double free, the block is free already";
	return NULL;
}

void heap_report_private(const char *name, const void *addr, const char *doing)
{
	report_bug("%s: %p is of the program's heap '%s': use the kmem_heap_ functions", doing,
		   addr, name);
}

struct heap *heap_of(const void *addr, const char *doing)
{
	struct span *span = span_of(addr);
	const char *wrong;

	if (span->heap->private) {
		heap_report_private(span->heap->pub.name, addr, doing);
		return NULL;
	}
	wrong = heap_block_error(span, block_of(addr));
	if (!wrong)
		return span->heap;
	report_bug("%s: %p in heap '%s': %s", doing, addr, span->heap->pub.name, wrong);
	return NULL;
}

/* A neighbour about to be merged must be what its tag says. */
static bool neighbour_sound(const struct heap *heap, const struct block *block)
{
	if (block_sound(block))
		return true;
	report_bug("heap '%s': the header at %p, next to a block being freed, was overwritten",
		   heap->pub.name, (const void *)block);
	return false;
}

struct block *heap_block_release(struct heap *heap, struct block *block)
{
	struct block *next = block_next(block);
	uint32_t size = block_size(block);

	if (neighbour_sound(heap, next) && block_has(next, BLOCK_FREE)) {
		heap_list_del(heap, next);
		size += block_size(next);
		block_unset(next);
		if (heap_is_checked(heap))
			checked_poison_seam(next);
	}
	if (block_has(block, BLOCK_PREV_FREE) && neighbour_sound(heap, block_prev(block))) {
		struct block *prev = block_prev(block);

		heap_list_del(heap, prev);
		size += block_size(prev);
		block_unset(block);
		if (heap_is_checked(heap))
			checked_poison_seam(block);
		block = prev;
	}
	/* Neighbours of free blocks are live (H2), so PREV_FREE is off. */
	block_set(block, size, BLOCK_FREE);
	block_set_footer(block);
	block_flag(block_next(block), 0, BLOCK_PREV_FREE);
	heap_list_add(heap, block);
	return block;
}

struct span *heap_span_unuse(struct heap *heap, struct span *span)
{
	if (--span->live > 0)
		return NULL;
	if (!heap->empty || heap->empty == span) {
		heap->empty = span;
		return NULL;
	}
	span_leave(heap, span);
	return span;
}

struct span *heap_give_locked(struct heap *heap, struct block *block)
{
	struct span *span = heap_span_of(heap, block);

	count(&heap->pub.live_blocks, 0 - 1ull);
	count(&heap->pub.live_bytes, 0 - (uint64_t)block_size(block));
	heap_block_release(heap, block);
	return heap_span_unuse(heap, span);
}

void heap_free(struct heap *heap, void *addr)
{
	struct block *block = block_of(addr);
	struct span *gone = NULL;
	bool twice;

	lock_take(&heap->lock, LOCK_HEAP);
	twice = block_has(block, BLOCK_FREE);
	if (!twice)
		gone = heap_give_locked(heap, block);
	lock_release(&heap->lock, LOCK_HEAP);
	if (gone)
		span_destroy(gone);
	if (twice)
		report_bug("double free: %p in heap '%s' is free already", addr, heap->pub.name);
}

void heap_drop_empty(struct heap *heap)
{
	struct span *span;

	lock_take(&heap->lock, LOCK_HEAP);
	span = heap->empty;
	/* It counts as live while another thread has its block in hand to purge it. */
	if (span && span->live > 0)
		span = NULL;
	if (span) {
		heap->empty = NULL;
		span_leave(heap, span);
	}
	lock_release(&heap->lock, LOCK_HEAP);
	if (span)
		span_destroy(span);
}

bool heap_resize_locked(struct heap *heap, struct block *block, uint32_t size)
{
	struct block *next = block_next(block);
	uint32_t old = block_size(block);

	if (size > old && neighbour_sound(heap, next) && block_has(next, BLOCK_FREE) &&
	    old + block_size(next) >= size) {
		heap_list_del(heap, next);
		block_set(block, old + block_size(next), block_flags(block));
		block_unset(next);
		block_flag(block_next(block), BLOCK_PREV_FREE, 0);
	}
	if (block_size(block) >= size)
		split_locked(heap, block, size);
	count(&heap->pub.live_bytes, (uint64_t)block_size(block) - old);
	return block_size(block) >= size;
}

bool heap_resize(struct heap *heap, void *addr, size_t nbytes)
{
	bool resized;

	lock_take(&heap->lock, LOCK_HEAP);
	resized = heap_resize_locked(heap, block_of(addr), block_bytes(nbytes));
	lock_release(&heap->lock, LOCK_HEAP);
	return resized;
}

size_t heap_usable(const void *addr)
{
	return block_size(block_of(addr)) - BLOCK_HEAD;
}
