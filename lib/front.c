// SPDX-License-Identifier: MIT
/* The facade's heaps and the sheaves in front of them: see front.h. */
#include "lib/front.h"

#include "buddy/row.h"
#include "buddy/run.h"
#include "buddy/settings.h"
#include "buddy/sys.h"
#include "lib/classes.h"
#include "lib/heaps.h"
#include "lib/malloc.h"
#include "lib/start.h"
#include "slab/slot.h"

#include <string.h>

#define SPAN_BYTES ((size_t)4 << 20)

static struct heap heaps[FRONT_HEAPS];
static _Atomic unsigned nheaps; /* 0 until the first large request */

struct heap *front_heap(unsigned i)
{
	return i < atomic_load_explicit(&nheaps, memory_order_acquire) ? &heaps[i] : NULL;
}

static void heaps_make(unsigned n)
{
	static const char *const names[FRONT_HEAPS] = {"malloc-heap-0", "malloc-heap-1",
						       "malloc-heap-2", "malloc-heap-3"};

	for (unsigned i = n; i-- > 0;) {
		heap_init(&heaps[i], names[i], SPAN_BYTES);
		heap_publish(&heaps[i]);
	}
	/* release: pairs with the acquire in heaps_ready and front_heap */
	atomic_store_explicit(&nheaps, n, memory_order_release);
}

/* The number of heaps, made on first use. */
static unsigned heaps_ready(void)
{
	unsigned n = atomic_load_explicit(&nheaps, memory_order_acquire), ncpus;

	if (__builtin_expect(n != 0, 1))
		return n;
	ncpus = sys_ncpus();
	start_lock_take();
	if (!atomic_load_explicit(&nheaps, memory_order_relaxed))
		heaps_make(ncpus < FRONT_HEAPS ? ncpus : FRONT_HEAPS);
	start_lock_release();
	return atomic_load_explicit(&nheaps, memory_order_relaxed);
}

/* From any heap that is not busy and has a block, before one of these takes another span. */
void *front_aligned(size_t nbytes, size_t align)
{
	unsigned n = heaps_ready();
	unsigned first = n > 1 ? sys_cpu() % n : 0;
	struct heap *grows = NULL;

	for (unsigned i = 0; i < n; i++) {
		struct heap *heap = &heaps[(first + i) % n];
		bool busy;
		void *block = heap_alloc_try(heap, nbytes, align, &busy);

		if (block)
			return block;
		if (!busy && !grows)
			grows = heap;
	}
	return heap_alloc(grows ? grows : &heaps[first], nbytes, align);
}

/* The bin all of whose requests a block can serve; NFRONTS: none. */
static unsigned front_fit(const void *addr)
{
	size_t nbytes = heap_usable(addr) + BLOCK_HEAD;
	unsigned index = nbytes >= front_size(0) ? front_step(nbytes + 1) - 1 : NFRONTS;

	return index < FRONT_RUNS && cache_of(ID_FRONTS + index) ? index : NFRONTS;
}

void front_tag(void *addr)
{
	unsigned index = front_fit(addr);

	pagemap_tag(addr, index < NFRONTS ? ID_FRONTS + index : ID_PAGES);
}

/* A new block of the bin. */
static void *front_new(const struct kmem_cache *cache, bool *zeroed)
{
	void *block;

	*zeroed = false;
	if (front_is_run(cache->id - ID_FRONTS))
		block = run_alloc(cache->pub.stride >> PAGE_SHIFT, 1, PAGE_LARGE, zeroed);
	else
		block = front_aligned(cache->pub.stride - BLOCK_HEAD, BLOCK_ALIGN);
	if (block)
		pagemap_tag(block, cache->id);
	return block;
}

/* A block that came out of a sheaf, to the heap or the pages. */
static void go_home(void *block)
{
	struct heap *heap;

	switch (block_kind(block)) {
	case BLOCK_HEAP:
		heap = heap_of(block, "free");
		if (!heap)
			return;
		pagemap_tag(block, ID_PAGES);
		heap_free(heap, block);
		break;
	case BLOCK_LARGE:
		run_free(block);
		break;
	default:
		if (id_is_front(pagemap_id(block)))
			report_foreign(block, "free"); /* inside a run's first page */
		else
			report_bug("double free: block %p came home, and its pages have gone",
				   block);
	}
}

static void range_free(const struct kmem_cache *cache, char *low, char *high)
{
	size_t nbytes = cache->pub.stride;

	if (low < high)
		row_free(low, nbytes >> PAGE_SHIFT, (unsigned)((size_t)(high - low) / nbytes));
}

/* Runs that lie side by side, in either order, as one. */
static void runs_home(struct kmem_cache *cache, void **blocks, unsigned n)
{
	size_t nbytes = cache->pub.stride;
	char *low = NULL, *high = NULL;

	for (unsigned i = 0; i < n; i++) {
		char *block = blocks[i];

		if (!front_holds(cache->id - ID_FRONTS, block) || pagemap_page(block)->mapped) {
			go_home(block);
			continue;
		}
		pagemap_tag(block, ID_NONE);
		if (block == high) {
			high += nbytes;
		} else if (block + nbytes == low) {
			low = block;
		} else {
			range_free(cache, low, high);
			low = block;
			high = block + nbytes;
		}
	}
	range_free(cache, low, high);
}

