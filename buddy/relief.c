// SPDX-License-Identifier: MIT
/* Heights of the resident size: see relief.h. */
#include "buddy/relief.h"

#include "buddy/buddy.h"

#define HEIGHT_LEAST ((size_t)4096) /* pages, 16 MiB: no relief below */
#define HEIGHT_SHARE 16u	    /* of the resident size, to the next height */

size_t (*relief_hook)(void);
static _Atomic size_t height = HEIGHT_LEAST;
static _Atomic long absent;

static size_t resident_pages(void)
{
	long npages = -atomic_load_explicit(&absent, memory_order_relaxed);

	for_each_zone (zone)
		npages += (long)zone_resident(zone);
	return npages > 0 ? (size_t)npages : 0;
}

static size_t next_height(size_t npages)
{
	return npages < HEIGHT_LEAST ? HEIGHT_LEAST : npages + npages / HEIGHT_SHARE;
}

void relief_check(void)
{
	size_t last = atomic_load_explicit(&height, memory_order_relaxed);
	size_t npages = resident_pages(), cost;

	if (npages <= last || !relief_hook ||
	    !atomic_compare_exchange_strong_explicit(&height, &last, next_height(npages),
						     memory_order_relaxed, memory_order_relaxed))
		return;
	cost = relief_hook();
	if (cost > npages / HEIGHT_SHARE)
		atomic_store_explicit(&height, npages + cost, memory_order_relaxed);
}

void relief_absent(long npages)
{
	atomic_fetch_add_explicit(&absent, npages, memory_order_relaxed);
}

void relief_touch(size_t npages)
{
	relief_absent(-(long)npages);
	relief_check();
}

void relief_settle(void)
{
	size_t next = next_height(resident_pages());

	if (next < atomic_load_explicit(&height, memory_order_relaxed))
		atomic_store_explicit(&height, next, memory_order_relaxed);
}
