// SPDX-License-Identifier: MIT
/*
 * How a private heap grows (private_heap.h). By default as it needs to: the last free block of a
 * span gets pages right behind the span, a 64th of what the heap has at a time, so that blocks lie
 * side by side and little lies idle at the end. Where those pages are another's a new span begins.
 * A large block has a span of its own, so that it leaves no hole when it goes.
 */
#include "lib/private_heap.h"

#include "buddy/limit.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"
#include "lib/malloc.h"

#define SPAN_LEAST   ((size_t)32 << 10)
#define SPAN_USUAL   ((size_t)1 << 20)
#define GROW_SHARE   64u /* of what it has, at a time */
#define EXTEND_LEAST ((size_t)16 << 10)
#define MERGE_EACH   8u /* extensions */
#define SPANS_LOOKED 8u /* at for one that can be extended */

static struct block *took(struct kmem_heap *heap, struct block *block, struct request *request)
{
	if (!block)
		return NULL;
	heap->allocs++;
	if (heap_is_checked(&heap->heap)) {
		request->was_written = !checked_is_poison(block);
		checked_seal(&heap->heap, block, request->nbytes);
	}
	return block;
}

struct block *private_take(struct kmem_heap *heap, struct request *request)
{
	struct block *block;

	private_lock(heap);
	block = took(heap, heap_take_locked(&heap->heap, request->size, request->align), request);
	private_unlock(heap);
	return block;
}

/* Bytes of its spans, which another thread may make less. */
static size_t bytes_of(const struct kmem_heap *heap)
{
	return __atomic_load_n(&heap->heap.pub.span_bytes, __ATOMIC_RELAXED);
}

/* Bytes its spans may still take. */
static size_t room_of(const struct kmem_heap *heap)
{
	if (!heap->limit_bytes)
		return SIZE_MAX & ~(PAGE_BYTES - 1);
	return (heap->limit_bytes - bytes_of(heap)) & ~(PAGE_BYTES - 1);
}

/* --- a span that is there ------------------------------------------------------------------- */

