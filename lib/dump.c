// SPDX-License-Identifier: MIT
/*
 * kmem_dump_obj: where an address comes from. It may be anything, and what it is of may
 * go while one looks: so a slab's record is looked at only if it is one, and has the address in
 * it; a heap's spans are walked under its lock; and runs of pages, which have an id on
 * their first page only, are found by the next page below that has one.
 */
#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/report.h"
#include "buddy/root.h"
#include "buddy/run.h"
#include "lib/classes.h"
#include "lib/debug_block.h"
#include "lib/heap_span.h"
#include "lib/heaps.h"
#include "lib/private_heap.h"
#include "slab/debug.h"
#include "slab/guard.h"
#include "slab/slab.h"

#include <kmem/cache.h>

#define DUMP "kmem_dump_obj: %p "

static bool is_canonical(const void *addr)
{
	return (uintptr_t)addr >> ARCH_ADDRESS_BITS == 0;
}

/* The slab with the address; NULL if that has gone meanwhile. */
static const struct slab *slab_holding(const struct kmem_cache *cache, const void *addr)
{
	const struct slab *slab = __atomic_load_n(&pagemap_page(addr)->owner, __ATOMIC_ACQUIRE);

	/* Of a page that became free the word is links of a list. */
	if (pagemap_id(addr) != cache->id || (uintptr_t)slab % SLAB_RECORD || !meta_index(slab))
		return NULL;
	if ((uintptr_t)addr - (uintptr_t)slab_pages(slab) >= (size_t)cache->pub.slab_pages
								     << PAGE_SHIFT)
		return NULL;
	return slab;
}

static bool dump_object(const struct kmem_cache *cache, const void *addr)
{
	const struct slab *slab = slab_holding(cache, addr);
	uint32_t stride = cache->pub.stride, index;
	uintptr_t offset, object;

	if (!slab || !stride) {
		report(DUMP "was in a slab of cache '%s', which has just gone", addr,
		       cache->pub.name);
		return true;
	}
	index = (uint32_t)(((uintptr_t)addr - (uintptr_t)slab_pages(slab)) / stride);
	if (index >= cache->pub.slab_objects) {
		report(DUMP "is behind the last object of a slab of cache '%s': slab %p", addr,
		       cache->pub.name, slab_pages(slab));
		return true;
	}
	/* Of a debugged object a red zone comes first. */
	object = slab->base + (uintptr_t)index * stride;
	offset = (uintptr_t)addr - object;
	report(DUMP "is %zu bytes %s object %p of cache '%s' (size %u): slab %p, %s", addr,
	       (size_t)((intptr_t)offset < 0 ? 0 - offset : offset),
	       (intptr_t)offset < 0 ? "before" : "into", (void *)object, cache->pub.name,
	       cache->pub.object_size, slab_pages(slab),
	       slab_is_home(slab, index) ? "at home" : "not at home: in use, or in a sheaf");
	debug_print_tracks(cache, (void *)object);
	return true;
}

/* The block of a span with the address, and NULL where the span ends before, or is damaged. */
static const struct block *block_holding(const struct span *span, const void *addr)
{
	const struct block *block = (const struct block *)(span->base + BLOCK_HEAD);
	uintptr_t end = span->base + span->nbytes - BLOCK_HEAD;

	while ((uintptr_t)block < end && block_sound(block) && block_size(block)) {
		if ((uintptr_t)addr - (uintptr_t)block < block_size(block))
			return block;
		block = block_next(block);
	}
	return NULL;
}

/* What there is to say of a heap's block; its address, 0: the tags are damaged. */
struct block_facts {
	uintptr_t payload;
	size_t nbytes;
	bool free;
};

/* The heap's lock is held for the walk through one span, no longer. false: not in this heap. */
static bool look_in_heap(struct heap *heap, const void *addr, struct block_facts *facts)
{
	const struct block *block = NULL;
	const struct span *span;

	lock_take(&heap->lock, LOCK_HEAP);
	for (span = heap->spans; span; span = span->next)
		if ((uintptr_t)addr - span->base < span->nbytes)
			break;
	if (span)
		block = block_holding(span, addr);
	*facts = (struct block_facts){0};
	if (block)
		*facts = (struct block_facts){(uintptr_t)block + heap->lead,
					      block_size(block) - heap->lead,
					      block_flags(block) & BLOCK_DEAD};
	lock_release(&heap->lock, LOCK_HEAP);
	return span;
}

