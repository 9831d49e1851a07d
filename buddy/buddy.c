// SPDX-License-Identifier: MIT
/* Pages out of the zones, and back: see buddy.h. */
#include "buddy/buddy.h"

#include "buddy/call.h"
#include "buddy/chunk.h"
#include "buddy/gather.h"
#include "buddy/limit.h"
#include "buddy/place.h"
#include "buddy/relief.h"
#include "buddy/sys.h"
#include "buddy/zones.h"

#include <errno.h>

#define JOIN_FIRST ((size_t)64) /* pages from which blocks of both states are taken together */

#define SLOW __attribute__((noinline)) /* off the way of a run that a dirty one holds */

/* A request. */
struct want {
	size_t npages, align_pages;
	enum page_kind kind;
	unsigned place; /* whose zones; place.h */
	bool resident;	/* of dirty pages only */
	bool settled;	/* of what is committed only */
	bool despite;	/* what is said of room */
};

/* Where it was found. */
struct found {
	struct zone *zone;
	uint32_t index;
	bool zeroed;
};

/* The larger of size and alignment: what a zone must have, itself aligned to its size. */
static size_t want_most(const struct want *want)
{
	return want->npages > want->align_pages ? want->npages : want->align_pages;
}

struct lock buddy_lock;

/* Out of one free block of a chunk, in any zone. */
static bool take_buddy(const struct want *want, enum block_state state, struct found *found)
{
	for_each_zone (zone) {
		uint32_t index;

		if (zone->place != want->place)
			continue;
		index = chunk_take(zone, want->npages, want->align_pages, state);
		if (index != LIST_END) {
			*found = (struct found){zone, index, state == BLOCK_CLEAN};
			return true;
		}
	}
	return false;
}

static bool take_run(const struct want *want, enum block_state state, struct found *found)
{
	found->zone = buddy_take_locked(want->place, want->npages, want->align_pages, state,
					&found->index);
	found->zeroed = state == BLOCK_CLEAN;
	return found->zone;
}

/*
 * Much is wanted: rather what is there, in blocks of two kinds, than more. (To
 * purge them instead, so that they merge, cost callocs of 1 to 16 MiB six times
 * the time.)
 */
static bool take_joined(const struct want *want, enum block_state state, struct found *found)
{
	if (want->npages < JOIN_FIRST || want->align_pages > 1)
		return false;
	for_each_zone (zone) {
		if (!zone->pub.dirty || zone->pub.dirty + zone->pub.clean < want->npages ||
		    zone->place != want->place)
			continue;
		found->index = zone_take_joined(zone, want->npages, state);
		if (found->index != LIST_END) {
			*found = (struct found){zone, found->index, false};
			return true;
		}
	}
	return false;
}

/* The first page a request could have if the watermark rose. */
static uint32_t above(const struct zone *zone, const struct want *want)
{
	uint32_t top = want->align_pages > 1 || want->npages < JOIN_FIRST ? zone_top_clean(zone)
									  : zone_top(zone);
	uint64_t first = (zone->pub.base >> PAGE_SHIFT) + top;

	return top + (uint32_t)(-first & (want->align_pages - 1));
}

/* From above a watermark. *refused: the system would not commit more. */
static bool take_above(const struct want *want, struct found *found, bool *refused)
{
	for_each_zone (zone) {
		uint32_t index;
		int err;

		if (zone->place != want->place || want->settled)
			continue;
		index = above(zone, want);
		err = zone_grow(zone, (uint64_t)index + want->npages);
		*refused |= err == -ENOMEM;
		if (err)
			continue;
		*found = (struct found){zone, index, index >= zone_top_clean(zone)};
		zone_take_top(zone, index, want->npages);
		return true;
	}
	return false;
}

/*
 * From chunks in use, so that small blocks stay together, else from a new one; but
 * dirty pages that no chunk fits into come before clean ones.
 */
static SLOW bool take_small(const struct want *want, struct found *found, bool *refused)
{
	struct want chunk = {.npages = CHUNK_PAGES,
			     .align_pages = CHUNK_PAGES,
			     .place = want->place,
			     .settled = want->settled};

	if (take_buddy(want, BLOCK_DIRTY, found) ||
	    (!want->resident && take_buddy(want, BLOCK_CLEAN, found)))
		return true;
	if (!take_run(&chunk, BLOCK_DIRTY, found)) {
		if (take_run(want, BLOCK_DIRTY, found))
			return true;
		if (want->resident ||
		    (!take_run(&chunk, BLOCK_CLEAN, found) && !take_above(&chunk, found, refused)))
			return false;
	}
	chunk_open(found->zone, found->index, want->npages,
		   found->zeroed ? BLOCK_CLEAN : BLOCK_DIRTY);
	return true;
}

