// SPDX-License-Identifier: MIT
/* The slab layer's invariants, one clause each: see slab.h and docs/design.md. */
#include "buddy/buddy.h"
#include "slab/cache_place.h"
#include "slab/limit.h"
#include "slab/slab.h"

static const char *check_slab(const struct kmem_cache *cache, const struct slab *slab,
			      unsigned bucket)
{
	uint64_t state = atomic_load_explicit(&slab->state, memory_order_acquire);
	uint32_t nfree = 0, nobjects = cache->pub.slab_objects, room;

	for (uint32_t i = 0; i < nobjects; i++) {
		bool home = slab_is_home(slab, i);

		nfree += home;
		if (i >= slab->fresh && !home)
			return "S4: an object above the fresh ones is out";
	}
	if (slab_nfree(state) != (int32_t)nfree)
		return "S1: a slab's count differs from its bitmap";
	if (state & SLAB_OWNED || slab->bucket != bucket)
		return "S2: a slab with an owner is on a list, or on another's";
	if (slab_bucket(cache, (int32_t)nfree, &room) != bucket)
		return "S2: a slab's list does not fit its count";
	if (slab->cache != cache || (uintptr_t)slab_pages(slab) % cache->slab_bytes ||
	    slab_of(slab_pages(slab)) != slab || pagemap_id(slab_pages(slab)) != cache->id)
		return "S5: the page map does not lead to the slab";
	if (slab_room(state) != room)
		return "S6: a slab's room does not fit its count and list";
	return NULL;
}

/* Those of one place. */
static const char *check_lists(struct kmem_cache *cache, struct slab **lists)
{
	const char *wrong = NULL;

	for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
		for (struct slab *slab = lists[bucket]; slab && !wrong; slab = slab->next) {
			wrong = check_slab(cache, slab, bucket);
			if (!wrong && (buddy_zone(slab_pages(slab))->place != slab->place ||
				       cache_lists(cache, slab->place) != lists))
				wrong = "S2: a slab is on a list of another place";
		}
	return wrong;
}

const char *cache_check(struct kmem_cache *cache)
{
	const char *wrong = NULL;

	lock_take(&cache->lock, LOCK_CACHE);
	slab_settle_locked(cache);
	for_each_lists (cache, lists)
		wrong = wrong ? wrong : check_lists(cache, lists);
	if (!wrong && cache->gated &&
	    atomic_load_explicit(&cache->used, memory_order_relaxed) != limit_count(cache))
		wrong = "S7: a limited cache's count differs from the objects that are out";
	lock_release(&cache->lock, LOCK_CACHE);
	return wrong;
}
