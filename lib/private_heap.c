// SPDX-License-Identifier: MIT
/* Blocks of private heaps: out and back. See private_heap.h. */
#include "lib/private_heap.h"

#include "buddy/limit.h"
#include "buddy/shortage.h"
#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_span.h"
#include "lib/heaps.h"
#include "lib/malloc.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

/* --- which block ------------------------------------------------------------------------ */

static void *payload_of(const struct kmem_heap *heap, struct block *block)
{
	return (char *)block + heap->heap.lead;
}

static uint32_t bytes_for(const struct kmem_heap *heap, size_t nbytes)
{
	return block_bytes(heap_is_checked(&heap->heap) ? nbytes + CHECKED_COST - BLOCK_HEAD
							: nbytes);
}

/* Bytes of a live block that are the program's. */
static size_t usable(const struct kmem_heap *heap, const struct block *block)
{
	return heap_is_checked(&heap->heap) ? checked_asked(block) : block_size(block) - BLOCK_HEAD;
}

/* The span of the heap that has the address, or NULL. */
static const struct span *span_with(const struct kmem_heap *heap, const void *addr)
{
	const struct span *span = &heap->given;

	if (heap->heap.pub.given)
		return (uintptr_t)addr - span->base < span->nbytes ? span : NULL;
	if (block_kind(addr) != BLOCK_HEAP)
		return NULL;
	span = span_of(addr);
	return span->heap == &heap->heap ? span : NULL;
}

static void report_stranger(const struct kmem_heap *heap, const void *addr, const char *doing)
{
	const char *name = heap->heap.pub.name;
	char other[KMEM_HEAP_NAME_MAX + 1];

	if (block_kind(addr) == BLOCK_HEAP)
		report_bug("%s: %p is a block of heap '%s', not of '%s'", doing, addr,
			   span_of(addr)->heap->pub.name, name);
	else if (heap_name_of_given(addr, other))
		report_bug("%s: %p is a block of heap '%s', not of '%s'", doing, addr, other, name);
	else
		report_bug("%s: %p is no block of heap '%s'", doing, addr, name);
}

static const char *error_of(const struct kmem_heap *heap, const struct span *span,
			    const struct block *block)
{
	const char *wrong = heap_block_error(span, block);

	return wrong || !heap_is_checked(&heap->heap) ? wrong : checked_error(&heap->heap, block);
}

/* The heap's live block at addr; NULL, reported in one line: there is none, or not for this thread.
 */
static struct block *find(const struct kmem_heap *heap, const void *addr, const char *doing)
{
	struct block *block = (struct block *)((uintptr_t)addr - heap->heap.lead);
	const struct span *span;
	const char *wrong;

	if (!private_may_use(heap, doing))
		return NULL;
	span = span_with(heap, addr);
	if (!span) {
		report_stranger(heap, addr, doing);
		return NULL;
	}
	wrong = error_of(heap, span, block);
	if (!wrong)
		return block;
	report_bug("%s: %p in heap '%s': %s", doing, addr, heap->heap.pub.name, wrong);
	return NULL;
}

/* --- alloc ------------------------------------------------------------------------------ */

struct request {
	size_t nbytes, align;
	uint32_t size;	  /* of the block */
	bool of_limit;	  /* refused by the heap's own bounds */
	bool was_written; /* a free block of a checked heap, while it was free */
};

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

static struct block *take(struct kmem_heap *heap, struct request *request)
{
	struct block *block;

	private_lock(heap);
	block = took(heap, heap_take_locked(&heap->heap, request->size, request->align), request);
	private_unlock(heap);
	return block;
}

static struct block *take_of_new(struct kmem_heap *heap, struct span *span, struct request *request)
{
	struct block *block;

	if (heap_is_checked(&heap->heap))
		checked_poison((void *)span->base, (char *)span->base + span->nbytes);
	private_lock(heap);
	private_enter_locked(heap, span);
	block = took(heap, heap_take_locked(&heap->heap, request->size, request->align), request);
	private_unlock(heap);
	return block;
}

/* Good fit may have passed by a block that would do: the last resort. */
static struct block *search(struct kmem_heap *heap, struct request *request)
{
	struct block *block;

	private_lock(heap);
	block = took(heap, heap_search_locked(&heap->heap, request->size, request->align), request);
	private_unlock(heap);
	return block;
}

static struct span *new_span(struct kmem_heap *heap, struct request *request)
{
	size_t least = heap_list_bound(heap_needed(request->size, request->align));
	size_t room = SIZE_MAX;

	if (heap->limit_bytes)
		room = heap->limit_bytes -
		       __atomic_load_n(&heap->heap.pub.span_bytes, __ATOMIC_RELAXED);
	request->of_limit = heap->heap.pub.given || least + SPAN_TAGS > (room & ~(PAGE_BYTES - 1));
	return request->of_limit ? NULL : span_create(&heap->heap, least, room);
}

static struct block *take_slow(struct kmem_heap *heap, struct request *request)
{
	struct block *block;
	struct span *span;

	if (!heap->owner)
		lock_take(&heap->grow, LOCK_GROW);
	/* Another thread may have brought one meanwhile. */
	block = take(heap, request);
	if (!block) {
		span = new_span(heap, request);
		block = span ? take_of_new(heap, span, request) : search(heap, request);
	}
	if (!heap->owner)
		lock_release(&heap->grow, LOCK_GROW);
	return block;
}

