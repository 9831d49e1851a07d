// SPDX-License-Identifier: MIT
/* Rows of blocks: see row.h. */
#include "buddy/row.h"

#include "buddy/place.h"

#include "buddy/buddy.h"
#include "buddy/call.h"
#include "buddy/sys.h"

void *row_alloc(size_t npages, unsigned n, enum page_kind kind)
{
	struct zone *zone;
	uint32_t index;
	unsigned place = places_several() ? place_by((struct place_policy){0}).place : 0;

	lock_take(&buddy_lock, LOCK_PAGES);
	zone = buddy_take_locked(place, n * npages, 1, BLOCK_DIRTY, &index);
	for (unsigned i = 0; zone && i < n; i++)
		zone_mark(zone, index + i * (uint32_t)npages, npages, kind);
	lock_release(&buddy_lock, LOCK_PAGES);
	return zone ? zone_address(zone, index) : NULL;
}

void row_free(void *base, size_t npages, unsigned n)
{
	size_t nbytes = npages << PAGE_SHIFT;
	struct zone *zone = buddy_zone(base);
	uint32_t index, now = sys_now_ms();

	/* Zones may touch; then each block goes to its own. */
	if (!zone_holds(zone, (char *)base + n * nbytes - 1)) {
		for (unsigned i = 0; i < n; i++)
			buddy_free((char *)base + i * nbytes, npages);
		return;
	}
	index = zone_index(zone, base);
	lock_take(&buddy_lock, LOCK_PAGES);
	for (unsigned i = 1; i < n; i++)
		zone->pages[index + i * npages].kind = PAGE_NONE;
	zone_insert(zone, index, n * npages, BLOCK_DIRTY, now);
	lock_release(&buddy_lock, LOCK_PAGES);
	call();
}
