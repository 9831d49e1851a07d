// SPDX-License-Identifier: MIT
/* The heap's lists, split and merge: see heap.h. */
#include "lib/heap.h"

#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"
#include "lib/heap_span.h"
#include "lib/heaps.h"

#include <string.h>

#define NEAR_LOOKS ((size_t)16)

uint64_t block_secret;
struct span span_none;

void heap_init(struct heap *heap, const char *name, size_t span_bytes)
{
	/* Once, as other heaps' threads read it. */
	lock_take(&heaps_lock, LOCK_HEAPS);
	if (!block_secret)
		memcpy(&block_secret, sys_random16(), sizeof(block_secret));
	lock_release(&heaps_lock, LOCK_HEAPS);
	heap->span_bytes = span_bytes < HEAP_SPAN_MIN ? HEAP_SPAN_MIN : span_bytes;
	heap->lead = BLOCK_HEAD;
	heap->usual = &span_none;
	heap->turn = block_turn_quick(0);
	strncpy(heap->pub.name, name, sizeof(heap->pub.name) - 1);
}

/* What is known of a free block's pages, which holds for any part of it. */
struct age {
	uint32_t stamp, age;
};

static struct age age_of(const struct block *block, uint32_t size)
{
	if (size < BLOCK_STAMPED)
		return (struct age){0};
	return (struct age){block->stamp, block->age};
}

/* A free block that was part of a larger one. */
static void put_part(struct heap *heap, struct block *block, uint32_t size, struct age age)
{
	block_set_free(block, size);
	if (size >= BLOCK_STAMPED) {
		block->stamp = age.stamp;
		block->age = age.age;
	}
	heap_list_add(heap, block, size);
}

/*
 * Make a block of whole bytes, up to one that is not free, a live one of size with these flags;
 * what is left is free if it is a useful block. The live block's bytes.
 */
static inline uint32_t cut(struct heap *heap, struct block *block, uint32_t whole, uint32_t size,
			   unsigned flags, struct age age)
{
	if (whole - size < BLOCK_MIN) {
		size = whole;
		block_flag(block_after(block, size), BLOCK_PREV_FREE, 0);
	} else {
		put_part(heap, block_after(block, size), whole - size, age);
	}
	block_set(block, size, flags);
	return size;
}

/* Bytes to leave in front, so that a block behind them has an aligned payload. */
static uint32_t front_bytes(const struct heap *heap, const struct block *block, size_t align)
{
	uintptr_t payload = (uintptr_t)block + heap->lead;
	uintptr_t front = -payload & (align - 1);

	while (front && front < BLOCK_MIN)
		front += align;
	return (uint32_t)front;
}

uint32_t heap_needed(uint32_t size, size_t align)
{
	return align > BLOCK_ALIGN ? size + (uint32_t)align + BLOCK_MIN : size;
}

/* Cut a live block of exactly size, or a little more, from a free one, behind front bytes of it. */
static inline struct block *carve_behind(struct heap *heap, struct block *block, uint32_t size,
					 uint32_t front)
{
	uint32_t whole = block_size(block);
	struct age age = age_of(block, whole);
	unsigned flags = 0;

	heap_list_del(heap, block, whole);
	if (front) {
		put_part(heap, block, front, age);
		block = block_after(block, front);
		flags = BLOCK_PREV_FREE;
	}
	size = cut(heap, block, whole - front, size, flags, age);
	heap_use(heap, heap->private ? heap_span_of(heap, block) : span_of(block), size);
	return block;
}

static __attribute__((noinline)) struct block *carve_aligned(struct heap *heap, struct block *block,
							     uint32_t size, size_t align)
{
	return carve_behind(heap, block, size, front_bytes(heap, block, align));
}

struct block *heap_carve_locked(struct heap *heap, struct block *block, uint32_t size, size_t align)
{
	if (__builtin_expect(align > BLOCK_ALIGN, 0))
		return carve_aligned(heap, block, size, align);
	return carve_behind(heap, block, size, 0);
}

/* The front of the wild block, of which a useful block stays. */
static inline struct block *carve_wild(struct heap *heap, uint32_t size)
{
	struct block *block = heap->wild, *rest = block_after(block, size);
	uint32_t rest_size = block_size(block) - size;

	block_set_free(rest, rest_size);
	if (rest_size >= BLOCK_STAMPED) {
		rest->stamp = block->stamp;
		rest->age = block->age;
	}
	heap->wild = rest;
	block_set(block, size, 0);
	heap_use(heap, heap_span_of(heap, block), size);
	return block;
}

static __attribute__((noinline)) struct block *take_wild(struct heap *heap, uint32_t size,
							 size_t align)
{
	struct block *wild = heap->wild;

	if (!wild || block_size(wild) < heap_needed(size, align))
		return NULL;
	if (align == BLOCK_ALIGN && block_size(wild) >= size + BLOCK_MIN)
		return carve_wild(heap, size);
	return heap_carve_locked(heap, wild, size, align);
}

static __attribute__((noinline)) struct block *take_slow(struct heap *heap, uint32_t size,
							 size_t align)
{
	struct block *block = heap_list_find(heap, heap_needed(size, align));

	return block ? heap_carve_locked(heap, block, size, align) : NULL;
}

struct block *heap_take_locked(struct heap *heap, uint32_t size, size_t align)
{
	unsigned index = heap_list_good(heap, heap_needed(size, align));

	if (__builtin_expect(index == HEAP_LIST_LAST, 0))
		return take_slow(heap, size, align);
	index = heap_list_from(heap, index);
	if (index == HEAP_LISTS)
		return take_wild(heap, size, align);
	return heap_carve_locked(heap, heap->lists[index], size, align);
}