/*
 * A run that no dirty one holds: spare chunks go back to the runs before clean
 * memory is broken into. *refused says whether the system had no more, or the
 * zones no room.
 */
static SLOW bool take_other(const struct want *want, struct found *found, bool *refused)
{
	bool returned = false;

	for_each_zone (zone)
		if (zone->place == want->place)
			returned |= chunk_return_spare(zone);
	if (returned && take_run(want, BLOCK_DIRTY, found))
		return true;
	return !want->resident &&
	       (take_joined(want, BLOCK_DIRTY, found) || take_run(want, BLOCK_CLEAN, found) ||
		take_joined(want, BLOCK_CLEAN, found) || take_above(want, found, refused));
}

/*
 * What is resident first. Where no chunk can be had, a small block is a run, and so
 * is malloc's always: it would open and return half a chunk each time. And a heap's, which is
 * to grow.
 */
static bool take_locked(const struct want *want, struct found *found, bool *refused)
{
	if (want->kind != PAGE_LARGE && want->kind != PAGE_HEAP &&
	    chunk_serves(want->npages, want->align_pages) && take_small(want, found, refused))
		return true;
	return take_run(want, BLOCK_DIRTY, found) || take_other(want, found, refused);
}

/* What a request may make resident: its pages, and the page map for those committed with them. */
static size_t limit_need(const struct want *want)
{
	size_t most = want->npages + want->align_pages + GROW_MAX;

	return (want->npages << PAGE_SHIFT) + pagemap_bytes(most);
}

/* Under a limit: out of what is resident, else as long as there is room. */
static SLOW bool take_limited(const struct want *want, struct found *found, bool *refused)
{
	struct want resident = *want;

	resident.resident = true;
	if (take_locked(&resident, found, refused))
		return true;
	if (limit_fits_locked(limit_need(want)))
		return take_locked(want, found, refused);
	*refused = true;
	return false;
}

/* take_locked, marked; what is resident counts already, and asks no limit. */
static void *alloc_locked(const struct want *want, bool *zeroed, bool *refused)
{
	struct found found;

	if (!(limit_get() && !want->resident ? take_limited(want, &found, refused)
					     : take_locked(want, &found, refused)))
		return NULL;
	zone_mark(found.zone, found.index, want->npages, want->kind);
	*zeroed = found.zeroed;
	return zone_address(found.zone, found.index);
}

/*
 * Enter the new zone, unless another thread has made room meanwhile, or nothing
 * can be committed. Its descriptors may have been those of another thread's zone
 * that was discarded: they are written under the lock only.
 */
static void *alloc_in_new_zone(struct zone *fresh, const struct want *want, bool *zeroed)
{
	bool refused = false, entered = false;
	void *base;

	lock_take(&buddy_lock, LOCK_PAGES);
	base = alloc_locked(want, zeroed, &refused);
	if (!base && !refused && limit_fits_locked(limit_need(want)) &&
	    zone_grow(fresh, want_most(want)) == 0) {
		zones_publish_locked(fresh);
		entered = true;
		base = alloc_locked(want, zeroed, &refused);
	}
	lock_release(&buddy_lock, LOCK_PAGES);
	if (!entered)
		zones_discard(fresh);
	return base;
}

static void *alloc_known(const struct want *want, bool *zeroed, bool *refused)
{
	void *base;

	lock_take(&buddy_lock, LOCK_PAGES);
	base = alloc_locked(want, zeroed, refused);
	lock_release(&buddy_lock, LOCK_PAGES);
	return base;
}

/* Of dirty pages only; those above are asked for some if there are none. */
static void *alloc_gathered(const struct want *want, bool *zeroed)
{
	struct want resident = *want;
	bool refused = false;
	void *base;

	resident.resident = true;
	base = alloc_known(&resident, zeroed, &refused);
	if (base)
		return base;
	gather(want->npages);
	return alloc_known(&resident, zeroed, &refused);
}

