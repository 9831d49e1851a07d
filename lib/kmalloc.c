// SPDX-License-Identifier: MIT
/*
 * kmalloc: the facade's blocks on the kernel's terms (kmem/kmalloc.h).
 *
 * A class whose size a power of two divides has objects aligned to it, as slabs are
 * aligned to their size; and the class that serves a request is divided by what divides
 * the request: classes are all multiples of their distance, and a request that more than
 * that divides is a class itself. Above the classes the alignment is asked for.
 *
 * All usable bytes of a zeroed block are zero, so that krealloc need not know how many of
 * them were asked for.
 */
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/failslab.h"
#include "lib/front.h"
#include "lib/malloc.h"
#include "lib/start.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/malloc.h>
#include <string.h>

#define SLOW	   __attribute__((noinline))
#define ALIGN_MOST ((size_t)4 << 20)

/* KMEM_ZERO_SIZE or NULL. */
static inline bool is_none(const void *block)
{
	return (uintptr_t)block <= (uintptr_t)KMEM_ZERO_SIZE;
}

static inline size_t natural_align(size_t nbytes, size_t most)
{
	size_t align = nbytes & (0 - nbytes);

	return align < most ? align : most;
}

static inline bool is_aligned(const void *block, size_t align)
{
	return !((uintptr_t)block & (align - 1));
}

/* From the thread's sheaf of the bin, unless what is on top must be dealt with under a lock. */
static void *large_at_hand(size_t nbytes, gfp_t flags, size_t align)
{
	unsigned index = front_index(nbytes);
	struct slot *slot = &thread_slots[ID_FRONTS + index];
	void *block;

	if (!slot_pop(slot, &block))
		return NULL;
	if (!front_holds(index, block) || !is_aligned(block, align)) {
		slot_push(slot, block);
		return NULL;
	}
	if (flags & __GFP_ZERO)
		memset(block, 0, block_usable(block, block_kind(block)));
	return block;
}

/* Above SMALL_MAX. */
static void *large_once(size_t nbytes, gfp_t flags, size_t align)
{
	bool zeroed = false;
	void *block;

	if (align > BLOCK_ALIGN && (nbytes <= HEAP_MAX || align > PAGE_BYTES))
		block = aligned_alloc_once(align, nbytes);
	else
		block = facade_malloc_once(nbytes, &zeroed);
	if (block && flags & __GFP_ZERO && !zeroed)
		memset(block, 0, kmem_usable_size(block));
	return block;
}

/* One try, with errno where none may wait: a large one, or the first of its class. */
static void *once(size_t nbytes, gfp_t flags, size_t most)
{
	void *block = NULL;
	bool zeroed;

	if (!(flags & __GFP_DIRECT_RECLAIM)) {
		if (nbytes > SMALL_MAX && nbytes <= FRONT_MAX)
			block = large_at_hand(nbytes, flags, natural_align(nbytes, most));
		if (!block)
			shortage_no_wait(flags, "kmem_kmalloc");
		return block;
	}
	if (nbytes <= SMALL_MAX)
		return facade_malloc_once(nbytes, &zeroed);
	return large_once(nbytes, flags, natural_align(nbytes, most));
}

static void *kmalloc_other(size_t nbytes, gfp_t flags, size_t most)
{
	struct shortage shortage = {
		.nbytes = nbytes, .npages = nbytes >> PAGE_SHIFT, .flags = flags};
	bool waits = flags & __GFP_DIRECT_RECLAIM;
	void *block;

	start_ensure();
	if (!(flags & GFP_ONCE) && facade_fails(nbytes, flags))
		return NULL;
	do
		block = once(nbytes, flags, most);
	while (!block && waits && shortage_again(&shortage));
	if (!block && waits)
		errno = ENOMEM;
	return block;
}

/* No sheaf has any. */
static SLOW void *kmalloc_slow(size_t nbytes, gfp_t flags, size_t most)
{
	struct kmem_cache *cache = NULL;
	void *block;

	if (nbytes == 0)
		return KMEM_ZERO_SIZE;
	if (nbytes <= SMALL_MAX)
		cache = cache_of(ID_CLASSES + class_index(nbytes));
	if (cache)
		block = class_alloc_slow(cache, flags & ~__GFP_ZERO, nbytes);
	else
		block = kmalloc_other(nbytes, flags, most);
	if (block && flags & __GFP_ZERO && nbytes <= SMALL_MAX)
		memset(block, 0, block_usable(block, block_kind(block)));
	return block;
}

