// SPDX-License-Identifier: MIT
/*
 * Free pages back to the system. Blocks old enough are taken off their lists in
 * batches, advised outside the lock, and put back clean; where the call fails
 * (locked pages) they go back dirty, as if just freed, and are tried again later.
 * Of a block larger than a batch may be the rest stays where it was.
 */
#include "buddy/buddy.h"
#include "buddy/chunk.h"
#include "buddy/relief.h"
#include "buddy/sys.h"

#define PURGE_BATCH 64
#define PURGE_PAGES                                                                                \
	((uint32_t)16384) /* 64 MiB in hand at most, which nobody can have meanwhile               \
			   */

struct batch {
	unsigned n;
	uint32_t left; /* pages it may still take */
	struct {
		struct zone *zone;
		uint32_t index;
		uint32_t npages;
		bool purged;
	} block[PURGE_BATCH];
};

/* The kernel's whole pages in a block: the first of ours, and how many. */
static uint32_t whole_pages(uint32_t index, uint32_t npages, uint32_t *start)
{
	uint32_t granule = (uint32_t)(sys_page_size() >> PAGE_SHIFT), end;

	*start = (index + granule - 1) & ~(granule - 1);
	end = (index + npages) & ~(granule - 1);
	return end > *start ? end - *start : 0;
}

static bool has_room(const struct batch *batch)
{
	return batch->n < PURGE_BATCH && batch->left > 0;
}

static void enter(struct batch *batch, struct zone *zone, uint32_t index, uint32_t npages)
{
	batch->block[batch->n].zone = zone;
	batch->block[batch->n].index = index;
	batch->block[batch->n++].npages = npages;
	batch->left -= npages < batch->left ? npages : batch->left;
}

static bool is_old(const struct zone *zone, uint32_t index, uint32_t now, uint32_t age_ms)
{
	return (int32_t)(now - zone->pages[index].stamp) >= (int32_t)age_ms;
}

/* The block, or as much of it as there is room for, into the batch. */
static void collect_block(struct batch *batch, struct zone *zone, uint32_t index)
{
	uint32_t length = zone->pages[index].length, stamp = zone->pages[index].stamp;
	uint32_t npages = length < batch->left ? length : batch->left;

	zone_remove(zone, index);
	zone_insert(zone, index + npages, length - npages, BLOCK_DIRTY, stamp);
	enter(batch, zone, index, npages);
}

static void collect_runs(struct batch *batch, struct zone *zone, unsigned list, uint32_t now,
			 uint32_t age_ms)
{
	while (has_room(batch)) {
		uint32_t index = zone->lists[BLOCK_DIRTY][list].tail;

		if (index == LIST_END || !is_old(zone, index, now, age_ms))
			return;
		collect_block(batch, zone, index);
	}
}

/* The first page at or after index that is in no old dirty block, such blocks lying end to end. */
static uint32_t old_until(const struct zone *zone, uint32_t index, uint32_t end, uint32_t now,
			  uint32_t age_ms)
{
	while (index < end && zone->pages[index].kind == PAGE_BUDDY_DIRTY &&
	       is_old(zone, index, now, age_ms))
		index += zone->pages[index].length;
	return index;
}

/* The old blocks of a chunk, those that touch together: one call for all. */
static void collect_chunk(struct batch *batch, struct zone *zone, uint32_t first, uint32_t now,
			  uint32_t age_ms)
{
	uint32_t end = first + CHUNK_PAGES, next, start;

	for (uint32_t index = first; index < end && has_room(batch); index = next + 1) {
		next = old_until(zone, index, end, now, age_ms);
		if (next == index || !whole_pages(index, next - index, &start))
			continue;
		chunk_remove(zone, index, next - index);
		enter(batch, zone, index, next - index);
	}
}

static void collect_chunks(struct batch *batch, struct zone *zone, unsigned order, uint32_t now,
			   uint32_t age_ms)
{
	const struct block_list *list = &zone->buddies[BLOCK_DIRTY][order];

	while (has_room(batch) && list->tail != LIST_END && is_old(zone, list->tail, now, age_ms))
		collect_chunk(batch, zone, list->tail & ~(CHUNK_PAGES - 1), now, age_ms);
}

/*
 * Fill the batch with most pages, or little more, of the longest free, largest
 * first, runs before buddies; none that may lack a page of the kernel's.
 */
static void collect(struct batch *batch, uint32_t now, uint32_t age_ms, size_t most)
{
	unsigned granule = (unsigned)(sys_page_size() >> PAGE_SHIFT);
	unsigned least = zone_list(2 * granule - 1), least_order = (unsigned)__builtin_ctz(granule);

	batch->n = 0;
	batch->left = most < PURGE_PAGES ? (uint32_t)most : PURGE_PAGES;
	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone) {
		for (unsigned list = ZONE_LISTS; list-- > least;)
			collect_runs(batch, zone, list, now, age_ms);
		for (unsigned order = CHUNK_ORDER + 1; order-- > least_order;)
			collect_chunks(batch, zone, order, now, age_ms);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
}

static size_t advise(struct batch *batch)
{
	size_t total = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		uint32_t start;
		size_t npages = whole_pages(batch->block[i].index, batch->block[i].npages, &start);
		void *base = zone_address(batch->block[i].zone, start);

		batch->block[i].purged = sys_purge(base, npages << PAGE_SHIFT) == 0;
		if (batch->block[i].purged)
			total += npages;
	}
	return total;
}

static void put_back(const struct batch *batch, uint32_t now)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	for (unsigned i = 0; i < batch->n; i++) {
		struct zone *zone = batch->block[i].zone;
		uint32_t index = batch->block[i].index, npages = batch->block[i].npages;
		uint32_t start, whole = whole_pages(index, npages, &start);
		uint32_t rest = start + whole, end = index + npages;

		if (!batch->block[i].purged) {
			chunk_or_zone_insert(zone, index, npages, BLOCK_DIRTY, now);
			continue;
		}
		if (index < start)
			chunk_or_zone_insert(zone, index, start - index, BLOCK_DIRTY, now);
		chunk_or_zone_insert(zone, start, whole, BLOCK_CLEAN, now);
		if (rest < end)
			chunk_or_zone_insert(zone, rest, end - rest, BLOCK_DIRTY, now);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
}

size_t buddy_purge_some(uint32_t age_ms, size_t most)
{
	uint32_t now = sys_now_ms();
	struct batch batch;
	size_t npages, total = 0;

	do {
		collect(&batch, now, age_ms, most - total);
		npages = advise(&batch);
		put_back(&batch, now);
		total += npages;
	} while ((batch.n == PURGE_BATCH || !batch.left) && npages > 0 && total < most);
	relief_settle();
	return total;
}

size_t buddy_purge(uint32_t age_ms)
{
	return buddy_purge_some(age_ms, MOST_PAGES);
}
