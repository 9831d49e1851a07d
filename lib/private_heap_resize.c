// SPDX-License-Identifier: MIT
/* Blocks of private heaps made larger or smaller. See private_heap.h. */
#include "lib/private_heap.h"

#include "lib/heap_span.h"

#include <errno.h>
#include <string.h>

/* Is there nothing to be done? */
static bool stays(const struct kmem_heap *heap, const struct block *block, size_t nbytes)
{
	return !heap->careful && block_size(block) - private_bytes(heap, nbytes) < BLOCK_MIN;
}

/* A large block in a span of its own that grows takes all of it, as when it was new. */
static uint32_t all_of_own(struct kmem_heap *heap, const struct block *block, uint32_t size)
{
	const struct block *next = block_next(block);
	uint32_t whole = block_size(block) + block_size(next);

	if (size >= HEAP_OWN_MIN && size > block_size(block) && whole >= size &&
	    block_has(next, BLOCK_FREE) && heap_span_of(&heap->heap, block)->own)
		return whole;
	return size;
}

/* Where it is, if it can. */
static bool resize(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	uint32_t size = private_bytes(heap, nbytes);
	size_t had;
	bool resized;

	private_lock(heap);
	size = all_of_own(heap, block, size);
	had = private_usable(heap, block);
	if (heap->zero_on_free && nbytes < had)
		memset((char *)private_payload(heap, block) + nbytes, 0, had - nbytes);
	if (heap_is_checked(&heap->heap) && size < block_size(block))
		checked_poison((char *)block + size, block_next(block));
	resized = heap_resize_locked(&heap->heap, block, size);
	if (heap_is_checked(&heap->heap))
		checked_seal(&heap->heap, block, resized ? nbytes : had);
	private_unlock(heap);
	return resized;
}

/* With more memory at the end of its span. Small blocks move, that is sooner done. */
static bool grow_behind(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	uint32_t size = private_bytes(heap, nbytes);

	return size > HEAP_QUICK_MAX && size > block_size(block) &&
	       private_grow_behind(heap, block, size) && resize(heap, block, nbytes);
}

/* Could it be resized where it is? Another thread may change that at any time. */
static bool may_resize(const struct kmem_heap *heap, const struct block *block, size_t nbytes)
{
	return private_bytes(heap, nbytes) <= block_size(block) ||
	       block_has(block_next(block), BLOCK_FREE);
}

static bool resize_in_place(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	if (nbytes > KMEM_HEAP_BLOCK_MAX)
		return false;
	return (may_resize(heap, block, nbytes) && resize(heap, block, nbytes)) ||
	       grow_behind(heap, block, nbytes);
}

static void *move(struct kmem_heap *heap, struct block *block, size_t nbytes)
{
	size_t had = private_usable(heap, block);
	void *other = kmem_heap_alloc(heap, nbytes);

	if (!other)
		return NULL;
	memcpy(other, private_payload(heap, block), had < nbytes ? had : nbytes);
	kmem_heap_free(heap, private_payload(heap, block));
	return other;
}

static __attribute__((noinline)) void *resize_or_move(struct kmem_heap *heap, void *addr,
						      struct block *block, size_t nbytes)
{
	if (!block) {
		errno = EINVAL;
		return NULL;
	}
	if (nbytes == 0) {
		kmem_heap_free(heap, addr);
		return NULL;
	}
	return resize_in_place(heap, block, nbytes) ? addr : move(heap, block, nbytes);
}

void *kmem_heap_realloc(struct kmem_heap *heap, void *addr, size_t nbytes)
{
	struct block *block;

	if (!addr)
		return kmem_heap_alloc(heap, nbytes);
	block = private_find(heap, addr, "kmem_heap_realloc");
	if (block && nbytes - 1 < KMEM_HEAP_BLOCK_MAX && stays(heap, block, nbytes))
		return addr;
	return resize_or_move(heap, addr, block, nbytes);
}