static void front_home(struct kmem_cache *cache, void **blocks, unsigned n)
{
	if (front_is_run(cache->id - ID_FRONTS)) {
		runs_home(cache, blocks, n);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		go_home(blocks[i]);
}

static void front_detach(struct kmem_cache *cache, struct shelf *shelf)
{
	(void)cache;
	(void)shelf;
}

/* No refill: front_alloc brings one block, more would be memory nobody asked for. */
static const struct cache_ops front_ops = {
	.home = front_home,
	.detach = front_detach,
};

/* The sheaves of a bin, made on first use; NULL without memory. */
static struct kmem_cache *front_cache(unsigned index)
{
	struct kmem_cache *cache = cache_of(ID_FRONTS + index);

	if (cache)
		return cache;
	return cache_create_front(ID_FRONTS + index, front_size(index), &front_ops);
}

/* A smaller block that begins on the page of one of the bin's, or a run resized. */
void *front_strange(unsigned index, void *block)
{
	do {
		go_home(block);
		if (!slot_pop(&thread_slots[ID_FRONTS + index], &block))
			return NULL;
	} while (!front_holds(index, block));
	return block;
}

static bool holds_several(const struct slot *slot)
{
	return slot->mask > sheaf_mask(0);
}

/*
 * A block of a bin whose sheaf has grown, and with it others to fill half the sheaf, if
 * resident pages lie free side by side: that takes no memory. NULL: they do not.
 */
static void *front_row(const struct kmem_cache *cache)
{
	struct slot *slot = &thread_slots[cache->id];
	unsigned n = (unsigned)(slot->mask / sizeof(void *) + 1) / 2;
	size_t npages = cache->pub.stride >> PAGE_SHIFT;
	char *row = row_alloc(npages, n, PAGE_LARGE);

	if (!row)
		return NULL;
	for (unsigned i = n; i-- > 0;) {
		void *block = row + i * cache->pub.stride;

		pagemap_tag(block, cache->id);
		if (i > 0)
			slot_push(slot, block);
	}
	return row;
}

void *front_alloc(size_t nbytes, bool *zeroed)
{
	unsigned index = front_index(nbytes);
	struct kmem_cache *cache = front_cache(index);
	void *block = NULL;

	*zeroed = false;
	if (!cache)
		return NULL;
	/* The caller found the sheaf empty, and there is no other. */
	slot_missed(cache);
	if (front_is_run(index) && holds_several(&thread_slots[cache->id]))
		block = front_row(cache);
	return block ? block : front_new(cache, zeroed);
}

/* Is the thread's one sheaf of the bin full? What comes stays out. */
static bool front_full(unsigned index)
{
	const struct slot *slot = &thread_slots[ID_FRONTS + index];

	return slot->mask && arch_disjoint(&slot->mask, slot->sp + sizeof(void *));
}

void front_free_run(void *addr)
{
	unsigned id = pagemap_id(addr);
	struct slot *slot = &thread_slots[id];

	if (settings.hardened)
		memset(addr, 0, (size_t)pagemap_page(addr)->npages << PAGE_SHIFT);
	if (!id_is_front(id) || settings.hardened) {
		pagemap_tag(addr, ID_PAGES);
		run_free(addr);
		decay_pass();
	} else if (!front_full(id - ID_FRONTS)) {
		slot_free_slow(cache_of(id), addr); /* with a sheaf, if there may be one */
	} else if (*(void **)slot->sp == addr) {
		report_bug("double free: block %p is free already", addr);
	} else if (holds_several(slot)) {
		slot_spill(cache_of(id));
		slot_push(slot, addr);
		decay_pass();
	} else {
		run_free(addr);
		decay_pass();
	}
}

void front_free(void *addr)
{
	struct heap *heap = heap_of(addr, "free");
	unsigned index;

	if (!heap)
		return;
	if (settings.hardened)
		memset(addr, 0, heap_usable(addr));
	index = settings.hardened ? NFRONTS : front_fit(addr);
	if (index == NFRONTS || front_full(index)) {
		pagemap_tag(addr, ID_PAGES);
		heap_free(heap, addr);
		decay_pass();
		return;
	}
	/* Next time free() finds the bin itself. */
	pagemap_tag(addr, ID_FRONTS + index);
	if (!slot_push(&thread_slots[ID_FRONTS + index], addr))
		slot_free_slow(cache_of(ID_FRONTS + index), addr);
}

size_t front_purge(uint32_t age_ms, size_t most)
{
	size_t npages = 0;

	for (unsigned i = 0; front_heap(i) && npages < most; i++)
		npages += heap_purge(front_heap(i), age_ms, most - npages);
	return npages;
}

void front_drop_empty(void)
{
	for (unsigned i = 0; front_heap(i); i++)
		heap_drop_empty(front_heap(i));
}
