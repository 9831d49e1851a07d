/* SPDX-License-Identifier: MIT */
/*
 * The facade's heaps: a few, chosen by processor; a thread that finds one busy
 * takes the next. In front of them, and of runs of pages up to a MiB, sheaves, in
 * bins by size, hold what a thread freed last.
 *
 * The page on which a block's payload begins bears the id of its bin, so that
 * free() pushes it as it would an object. That is a hint: a smaller block may
 * begin on the same page, or a run have been resized. So what comes out of a
 * sheaf is looked at.
 *
 * Runs come from the pages and go back to them several at a time, once the sheaf holds
 * several: half of it for one that finds it empty, if so many dirty pages lie side by
 * side, and the older half of it before one that finds it full, neighbours as one run.
 */
#ifndef LIB_FRONT_H
#define LIB_FRONT_H

#include "lib/classes.h"
#include "lib/heap.h"
#include "slab/slot.h"

#define FRONT_HEAPS 4u

/* nbytes above SMALL_MAX up to FRONT_MAX, where front_cached found none. */
void *front_alloc(size_t nbytes, bool *zeroed);
/* nbytes up to HEAP_MAX, from a heap. */
void *front_aligned(size_t nbytes, size_t align);
/* addr is on a page of a heap. */
void front_free(void *addr);
/* addr is a run's first page. */
void front_free_run(void *addr);
/* The heap's block at addr has another size now. */
void front_tag(void *addr);

/* The i-th heap; NULL past the last of those made so far. */
struct heap *front_heap(unsigned i);
/* heap_purge over all heaps. */
size_t front_purge(uint32_t age_ms, size_t most);
/* The spans that heaps keep without live blocks, to the pages. */
void front_drop_empty(void);

/* What came out of a bin's sheaf is no block of the bin: deal with it. The next one that is, or
 * NULL. */
void *front_strange(unsigned index, void *block) __attribute__((noinline));

/* Is it, as far as can be seen, a live block of the bin? A run resized has another id; */
static inline bool front_holds_run(unsigned index, void *block)
{
	return !((uintptr_t)block & (PAGE_BYTES - 1)) && pagemap_id(block) == ID_FRONTS + index;
}

/* … all that is wrong with a heap's block shows in its head. */
static inline bool front_holds_block(unsigned index, void *block)
{
	return block_fits(block_of(block),
			  front_size(index % FRONT_RUNS)); /* so it needs no shift */
}

static inline bool front_holds(unsigned index, void *block)
{
	return front_is_run(index) ? front_holds_run(index, block)
				   : front_holds_block(index, block);
}

/* nbytes as above, from the thread's sheaf; NULL: it has none. */
static inline __attribute__((always_inline)) void *front_cached(size_t nbytes)
{
	unsigned index = front_index(nbytes);
	void *block;
	bool holds;

	if (!slot_pop(&thread_slots[ID_FRONTS + index], &block))
		return NULL;
	holds = nbytes > HEAP_MAX ? front_holds_run(index, block) : front_holds_block(index, block);
	return __builtin_expect(holds, 1) ? block : front_strange(index, block);
}

#endif