static void refuse(struct kmem_heap *heap)
{
	private_lock(heap);
	heap->refusals++;
	private_unlock(heap);
	errno = ENOMEM;
}

static void *alloc(struct kmem_heap *heap, size_t nbytes, size_t align, const char *doing)
{
	struct request request = {.nbytes = nbytes, .align = align};
	struct shortage shortage = {
		.nbytes = nbytes, .npages = nbytes >> PAGE_SHIFT, .flags = GFP_MALLOC};
	struct block *block;

	if (!private_may_use(heap, doing)) {
		errno = EINVAL;
		return NULL;
	}
	if (nbytes > KMEM_HEAP_BLOCK_MAX || align > KMEM_HEAP_BLOCK_MAX - nbytes) {
		refuse(heap);
		return NULL;
	}
	request.size = bytes_for(heap, nbytes);
	block = take(heap, &request);
	if (!block) {
		do
			block = take_slow(heap, &request);
		while (!block && !request.of_limit && shortage_again(&shortage));
		/* What was refused is then not the request, but a span for it. */
		if (block || request.of_limit)
			limit_forget();
	}
	if (!block) {
		refuse(heap);
		return NULL;
	}
	if (request.was_written)
		report_bug("%s: heap '%s': %p was written to while it was free", doing,
			   heap->heap.pub.name, payload_of(heap, block));
	return payload_of(heap, block);
}

void *kmem_heap_alloc(struct kmem_heap *heap, size_t nbytes)
{
	return alloc(heap, nbytes, BLOCK_ALIGN, "kmem_heap_alloc");
}

void *kmem_heap_zalloc(struct kmem_heap *heap, size_t nbytes)
{
	void *addr = alloc(heap, nbytes, BLOCK_ALIGN, "kmem_heap_zalloc");

	return addr ? memset(addr, 0, nbytes) : NULL;
}

void *kmem_heap_aligned(struct kmem_heap *heap, size_t align, size_t nbytes)
{
	if (align == 0 || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return alloc(heap, nbytes, align < BLOCK_ALIGN ? BLOCK_ALIGN : align, "kmem_heap_aligned");
}

/* --- free ------------------------------------------------------------------------------- */

static void release(struct kmem_heap *heap, struct block *block, const char *doing)
{
	void *addr = payload_of(heap, block);
	struct span *gone = NULL;
	bool twice;

	private_lock(heap);
	/* Another thread may have freed it since it was looked at. */
	twice = !block_sound(block) || block_has(block, BLOCK_FREE);
	if (!twice) {
		if (heap->zero_on_free)
			memset(addr, 0, usable(heap, block));
		if (heap_is_checked(&heap->heap))
			checked_poison((char *)block + BLOCK_HEAD, block_next(block));
		gone = heap_give_locked(&heap->heap, block);
		heap->frees++;
	}
	private_unlock(heap);
	if (gone) {
		span_destroy(gone);
		decay_pass();
	}
	if (twice)
		report_bug("%s: double free: %p in heap '%s' is free already", doing, addr,
			   heap->heap.pub.name);
}

void kmem_heap_free(struct kmem_heap *heap, void *addr)
{
	struct block *block = addr ? find(heap, addr, "kmem_heap_free") : NULL;

	if (block)
		release(heap, block, "kmem_heap_free");
}

size_t kmem_heap_usable_size(struct kmem_heap *heap, const void *addr)
{
	const struct block *block = addr ? find(heap, addr, "kmem_heap_usable_size") : NULL;

	return block ? usable(heap, block) : 0;
}

/* --- realloc ---------------------------------------------------------------------------- */

/* Where it is, if it can. */
static bool resize(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	uint32_t size = bytes_for(heap, nbytes);
	size_t had;
	bool resized;

	private_lock(heap);
	had = usable(heap, block);
	if (heap->zero_on_free && nbytes < had)
		memset((char *)payload_of(heap, block) + nbytes, 0, had - nbytes);
	if (heap_is_checked(&heap->heap) && size < block_size(block))
		checked_poison((char *)block + size, block_next(block));
	resized = heap_resize_locked(&heap->heap, block, size);
	if (heap_is_checked(&heap->heap))
		checked_seal(&heap->heap, block, resized ? nbytes : had);
	private_unlock(heap);
	return resized;
}

static void *move(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	size_t had = usable(heap, block);
	void *other = alloc(heap, nbytes, BLOCK_ALIGN, "kmem_heap_realloc");

	if (!other)
		return NULL;
	memcpy(other, payload_of(heap, block), had < nbytes ? had : nbytes);
	release(heap, block, "kmem_heap_realloc");
	return other;
}

void *kmem_heap_realloc(struct kmem_heap *heap, void *addr, size_t nbytes)
{
	struct block *block;

	if (!addr)
		return alloc(heap, nbytes, BLOCK_ALIGN, "kmem_heap_realloc");
	block = find(heap, addr, "kmem_heap_realloc");
	if (!block) {
		errno = EINVAL;
		return NULL;
	}
	if (nbytes == 0) {
		release(heap, block, "kmem_heap_realloc");
		return NULL;
	}
	if (nbytes <= KMEM_HEAP_BLOCK_MAX && resize(heap, block, nbytes))
		return addr;
	return move(heap, block, nbytes);
}
