// SPDX-License-Identifier: MIT
/*
 * malloc and free: by size to the slabs, the heap or the pages, and back by the
 * page map. The fast paths are slot_pop and slot_push on the class's slot.
 */
#include "lib/malloc.h"

#include "buddy/report.h"
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/core.h"
#include "lib/debug_block.h"
#include "lib/failslab.h"
#include "lib/fork.h"
#include "lib/front.h"
#include "lib/heaps.h"
#include "lib/record.h"
#include "lib/start.h"
#include "slab/annotate.h"
#include "slab/debug.h"
#include "slab/debug_spec.h"
#include "slab/guard.h"
#include "slab/shade.h"

#include <errno.h>
#include <kmem/malloc.h>
#include <string.h>

#define SLOW __attribute__((noinline))	  /* not "cold": that would optimise them for size */
#define FAST __attribute__((aligned(64))) /* in as few cache lines as there can be */

struct kmem_cache *class_cache(unsigned index)
{
	struct kmem_cache *cache = cache_of(ID_CLASSES + index);
	struct cache_shape shape = {.size = class_size(index), .args.align = 16};
	char name[KMEM_CACHE_NAME_MAX + 1];

	if (cache)
		return cache;
	report_format(name, sizeof(name), "malloc-%u", shape.size);
	shape.name = name;
	/* Slabs begin on pages; red zones between them and objects would undo what follows from
	 * that. */
	if (debug_spec_flags(name) || annotate_wanted())
		shape.args.align = class_align(shape.size);
	return cache_create_fixed(ID_CLASSES + index, &shape);
}

/* What is asked for is kept with the object: past it begins a red zone, or a canary. */
static SLOW void *alloc_noted(struct kmem_cache *cache, gfp_t flags, size_t nbytes)
{
	void *object;

	if (shaded())
		return record_class_alloc(cache, flags, nbytes);
	object = slot_alloc_slow(cache, flags);
	if (object && cache->debug.flags)
		debug_asked(cache, object, nbytes);
	else if (object && guard_holds(object))
		return guard_asked(object, nbytes);
	return object;
}

void *class_alloc_slow(struct kmem_cache *cache, gfp_t flags, size_t nbytes)
{
	if (__builtin_expect(__atomic_load_n(&cache->noted, __ATOMIC_RELAXED), 0))
		return alloc_noted(cache, flags, nbytes);
	return slot_alloc_slow(cache, flags);
}

static void *small_once(size_t nbytes)
{
	struct kmem_cache *cache = class_cache(class_index(nbytes ? nbytes : 1));
	void *object;

	if (!cache)
		return NULL;
	/* Not where it is the first try, but what gave memory back may have filled the slot. */
	if (slot_pop(slot_of(cache), &object))
		return object;
	return class_alloc_slow(cache, GFP_MALLOC | GFP_ONCE, nbytes);
}

