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
		uint8_t order;
		bool purged;
	} block[PURGE_BATCH];
};

static void collect_order(struct batch *batch, struct zone *zone, unsigned order, uint32_t now,
			  uint32_t age_ms)
{
	while (batch->n < PURGE_BATCH) {
		uint32_t index = zone->lists[BLOCK_DIRTY][order].tail;

		if (index == LIST_END ||
		    (int32_t)(now - zone->pages[index].stamp) < (int32_t)age_ms)
			return;
		zone_remove(zone, index);
		batch->block[batch->n].zone = zone;
		batch->block[batch->n].index = index;
		batch->block[batch->n++].order = (uint8_t)order;
	}
}

/* Fill the batch with the longest free, largest first; none smaller than the kernel's page. */
static void collect(struct batch *batch, uint32_t now, uint32_t age_ms)
{
	unsigned least = (unsigned)__builtin_ctzl(sys_page_size()) - PAGE_SHIFT;

	batch->n = 0;
	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		for (unsigned order = ZONE_ORDER_MAX + 1; order-- > least;)
			collect_order(batch, zone, order, now, age_ms);
	lock_release(&buddy_lock, LOCK_PAGES);
}

static size_t advise(struct batch *batch)
{
	size_t npages = 0;

	for (unsigned i = 0; i < batch->n; i++) {
		void *base = zone_address(batch->block[i].zone, batch->block[i].index);
		size_t block_pages = (size_t)1 << batch->block[i].order;

		batch->block[i].purged = sys_purge(base, block_pages << PAGE_SHIFT) == 0;
		if (batch->block[i].purged)
			npages += block_pages;
	}
	return npages;
}

static void put_back(const struct batch *batch, uint32_t now)
{
	lock_take(&buddy_lock, LOCK_PAGES);
	for (unsigned i = 0; i < batch->n; i++)
		zone_insert(batch->block[i].zone, batch->block[i].index,
			    (size_t)1 << batch->block[i].order,
			    batch->block[i].purged ? BLOCK_CLEAN : BLOCK_DIRTY, now);
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
