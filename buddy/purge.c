// SPDX-License-Identifier: MIT
/*
 * Free pages back to the system. Blocks old enough are taken off their lists in
 * batches, advised outside the lock, and put back clean; where the call fails
 * (locked pages) they go back dirty, as if just freed, and are tried again later.
 */
#include "buddy/buddy.h"
#include "buddy/relief.h"
#include "buddy/sys.h"

#define PURGE_BATCH 64
#define PURGE_PAGES ((size_t)16384) /* 64 MiB */

struct batch {
	unsigned n;
	struct {
		struct zone *zone;
		uint32_t index;
		uint32_t npages;
		bool purged;
	} block[PURGE_BATCH];
};

static void collect_list(struct batch *batch, struct zone *zone, unsigned list, uint32_t now,
			 uint32_t age_ms)
{
	while (batch->n < PURGE_BATCH) {
		uint32_t index = zone->lists[BLOCK_DIRTY][list].tail;

		if (index == LIST_END ||
		    (int32_t)(now - zone->pages[index].stamp) < (int32_t)age_ms)
			return;
		zone_remove(zone, index);
		batch->block[batch->n].zone = zone;
		batch->block[batch->n].index = index;
		batch->block[batch->n++].npages = zone->pages[index].length;
	}
}

/* Fill the batch with the longest free, largest first; none that may lack a page of the kernel's.
 */
static void collect(struct batch *batch, uint32_t now, uint32_t age_ms)
{
	size_t granule = sys_page_size() >> PAGE_SHIFT;
	unsigned least = zone_list(2 * granule - 1);

	batch->n = 0;
	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		for (unsigned list = ZONE_LISTS; list-- > least;)
			if (zone->lists[BLOCK_DIRTY][list].tail != LIST_END)
				collect_list(batch, zone, list, now, age_ms);
	lock_release(&buddy_lock, LOCK_PAGES);
}

/* The kernel's whole pages in a block: the first of ours, and how many. */
static uint32_t whole_pages(uint32_t index, uint32_t npages, uint32_t *start)
{
	uint32_t granule = (uint32_t)(sys_page_size() >> PAGE_SHIFT);

	*start = (index + granule - 1) & ~(granule - 1);
	return ((index + npages) & ~(granule - 1)) - *start;
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
		uint32_t index = batch->block[i].index, end = index + batch->block[i].npages;
		uint32_t start, npages = whole_pages(index, end - index, &start);

		if (!batch->block[i].purged)
			npages = 0;
		zone_insert(zone, index, npages ? start - index : end - index, BLOCK_DIRTY, now);
		if (npages) {
			zone_insert(zone, start, npages, BLOCK_CLEAN, now);
			zone_insert(zone, start + npages, end - start - npages, BLOCK_DIRTY, now);
		}
	}
	lock_release(&buddy_lock, LOCK_PAGES);
}

size_t buddy_purge(uint32_t age_ms)
{
	uint32_t now = sys_now_ms();
	struct batch batch;
	size_t npages, total = 0;

	do {
		collect(&batch, now, age_ms);
		npages = advise(&batch);
		put_back(&batch, now);
		total += npages;
		/* In passing, not so long that the caller would notice; a trim does it all. */
	} while (batch.n == PURGE_BATCH && npages > 0 && (!age_ms || total < PURGE_PAGES));
	relief_settle();
	return total;
}