/* From the zones of the place as they are, else wider, or one more. */
static void *alloc_growing(const struct want *want, bool *zeroed)
{
	bool refused = false;
	struct zone *fresh;
	void *base;

	do {
		base = alloc_known(want, zeroed, &refused);
		if (base || refused)
			return base;
	} while (zones_widen(want->place));
	fresh = zones_create(want->place, want_most(want));
	return fresh ? alloc_in_new_zone(fresh, want, zeroed) : NULL;
}

/* The same, where the memory of one place may end before that of others does. */
static SLOW void *alloc_as_long_as_there_is(const struct want *want, bool *zeroed)
{
	struct want settled = *want;
	bool refused = false;
	void *base;

	settled.settled = true;
	base = alloc_known(&settled, zeroed, &refused);
	if (base || refused ||
	    (!want->despite && !place_has_room(want->place, want->npages << PAGE_SHIFT)))
		return base;
	return alloc_growing(want, zeroed);
}

static void *alloc_at(const struct want *want, bool *zeroed)
{
	void *base;

	if (want_most(want) > LEAF_PAGES)
		return NULL;
	if (want->kind == PAGE_SLAB && gather_due(want->npages)) {
		base = alloc_gathered(want, zeroed);
		if (base)
			return base;
	}
	base = places_several() ? alloc_as_long_as_there_is(want, zeroed)
				: alloc_growing(want, zeroed);
	if (base && *zeroed) {
		gather_taken(want->npages);
		relief_check();
	}
	return base;
}

static SLOW void *alloc_near(struct want *want, bool *zeroed)
{
	struct place_walk walk = place_by((struct place_policy){0});
	void *base;

	do {
		want->place = walk.place;
		want->despite = walk.despite;
		base = alloc_at(want, zeroed);
	} while (!base && place_walk_next(&walk));
	return base;
}

void *buddy_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed)
{
	struct want want = {.npages = npages, .align_pages = align_pages, .kind = kind};

	return places_several() ? alloc_near(&want, zeroed) : alloc_at(&want, zeroed);
}

void *buddy_alloc_at(const struct place_walk *at, size_t npages, size_t align_pages,
		     enum page_kind kind, bool *zeroed)
{
	struct want want = {.npages = npages,
			    .align_pages = align_pages,
			    .kind = kind,
			    .place = at->place,
			    .despite = at->despite};

	return alloc_at(&want, zeroed);
}

void buddy_free(void *base, size_t npages)
{
	struct zone *zone = buddy_zone(base);
	uint32_t now = sys_now_ms();

	lock_take(&buddy_lock, LOCK_PAGES);
	chunk_or_zone_insert(zone, zone_index(zone, base), npages, BLOCK_DIRTY, now);
	lock_release(&buddy_lock, LOCK_PAGES);
	call();
}

void buddy_free_moved(void *base, size_t npages)
{
	struct zone *zone = buddy_zone(base);

	lock_take(&buddy_lock, LOCK_PAGES);
	chunk_or_zone_insert(zone, zone_index(zone, base), npages, BLOCK_CLEAN, 0);
	__atomic_fetch_add(&limit_tables, npages << PAGE_SHIFT, __ATOMIC_RELAXED);
	lock_release(&buddy_lock, LOCK_PAGES);
}

/* Exactly these pages; where all behind them are free too, the watermark may rise for it. */
static bool claim_run(struct zone *zone, uint32_t index, size_t npages)
{
	if (zone_claim(zone, index, npages))
		return true;
	return !limit_get() && zone_top(zone) <= index &&
	       zone_grow(zone, index + (uint64_t)npages) == 0 && zone_claim(zone, index, npages);
}

bool buddy_extend(void *base, size_t npages, size_t more)
{
	struct zone *zone = buddy_zone(base);
	uint32_t end;
	bool claimed;

	if (!zone)
		return false;
	end = zone_index(zone, base) + (uint32_t)npages;
	lock_take(&buddy_lock, LOCK_PAGES);
	claimed = limit_fits_locked(more << PAGE_SHIFT) &&
		  (chunk_holds(zone, end - 1) ? chunk_claim(zone, end, more)
					      : claim_run(zone, end, more));
	lock_release(&buddy_lock, LOCK_PAGES);
	return claimed;
}

const char *buddy_check(void)
{
	const char *wrong = NULL;

	lock_take(&buddy_lock, LOCK_PAGES);
	for_each_zone (zone)
		wrong = wrong ? wrong : zone_check(zone);
	lock_release(&buddy_lock, LOCK_PAGES);
	return wrong;
}