struct block *heap_near_locked(struct heap *heap, uint32_t size, size_t align)
{
	struct block *block = heap_list_search(heap, heap_needed(size, align), NEAR_LOOKS);

	return block ? heap_carve_locked(heap, block, size, align) : NULL;
}

struct block *heap_search_locked(struct heap *heap, uint32_t size, size_t align)
{
	struct block *block = heap_list_search(heap, heap_needed(size, align), SIZE_MAX);

	return block ? heap_carve_locked(heap, block, size, align) : NULL;
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
		span = span_create(heap, heap->span_bytes,
				   heap_list_bound(heap_needed(size, align)), SIZE_MAX);
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
	    addr >= span->base + span_bytes(span) - BLOCK_HEAD)
		return "no block begins there";
	if (!block_sound(block))
		return "its header was overwritten, or no block begins there";
	if (block_has(block, BLOCK_END))
		return "no block begins there";
	if (block_flags(block) & (BLOCK_FREE | BLOCK_QUICK))
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

static __attribute__((noinline)) void report_neighbour(const struct heap *heap,
						       const struct block *block)
{
	report_bug("heap '%s': the header at %p, next to a block being freed, was overwritten",
		   heap->pub.name, (const void *)block);
}

/* A neighbour about to be merged must be what its tag says. */
static inline bool neighbour_sound(const struct heap *heap, const struct block *block)
{
	if (__builtin_expect(block_sound(block), 1))
		return true;
	report_neighbour(heap, block);
	return false;
}

/* The free block before this one, as its footer and its head say; NULL: they do not agree. */
static inline struct block *free_before(const struct heap *heap, const struct block *block)
{
	struct block *prev = block_prev(block);
	uint32_t size = (uint32_t)((uintptr_t)block - (uintptr_t)prev);

	/* Its own neighbours are not free (H2). */
	if (__builtin_expect(block_head(prev) == block_make(prev, size | BLOCK_FREE), 1))
		return prev;
	report_neighbour(heap, prev);
	return NULL;
}

/* The block that ends where second begins takes it in. */
static inline void join(struct heap *heap, struct block *second)
{
	block_unset(second);
	if (__builtin_expect(heap_is_checked(heap), 0))
		checked_poison_seam(second);
}

struct block *heap_block_release(struct heap *heap, struct block *block)
{
	uint32_t size = block_size(block);
	struct block *next = block_after(block, size), *prev;

	if (neighbour_sound(heap, next)) {
		if (block_has(next, BLOCK_FREE)) {
			heap_list_del(heap, next, block_size(next));
			size += block_size(next);
			join(heap, next);
		} else {
			block_flag(next, 0, BLOCK_PREV_FREE);
		}
	}
	prev = block_has(block, BLOCK_PREV_FREE) ? free_before(heap, block) : NULL;
	if (prev) {
		heap_list_del(heap, prev, block_size(prev));
		size += block_size(prev);
		join(heap, block);
		block = prev;
	}
	block_set_free(block, size);
	/* Of a private heap, which is often merged here, the next walk reads the clock. */
	if (size >= BLOCK_STAMPED) {
		block->stamp = heap->private ? 0 : sys_now_ms();
		block->age = heap->private ? BLOCK_NEW : BLOCK_AGING;
	}
	heap_list_add(heap, block, size);
	return block;
}

struct span *heap_span_empty(struct heap *heap, struct span *span)
{
	if (!span->own && (!heap->empty || heap->empty == span)) {
		heap->empty = span;
		return NULL;
	}
	heap_quick_merge(heap);
	return span_leave(heap, span) ? span : NULL;
}

void heap_free(struct heap *heap, void *addr)
{
	struct block *block = block_of(addr);
	struct span *gone = NULL;
	bool twice;

	lock_take(&heap->lock, LOCK_HEAP);
	twice = block_has(block, BLOCK_FREE | BLOCK_QUICK);
	if (!twice)
		gone = heap_give_locked(heap, span_of(addr), block);
	lock_release(&heap->lock, LOCK_HEAP);
	if (gone)
		span_destroy(gone);
	if (twice)
		report_bug("double free: %p in heap '%s' is free already", addr, heap->pub.name);
}

/* Take as much as is needed of the free block behind it. */
static bool grow_locked(struct heap *heap, struct block *block, uint32_t size)
{
	struct block *next = block_next(block);
	uint32_t whole = block_size(block) + block_size(next);
	struct age age;

	if (!neighbour_sound(heap, next) || !block_has(next, BLOCK_FREE) || whole < size)
		return false;
	age = age_of(next, block_size(next));
	heap_list_del(heap, next, block_size(next));
	block_unset(next);
	cut(heap, block, whole, size, block_flags(block), age);
	return true;
}

static void shrink_locked(struct heap *heap, struct block *block, uint32_t size)
{
	uint32_t rest_size = block_size(block) - size;
	struct block *rest = block_after(block, size);

	if (rest_size < BLOCK_MIN)
		return;
	block_set(block, size, block_flags(block));
	block_set(rest, rest_size, 0);
	heap_block_release(heap, rest);
}

bool heap_resize_locked(struct heap *heap, struct block *block, uint32_t size)
{
	uint32_t old = block_size(block);

	if (size > old && !grow_locked(heap, block, size))
		return false;
	if (size < old)
		shrink_locked(heap, block, size);
	heap_count(&heap->pub.live_bytes, (uint64_t)block_size(block) - old);
	return true;
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
