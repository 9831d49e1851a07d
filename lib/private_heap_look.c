// SPDX-License-Identifier: MIT
/* What there is in a private heap: walk, validate, statistics. See private_heap.h. */
#include "lib/heap_list.h"
#include "lib/heap_span.h"
#include "lib/private_heap.h"
#include "lib/stats.h"

#include <errno.h>
#include <string.h>

#define BATCH 128u /* blocks looked at before the lock is dropped and the program told */

/* --- walk --------------------------------------------------------------------------------- */

/* Some blocks, and the address from which on others follow. */
struct batch {
	struct kmem_heap_block blocks[BATCH];
	unsigned n;
	uintptr_t next;
};

/* The span with the least address that does not end at or below addr, or NULL. */
static const struct span *span_behind(const struct heap *heap, uintptr_t addr)
{
	const struct span *best = NULL;

	for (const struct span *span = heap->spans; span; span = span->next)
		if (span->base + span->nbytes > addr && (!best || span->base < best->base))
			best = span;
	return best;
}

/*
 * The first block of the span at addr or behind it. A sound head at addr is a block's, as heads
 * are unset where blocks merge; the walk that finds none there begins at the span's first.
 */
static const struct block *block_behind(const struct span *span, uintptr_t addr)
{
	const struct block *block = (const struct block *)(span->base + BLOCK_HEAD);

	if (addr > span->base + BLOCK_HEAD && block_sound((const struct block *)addr))
		return (const struct block *)addr;
	while ((uintptr_t)block < addr && !block_has(block, BLOCK_END))
		block = block_next(block);
	return block;
}

static struct kmem_heap_block describe(const struct heap *heap, const struct block *block)
{
	return (struct kmem_heap_block){
		.addr = (char *)block + heap->lead,
		.nbytes = block_size(block) - heap->lead,
		.live = !(block_flags(block) & BLOCK_DEAD),
	};
}

static void fill_locked(const struct heap *heap, struct batch *batch)
{
	const struct span *span = span_behind(heap, batch->next);

	batch->n = 0;
	for (; span && batch->n < BATCH; span = span_behind(heap, batch->next)) {
		const struct block *block = block_behind(span, batch->next);

		for (; !block_has(block, BLOCK_END) && batch->n < BATCH; block = block_next(block))
			batch->blocks[batch->n++] = describe(heap, block);
		batch->next =
			block_has(block, BLOCK_END) ? span->base + span->nbytes : (uintptr_t)block;
	}
}

int kmem_heap_walk(struct kmem_heap *heap,
		   int (*each)(const struct kmem_heap_block *block, void *data), void *data)
{
	struct batch batch;
	int rc = 0;

	if (!private_may_use(heap, "kmem_heap_walk"))
		return -EINVAL;
	batch.next = 0;
	do {
		private_lock(heap);
		fill_locked(&heap->heap, &batch);
		private_unlock(heap);
		for (unsigned i = 0; i < batch.n && !rc; i++)
			rc = each(&batch.blocks[i], data);
	} while (batch.n == BATCH && !rc);
	return rc;
}

/* --- validate and statistics ---------------------------------------------------------------- */

const char *kmem_heap_validate(struct kmem_heap *heap)
{
	const char *wrong;

	if (!private_may_use(heap, "kmem_heap_validate"))
		return "the heap is another thread's";
	private_lock(heap);
	wrong = heap_validate_locked(&heap->heap);
	private_unlock(heap);
	return wrong;
}

static void read_locked(const struct kmem_heap *heap, struct kmem_heap_stats *stats)
{
	const struct kmem_root_heap *pub = &heap->heap.pub;
	const struct block *largest = heap_list_largest(&heap->heap);

	*stats = (struct kmem_heap_stats){
		.size = sizeof(*stats),
		.spans = pub->nspans,
		.span_bytes = pub->span_bytes,
		.peak_span_bytes = heap->peak_span_bytes,
		.limit_bytes = heap->limit_bytes,
		.live_blocks = pub->live_blocks,
		.live_bytes = pub->live_bytes,
		.free_bytes = pub->span_bytes - pub->nspans * SPAN_TAGS - pub->live_bytes,
		.largest_free = largest ? block_size(largest) : 0,
		.allocs = heap->allocs,
		.frees = heap->allocs - pub->live_blocks,
		.refusals = heap->refusals,
	};
	memcpy(stats->name, pub->name, sizeof(stats->name));
}

int kmem_heap_stats(struct kmem_heap *heap, struct kmem_heap_stats *stats)
{
	struct kmem_heap_stats all;

	if (!private_may_use(heap, "kmem_heap_stats"))
		return -EINVAL;
	private_lock(heap);
	read_locked(heap, &all);
	private_unlock(heap);
	return stats_copy_out(stats, &all, sizeof(all));
}
