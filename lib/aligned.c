// SPDX-License-Identifier: MIT
/*
 * Aligned requests. A class whose size is a multiple of the alignment has all
 * its objects aligned, as slabs begin on pages; the heap cuts off the front of a
 * block and keeps it; pages are aligned by the buddy.
 */
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/core.h"
#include "lib/debug_block.h"
#include "lib/failslab.h"
#include "lib/front.h"
#include "lib/malloc.h"
#include "lib/record.h"
#include "lib/start.h"
#include "slab/debug.h"
#include "slab/shade.h"
#include "slab/slot.h"

#include <errno.h>
#include <kmem/malloc.h>

/*
 * What to ask the classes for, or 0. A multiple of the alignment will do: the steps between
 * classes are powers of two, so the class it falls in is a multiple as well.
 */
static size_t small_size(size_t align, size_t nbytes)
{
	if (align > PAGE_BYTES || nbytes > SMALL_MAX)
		return 0;
	nbytes = (nbytes + !nbytes + align - 1) & ~(align - 1);
	return nbytes <= SMALL_MAX ? nbytes : 0;
}

static void *large_aligned(size_t align, size_t nbytes)
{
	size_t align_pages = align > PAGE_BYTES ? align >> PAGE_SHIFT : 1;
	size_t npages = (nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT;
	bool zeroed;

	return run_alloc(npages ? npages : 1, align_pages, PAGE_LARGE, &zeroed);
}

void *aligned_alloc_once(size_t align, size_t nbytes)
{
	bool zeroed;

	if (nbytes > PTRDIFF_MAX || align > PTRDIFF_MAX / 2)
		return NULL;
	if (debug_blocks)
		return debug_block_alloc(nbytes, align, DEBUG_MALLOC, &zeroed);
	if (align <= PAGE_BYTES * 4 && nbytes <= HEAP_MAX && !runs_only)
		return front_aligned(nbytes, align);
	return large_aligned(align, nbytes);
}

static void *aligned_slow(size_t align, size_t nbytes)
{
	struct shortage shortage = {
		.nbytes = nbytes, .npages = (nbytes + align) >> PAGE_SHIFT, .flags = GFP_MALLOC};
	void *block;

	if (large_fails(nbytes, GFP_MALLOC))
		return NULL;
	do
		block = aligned_alloc_once(align, nbytes);
	while (!block && shortage_again(&shortage));
	if (!block)
		errno = ENOMEM;
	return block;
}

/* Of a class's object less was asked for than its size, which is what aligns it. */
static void *asked_for(void *block, size_t nbytes)
{
	unsigned id = pagemap_id(block);

	if (id >= ID_FIRST && cache_of(id)->debug.flags)
		debug_asked(cache_of(id), block, nbytes);
	return block;
}

void *aligned_alloc_any(size_t align, size_t nbytes)
{
	size_t small;
	void *block;

	if (align <= BLOCK_ALIGN)
		return facade_malloc(nbytes);
	if (nbytes > PTRDIFF_MAX || align > PTRDIFF_MAX / 2) {
		errno = ENOMEM;
		return NULL;
	}
	small = small_size(align, nbytes);
	if (small && slot_pop(class_slot(small), &block))
		return block;
	start_ensure();
	if (shaded())
		return record_aligned(align, nbytes);
	if (small)
		return asked_for(facade_malloc(small), nbytes);
	return aligned_slow(align, nbytes);
}

void *kmem_aligned_alloc(size_t alignment, size_t nbytes)
{
	if (alignment == 0 || alignment & (alignment - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned_alloc_any(alignment, nbytes);
}

CORE_DEFINE(aligned_alloc);
