/* SPDX-License-Identifier: MIT */
/* Everything was given back: invariants hold, and no page of any zone is in use. */
#ifndef TESTS_STRESS_AT_REST_H
#define TESTS_STRESS_AT_REST_H

#include "stress.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/front.h"
#include "lib/stats.h"

#include <kmem.h>

static inline void check_cache(struct kmem_cache *cache)
{
	struct kmem_cache_stats stats = cache_stats(cache);
	const char *wrong = cache_check(cache);

	if (wrong)
		die("cache '%s': %s", cache->pub.name, wrong);
	if (stats.active || stats.parked || cache->pub.nslabs)
		die("cache '%s': %lu in use, %lu parked, %u slabs", cache->pub.name,
		    (unsigned long)stats.active, (unsigned long)stats.parked, cache->pub.nslabs);
}

static inline void check_end(void)
{
	uint64_t used = 0;
	const char *wrong;
	struct heap *heap;

	kmem_trim();
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id) && cache_of(id)->pub.id)
			check_cache(cache_of(id));
	for (unsigned i = 0; (heap = front_heap(i)); i++) {
		wrong = heap_validate(heap);
		if (wrong)
			die("heap '%s': %s", heap->pub.name, wrong);
		if (heap->pub.live_blocks || heap->pub.nspans > 1)
			die("heap '%s': %lu blocks live, %lu spans", heap->pub.name,
			    (unsigned long)heap->pub.live_blocks, (unsigned long)heap->pub.nspans);
		used += heap->pub.span_bytes >> PAGE_SHIFT;
	}
	wrong = buddy_check();
	if (wrong)
		die("%s", wrong);
	for_each_zone (zone)
		used -= zone->pub.committed - zone->pub.dirty - zone->pub.clean;
	if (used != 0 || root_record.mapped_bytes)
		die("%ld pages of zones, %lu mapped bytes were not given back", -(long)used,
		    (unsigned long)root_record.mapped_bytes);
}

#endif