static size_t page_up(size_t nbytes)
{
	return (nbytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

/* Bytes free at its end. */
static uint32_t free_tail(const struct span *span)
{
	const struct block *end = span_end(span);

	return block_has(end, BLOCK_PREV_FREE) ? block_size(block_prev(end)) : 0;
}

/* The free block at the end of the span, which gets least bytes more; NULL: they are not free. */
static struct block *extend_by(struct kmem_heap *heap, struct span *span, size_t least)
{
	size_t nbytes = page_up(bytes_of(heap) / GROW_SHARE), room = room_of(heap);
	struct block *block;

	nbytes = nbytes < EXTEND_LEAST ? EXTEND_LEAST : nbytes > SPAN_USUAL ? SPAN_USUAL : nbytes;
	if (nbytes < least || nbytes > room || span->own)
		nbytes = least;
	if (least > room || span->nbytes + nbytes > KMEM_HEAP_SPAN_MAX ||
	    !span_extend(span, nbytes))
		return NULL;
	if (heap_is_checked(&heap->heap))
		checked_poison((char *)span->base + span->nbytes,
			       (char *)span->base + span->nbytes + nbytes);
	private_let_grow(heap, span);
	block = span_add(&heap->heap, span, nbytes);
	private_count_peak(heap);
	return block;
}

static struct block *extend_span(struct kmem_heap *heap, struct span *span,
				 const struct request *request)
{
	size_t needed = heap_needed(request->size, request->align), tail = free_tail(span);
	/* If it could be cut from the tail, but for good fit's steps, still some more. */
	size_t least = tail < needed ? page_up(needed - tail) : PAGE_BYTES;
	struct block *block = extend_by(heap, span, least);

	return block ? heap_carve_locked(&heap->heap, block, request->size, request->align) : NULL;
}

/* A block that is found where a span is extended, the older the better, or NULL. */
static struct block *extend_locked(struct kmem_heap *heap, const struct request *request)
{
	struct span *spans[SPANS_LOOKED], *span = heap->heap.spans;
	struct block *block = NULL;
	unsigned n = 0;

	for (unsigned i = 0; span && i < SPANS_LOOKED; i++, span = span->next)
		if (!span->own)
			spans[n++] = span;
	while (n && !block)
		block = extend_span(heap, spans[--n], request);
	return block;
}

bool private_grow_behind(struct kmem_heap *heap, struct block *block, uint32_t size)
{
	uint32_t needed = size - block_size(block), tail;
	struct span *span;
	bool grown = false;

	if (!heap->by_need || heap->heap.pub.given)
		return false;
	if (!heap->owner)
		lock_take(&heap->grow, LOCK_GROW);
	private_lock(heap);
	span = heap_span_of(&heap->heap, block);
	tail = free_tail(span);
	/* Nothing but free memory between it and the end. */
	if (block_after(block_next(block), tail) == span_end(span))
		grown = tail >= needed || extend_by(heap, span, page_up(needed - tail));
	private_unlock(heap);
	/* That the block cannot stay where it is, is no refusal of a request. */
	if (!grown)
		limit_forget();
	if (!heap->owner)
		lock_release(&heap->grow, LOCK_GROW);
	return grown;
}

/* --- a new span ----------------------------------------------------------------------------- */

static bool is_own(const struct kmem_heap *heap, const struct request *request)
{
	return heap->by_need && request->size >= HEAP_OWN_MIN;
}

static size_t usual_bytes(const struct kmem_heap *heap, const struct request *request)
{
	size_t nbytes = page_up(bytes_of(heap) / GROW_SHARE);

	if (!heap->by_need)
		return heap->heap.span_bytes;
	if (is_own(heap, request))
		return 0;
	return nbytes < SPAN_LEAST ? SPAN_LEAST : nbytes > SPAN_USUAL ? SPAN_USUAL : nbytes;
}

static struct span *span_within(struct kmem_heap *heap, struct request *request)
{
	size_t least = heap_needed(request->size, request->align), room = room_of(heap);
	struct span *span;

	request->of_limit = least + SPAN_TAGS > room;
	if (request->of_limit)
		return NULL;
	span = span_create(&heap->heap, usual_bytes(heap, request), least, room);
	if (span)
		span->own = is_own(heap, request);
	return span;
}

/* Where the limit leaves no room, in place of the span that is kept empty. */
static struct span *new_span(struct kmem_heap *heap, struct request *request)
{
	struct span *span = span_within(heap, request);

	if (!span && request->of_limit) {
		heap_drop_empty(&heap->heap);
		span = span_within(heap, request);
	}
	return span;
}

static struct block *take_of_new(struct kmem_heap *heap, struct span *span, struct request *request)
{
	struct block *block;

	if (heap_is_checked(&heap->heap))
		checked_poison((void *)span->base, (char *)span->base + span->nbytes);
	request->zeroed = span->zeroed && !heap_is_checked(&heap->heap);
	private_lock(heap);
	block = private_enter_locked(heap, span);
	/* All of it, as a small block in the rest would keep the span from going. */
	if (span->own && request->align == BLOCK_ALIGN)
		request->size = block_size(block);
	block = took(heap, heap_carve_locked(&heap->heap, block, request->size, request->align),
		     request);
	private_unlock(heap);
	return block;
}

/* --- both --------------------------------------------------------------------------------- */

/* Without new pages: merge what waits for it, look where good fit does not; or at the end. */
static struct block *take_or_extend(struct kmem_heap *heap, struct request *request)
{
	bool may_extend = heap->by_need && !heap->heap.pub.given && !is_own(heap, request);
	struct block *block;

	private_lock(heap);
	if (!may_extend || request->size > HEAP_QUICK_MAX || ++heap->extensions % MERGE_EACH == 0)
		heap_quick_merge(&heap->heap);
	block = heap_take_locked(&heap->heap, request->size, request->align);
	if (!block)
		block = heap_near_locked(&heap->heap, request->size, request->align);
	if (!block && may_extend)
		block = extend_locked(heap, request);
	block = took(heap, block, request);
	private_unlock(heap);
	return block;
}

/* The last resort: quick blocks may together be one, and good fit passes by some that would do. */
static struct block *search(struct kmem_heap *heap, struct request *request)
{
	struct block *block;

	private_lock(heap);
	heap_quick_merge(&heap->heap);
	block = heap_take_locked(&heap->heap, request->size, request->align);
	if (!block)
		block = heap_search_locked(&heap->heap, request->size, request->align);
	block = took(heap, block, request);
	private_unlock(heap);
	return block;
}

struct block *private_take_growing(struct kmem_heap *heap, struct request *request)
{
	struct block *block;
	struct span *span;

	if (!heap->owner)
		lock_take(&heap->grow, LOCK_GROW);
	block = take_or_extend(heap, request);
	if (!block) {
		request->of_limit = heap->heap.pub.given;
		span = request->of_limit ? NULL : new_span(heap, request);
		block = span ? take_of_new(heap, span, request) : search(heap, request);
	}
	if (!heap->owner)
		lock_release(&heap->grow, LOCK_GROW);
	return block;
}