static void report_block(const struct heap *heap, const void *addr, const struct block_facts *facts)
{
	const char *name = heap->pub.name;

	if (!facts->payload)
		report(DUMP "is in heap '%s', in no block, or behind a damaged header", addr, name);
	else if ((uintptr_t)addr < facts->payload)
		report(DUMP "is in the header of the block at %p of heap '%s'", addr,
		       (void *)facts->payload, name);
	else
		report(DUMP "is %zu bytes into the block of %zu at %p of heap '%s', %s", addr,
		       (size_t)((uintptr_t)addr - facts->payload), facts->nbytes,
		       (void *)facts->payload, name,
		       facts->free     ? "free"
		       : heap->private ? "in use"
				       : "in use, or in a sheaf");
}

static bool dump_block(const void *addr)
{
	struct block_facts facts;
	bool found = false;

	lock_take(&heaps_lock, LOCK_HEAPS);
	for_each_heap (heap) {
		if (!heap_has_lock(heap))
			continue;
		found = look_in_heap(heap, addr, &facts);
		if (found) {
			report_block(heap, addr, &facts);
			break;
		}
	}
	lock_release(&heaps_lock, LOCK_HEAPS);
	return found;
}

/* The last page with an id from first down to page numbers above least; 0: none. */
static uintptr_t page_below(uintptr_t page, uintptr_t least)
{
	while (page > least) {
		const void *addr = (const void *)(page << PAGE_SHIFT);

		if (pagemap_id(addr) != ID_NONE)
			return page;
		/* A GiB we have nothing in is passed at once. */
		page = (intptr_t)pagemap_leaf(addr) == (intptr_t)&pagemap
			       ? (page & ~(LEAF_PAGES - 1)) - 1
			       : page - 1;
		if (page == UINTPTR_MAX)
			break;
	}
	return 0;
}

/* In a run, of a zone or with a mapping of its own, by its first page. */
static bool dump_run(const void *addr)
{
	size_t mapped = __atomic_load_n(&root_record.mapped_bytes, __ATOMIC_RELAXED);
	size_t most = (mapped > RUN_ZONE_MAX ? mapped : RUN_ZONE_MAX) >> PAGE_SHIFT;
	uintptr_t page = (uintptr_t)addr >> PAGE_SHIFT;
	uintptr_t first = page_below(page, page > most ? page - most : 0);
	const void *base = (const void *)(first << PAGE_SHIFT);
	const struct page *head;
	struct page run;

	if (!first)
		return false;
	head = pagemap_page(base);
	run = *head;
	if (run.kind == PAGE_DEBUG)
		return debug_block_dump(base, addr);
	if ((run.kind != PAGE_RUN && run.kind != PAGE_LARGE) || page - first >= run.npages)
		return false;
	report(DUMP "is %zu bytes into the %s of %u pages at %p%s, %s", addr,
	       (size_t)((uintptr_t)addr - (uintptr_t)base), run.mapped ? "mapping" : "run",
	       run.npages, base, run.kind == PAGE_RUN ? " from kmem_pages_alloc" : " from malloc",
	       id_is_front(pagemap_id(base)) ? "in use, or in a sheaf" : "in use");
	return true;
}

static bool dump_foreign(const void *addr)
{
	bool ours = is_canonical(addr) && buddy_holds(addr);

	if (ours)
		report(DUMP "is in a free page of libkmem's", addr);
	else
		report(DUMP "is not libkmem's", addr);
	return ours;
}

bool kmem_dump_obj(const void *address)
{
	unsigned id = is_canonical(address) ? pagemap_id(address) : ID_NONE;

	if (id >= ID_FIRST && !id_is_front(id))
		return dump_object(cache_of(id), address);
	if (id == ID_PAGES && guard_holds(address)) {
		guard_dump(address);
		return true;
	}
	if (!is_canonical(address))
		return dump_foreign(address);
	return dump_run(address) || (id != ID_NONE && dump_block(address)) || dump_foreign(address);
}