static void *large_alloc(size_t nbytes, bool *zeroed)
{
	if (nbytes > PTRDIFF_MAX)
		return NULL;
	return run_alloc((nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT, 1, PAGE_LARGE, zeroed);
}

static void *once(size_t nbytes, bool *zeroed)
{
	*zeroed = false;
	if (nbytes <= SMALL_MAX)
		return small_once(nbytes);
	if (debug_blocks && nbytes <= PTRDIFF_MAX)
		return debug_block_alloc(nbytes, 1, DEBUG_MALLOC, zeroed);
	if (nbytes <= FRONT_MAX && !runs_only)
		return front_alloc(nbytes, zeroed);
	return large_alloc(nbytes, zeroed);
}

/* *zeroed: the memory reads as zeros. */
static SLOW void *malloc_slow(size_t nbytes, bool *zeroed)
{
	struct shortage shortage = {
		.nbytes = nbytes, .npages = nbytes >> PAGE_SHIFT, .flags = GFP_MALLOC};
	void *block;

	start_ensure();
	if (shaded()) {
		*zeroed = false;
		return record_malloc(nbytes);
	}
	if (facade_fails(nbytes, GFP_MALLOC))
		return NULL;
	do
		block = once(nbytes, zeroed);
	while (!block && shortage_again(&shortage));
	if (!block)
		errno = ENOMEM;
	return block;
}

static SLOW void *malloc_anew(size_t nbytes)
{
	bool zeroed;

	return malloc_slow(nbytes, &zeroed);
}

static SLOW void *malloc_large(size_t nbytes)
{
	void *block = nbytes <= FRONT_MAX ? front_cached(nbytes) : NULL;

	return block ? block : malloc_anew(nbytes);
}

/* Large, or the slot of the class is empty. */
static SLOW void *malloc_more(size_t nbytes)
{
	struct kmem_cache *cache;

	if (nbytes > SMALL_MAX)
		return malloc_large(nbytes);
	cache = cache_of(class_slots[(nbytes + 15) >> 4] / (unsigned)sizeof(struct slot));
	return cache ? class_alloc_slow(cache, GFP_MALLOC, nbytes) : malloc_anew(nbytes);
}

FAST void *facade_malloc(size_t nbytes)
{
	void *block;

	if (__builtin_expect(nbytes <= SMALL_MAX, 1) && slot_pop(class_slot(nbytes), &block))
		return block;
	return malloc_more(nbytes);
}

void *facade_malloc_once(size_t nbytes, bool *zeroed)
{
	void *block = NULL;

	*zeroed = false;
	if (nbytes <= SMALL_MAX && slot_pop(class_slot(nbytes), &block))
		return block;
	if (nbytes > SMALL_MAX && nbytes <= FRONT_MAX)
		block = front_cached(nbytes);
	return block ? block : once(nbytes, zeroed);
}

enum block_kind block_kind(const void *addr)
{
	unsigned id = pagemap_id(addr);

	if (id >= ID_FIRST && !id_is_front(id))
		return BLOCK_SLAB;
	if (id == ID_NONE)
		return BLOCK_FOREIGN;
	switch (pagemap_page(addr)->kind) {
	case PAGE_DEBUG:
		return BLOCK_DEBUG;
	case PAGE_LARGE:
		return (uintptr_t)addr % PAGE_BYTES ? BLOCK_FOREIGN : BLOCK_LARGE;
	case PAGE_RUN:
		return BLOCK_FOREIGN;
	case PAGE_GUARDED:
		return BLOCK_GUARDED;
	default:
		return BLOCK_HEAP;
	}
}

void report_foreign(const void *addr, const char *doing)
{
	char name[KMEM_HEAP_NAME_MAX + 1];

	if (pagemap_id(addr) == ID_PAGES && pagemap_page(addr)->kind == PAGE_RUN)
		report_bug("%s: %p comes from kmem_pages_alloc: use kmem_pages_free", doing, addr);
	else if (pagemap_id(addr) == ID_NONE && heap_name_of_given(addr, name))
		heap_report_private(name, addr, doing);
	else
		report_bug("foreign pointer: %s(%p): not allocated here, or freed before; another "
			   "allocator's, on a stack or in static data?",
			   doing, addr);
}

static SLOW void free_large(void *block)
{
	if (!block)
		return;
	if (shaded()) {
		record_free(block);
		return;
	}
	switch (block_kind(block)) {
	case BLOCK_HEAP:
		front_free(block);
		break;
	case BLOCK_LARGE:
		front_free_run(block);
		break;
	case BLOCK_DEBUG:
		debug_block_free(block, DEBUG_MALLOC);
		break;
	case BLOCK_GUARDED:
		guard_free(block);
		break;
	default:
		report_foreign(block, "free");
		break;
	}
}

/* Everything but a push on the slot. */
static SLOW void free_slow(void *block)
{
	unsigned id = pagemap_id(block);

	if (id >= ID_FIRST && !id_is_front(id))
		slot_free_slow(cache_of(id), block);
	else
		free_large(block);
}

FAST void facade_free(void *block)
{
	if (!slot_push(&thread_slots[pagemap_id(block)], block))
		free_slow(block);
}

/* Are so many bytes what was asked for, as far as that is known? Else a report. */
static bool check_size(const void *block, size_t nbytes)
{
	enum block_kind kind = block ? block_kind(block) : BLOCK_FOREIGN;
	size_t asked = nbytes;

	if (kind == BLOCK_DEBUG || (kind == BLOCK_SLAB && cache_of(pagemap_id(block))->debug.left))
		asked = block_usable(block, kind);
	if (asked != nbytes)
		report_bug("free_sized: %p was asked for with %zu bytes, and is freed with %zu",
			   block, asked, nbytes);
	return asked == nbytes;
}

void kmem_free_sized(void *block, size_t nbytes)
{
	if (!slot_push(&thread_slots[pagemap_id(block)], block) && check_size(block, nbytes))
		free_slow(block);
}

void *kmem_core_malloc_more(size_t nbytes) __attribute__((alias("malloc_more")));
void kmem_core_free_slow(void *block) __attribute__((alias("free_slow")));

void *kmem_malloc(size_t nbytes) __attribute__((alias("facade_malloc")));
void kmem_free(void *block) __attribute__((alias("facade_free")));

void *kmem_calloc(size_t count, size_t nbytes)
{
	bool zeroed = false;
	size_t total;
	void *block;

	fork_watch();
	if (__builtin_mul_overflow(count, nbytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	if (total <= SMALL_MAX)
		block = facade_malloc(total);
	else
		block = total <= FRONT_MAX ? front_cached(total) : NULL;
	if (!block && total > SMALL_MAX && shaded())
		return record_calloc(total);
	if (!block && total > SMALL_MAX)
		block = malloc_slow(total, &zeroed);
	if (block && !zeroed)
		memset(block, 0, total);
	return block;
}

size_t block_usable(const void *addr, enum block_kind kind)
{
	const struct kmem_cache *cache;

	switch (kind) {
	case BLOCK_SLAB:
		cache = cache_of(pagemap_id(addr));
		return cache->debug.flags ? debug_usable(cache, addr) : cache->pub.stride;
	case BLOCK_HEAP:
		return heap_usable(addr);
	case BLOCK_DEBUG:
		return debug_block_usable(addr);
	case BLOCK_LARGE:
		return (size_t)pagemap_page(addr)->npages << PAGE_SHIFT;
	case BLOCK_GUARDED:
		return guard_usable(addr);
	default:
		return 0;
	}
}

bool block_noted(const void *addr, enum block_kind kind)
{
	return kind == BLOCK_DEBUG || kind == BLOCK_GUARDED ||
	       (kind == BLOCK_SLAB && cache_of(pagemap_id(addr))->debug.flags);
}

size_t kmem_usable_size(const void *block)
{
	enum block_kind kind;

	if (!block)
		return 0;
	kind = block_kind(block);
	if (kind == BLOCK_FOREIGN)
		report_foreign(block, "usable_size");
	if ((kind == BLOCK_HEAP && !heap_of(block, "usable_size")) ||
	    (kind == BLOCK_GUARDED && !guard_check(block, "usable_size")))
		return 0;
	return block_usable(block, kind);
}

size_t kmem_good_size(size_t nbytes)
{
	if (nbytes <= SMALL_MAX)
		return class_size(class_index(nbytes ? nbytes : 1));
	if (nbytes <= FRONT_MAX)
		return front_usable(front_index(nbytes));
	if (nbytes > PTRDIFF_MAX)
		return nbytes;
	return (nbytes + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

CORE_DEFINE(free_sized);
CORE_DEFINE(calloc);
CORE_DEFINE(usable_size);