static inline __attribute__((always_inline)) void *kmalloc_most(size_t nbytes, gfp_t flags,
								size_t most)
{
	bool small = nbytes - 1 < SMALL_MAX;
	void *block;

	if (__builtin_expect(!small, 0) || !slot_pop(class_slot(nbytes), &block))
		return kmalloc_slow(nbytes, flags, most);
	if (flags & __GFP_ZERO)
		memset(block, 0, block_usable(block, BLOCK_SLAB));
	return block;
}

void *kmem_kmalloc(size_t nbytes, gfp_t flags)
{
	return kmalloc_most(nbytes, flags, ALIGN_MOST);
}

void *kmem_kvmalloc(size_t nbytes, gfp_t flags)
{
	return kmalloc_most(nbytes, flags, PAGE_BYTES);
}

static void *copy(const void *block, size_t nbytes_held, size_t nbytes, gfp_t flags)
{
	void *other = kmem_kmalloc(nbytes, flags & ~__GFP_ZERO);

	if (!other)
		return NULL;
	memcpy(other, block, nbytes_held);
	facade_free((void *)block);
	return other;
}

/* Whether pages may be trimmed, grown, or moved without a copy, to hold nbytes. */
static bool can_resize_pages(const void *block, size_t usable, size_t nbytes)
{
	size_t align = natural_align(nbytes, ALIGN_MOST);

	if (block_kind(block) != BLOCK_LARGE || nbytes > PTRDIFF_MAX)
		return false;
	return nbytes > usable ? align <= PAGE_BYTES : is_aligned(block, align);
}

/* As pages, which stay pages. */
static void *resize_pages(const void *block, size_t nbytes)
{
	if (nbytes <= HEAP_MAX)
		nbytes = HEAP_MAX + 1;
	return run_resize((void *)block, (nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT);
}

/* A block of usable bytes that must move, or be pages that grow. */
static void *resize_slow(const void *block, size_t usable, size_t nbytes, gfp_t flags)
{
	struct shortage shortage = {
		.nbytes = nbytes, .npages = nbytes >> PAGE_SHIFT, .flags = flags};
	bool waits = flags & __GFP_DIRECT_RECLAIM;
	bool as_pages = waits && can_resize_pages(block, usable, nbytes);
	void *resized = NULL;

	if (facade_fails(nbytes, flags))
		return NULL;
	do {
		if (as_pages)
			resized = resize_pages(block, nbytes);
		if (!resized)
			resized = copy(block, nbytes < usable ? nbytes : usable, nbytes,
				       flags | GFP_ONCE);
	} while (!resized && waits && shortage_again(&shortage));
	if (!resized && waits)
		errno = ENOMEM;
	return resized;
}

/* Where it is, if it is large enough, and aligned as such a block is, and nobody watches its end.
 */
static void *resize(const void *block, size_t usable, size_t nbytes, gfp_t flags)
{
	void *resized = NULL;

	if (nbytes > usable || !is_aligned(block, natural_align(nbytes, ALIGN_MOST)))
		return resize_slow(block, usable, nbytes, flags);
	if (nbytes < usable && block_noted(block, block_kind(block)))
		resized = resize_slow(block, usable, nbytes, flags);
	else if (nbytes < usable / 2 && flags & __GFP_DIRECT_RECLAIM &&
		 can_resize_pages(block, usable, nbytes))
		resized = resize_pages(block, nbytes);
	/* A refused shrink is no failure. */
	return resized ? resized : (void *)block;
}

void *kmem_krealloc(const void *block, size_t nbytes, gfp_t flags)
{
	size_t usable, same;
	enum block_kind kind;
	void *resized;

	if (nbytes == 0) {
		kmem_kfree(block);
		return KMEM_ZERO_SIZE;
	}
	if (is_none(block))
		return kmem_kmalloc(nbytes, flags);
	usable = kmem_usable_size(block);
	kind = block_kind(block);
	/* Reported; but what was asked for with no bytes has none if it is debugged. */
	if (!usable && kind != BLOCK_SLAB && kind != BLOCK_DEBUG) {
		errno = EINVAL;
		return NULL;
	}
	resized = resize(block, usable, nbytes, flags);
	same = nbytes < usable ? nbytes : usable;
	if (resized && flags & __GFP_ZERO)
		memset((char *)resized + same, 0, kmem_usable_size(resized) - same);
	return resized;
}

void kmem_kfree(const void *block)
{
	if (!is_none(block))
		facade_free((void *)block);
}

void kmem_kfree_sensitive(const void *block)
{
	if (is_none(block))
		return;
	explicit_bzero((void *)block, kmem_usable_size(block));
	facade_free((void *)block);
}

size_t kmem_ksize(const void *block)
{
	return is_none(block) ? 0 : kmem_usable_size(block);
}
