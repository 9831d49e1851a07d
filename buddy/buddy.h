/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: zones in a list, the last of which doubles, one lock.
 *
 * All of it is for each place (place.h) by itself. A request takes the best-fitting dirty run
 * (memory that is resident anyway), if it is large else dirty and clean ones that touch, else a
 * clean one, else raises a zone's watermark, else widens the last zone, else reserves another one.
 * One of up to half a chunk takes a dirty buddy, else a clean one, else a new chunk, found as a run
 * is. Reserving and purging are done outside the lock.
 */
#ifndef BUDDY_BUDDY_H
#define BUDDY_BUDDY_H

#include "buddy/lock.h"
#include "buddy/place.h"
#include "buddy/zone.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * npages aligned to align_pages (a power of two), of the calling thread's node as long as there is
 * one that has them, or as the policy of the process says. kind marks the first page. *zeroed: the
 * memory reads as zeros. NULL: no memory.
 */
void *buddy_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed);
/* The same, from the place that the walk is at (place.h). */
void *buddy_alloc_at(const struct place_walk *at, size_t npages, size_t align_pages,
		     enum page_kind kind, bool *zeroed);
/* Give back npages, all or part of an allocation; their ids are already cleared. */
void buddy_free(void *base, size_t npages);
/*
 * The same of pages that went to another place (run.c) and read as zeros where they were. They
 * were counted there meanwhile, and here as less in limit_tables.
 */
void buddy_free_moved(void *base, size_t npages);
/* Take the more pages right behind base's npages, if they are free. */
bool buddy_extend(void *base, size_t npages, size_t more);
/* The zone that addr lies in, or NULL; whether there is one. */
struct zone *buddy_zone(const void *addr);
bool buddy_holds(const void *addr);

/* Give free blocks older than age_ms back to the system; pages given back. */
size_t buddy_purge(uint32_t age_ms);
/* The same, most pages at most. */
size_t buddy_purge_some(uint32_t age_ms, size_t most);
#define MOST_PAGES (SIZE_MAX >> PAGE_SHIFT) /* all there can be */

/* First zone of the list that only grows. */
struct zone *buddy_zones(void);
#define for_each_zone(z) for (struct zone *z = buddy_zones(); z; z = zone_next(z))

/* Take npages out of one free run of the state, in any zone of the place; it, or NULL: none fits.
 */
static inline struct zone *buddy_take_locked(unsigned place, size_t npages, size_t align_pages,
					     enum block_state state, uint32_t *index)
{
	for_each_zone (zone) {
		if (*zone_free_pages(zone, state) < npages || zone->place != place)
			continue;
		*index = zone_take(zone, npages, align_pages, state);
		if (*index != LIST_END)
			return zone;
	}
	return NULL;
}

/* NULL, or the first broken invariant of any zone. */
const char *buddy_check(void);

extern struct lock buddy_lock;

#endif
