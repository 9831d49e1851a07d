/* SPDX-License-Identifier: MIT */
/*
 * What a cache has of each place (buddy/place.h): barns, and lists of slabs. Those of place 0
 * are in its record, as on a machine of one node; the others' are made when first needed, and
 * stay with the record, as barns do.
 *
 * A thread takes slabs of its node's place, or of what the cache's policy, the process's, or
 * its own wish say; where there is none, of the next by distance.
 *
 * Whose node an object is of, no free looks at. So a thread that frees others' objects has them
 * in its two sheaves, and may be given them again. Where a full sheaf would come to the barn, its
 * objects are looked at: if an eighth or more are of other nodes, these go home to their slabs,
 * in one batch, and the rest stays with the thread. The share bounds both: looks, eight for
 * each object that goes home, and what of a barn is of other nodes. SLAB_NOWAIT caches have the
 * barns of place 0 alone, as GFP_NOWAIT finds only what is in barns; and caches whose slabs are
 * all of one place by a policy, as theirs are no other node's.
 *
 * All lists of a cache have one lock: a refill holds it for a few instructions, for up to 255
 * objects.
 */
#ifndef SLAB_CACHE_PLACE_H
#define SLAB_CACHE_PLACE_H

#include "slab/barn.h"
#include "slab/slab.h"
#include "slab/thread.h"

struct cache_place {
	struct barn barns[BARNS];
	uint64_t next; /* record of the next, 0 at the end; published, as the next two */
	int32_t node;  /* -1: of several */
	uint32_t nslabs;
	uint32_t place;
	struct slab *lists[BUCKETS]; /* guarded by the cache's lock */
};

/* The first record of a cache, and the one behind one; NULL at the end. */
static inline struct cache_place *cache_places(struct kmem_cache *cache)
{
	/* acquire: pairs with the release in cache_place_make */
	return atomic_load_explicit(&cache->places, memory_order_acquire);
}

static inline struct cache_place *cache_place_next(const struct cache_place *at)
{
	return (struct cache_place *)(uintptr_t)at->next;
}

/* Of a place that is not the first; NULL: there is none. */
struct cache_place *cache_place_find(struct kmem_cache *cache, unsigned place);
/* The same, made if need be; NULL without memory. */
struct cache_place *cache_place_make(struct kmem_cache *cache, unsigned place);

/* The lists of slabs of a place that has slabs. */
static inline struct slab **cache_lists(struct kmem_cache *cache, unsigned place)
{
	if (__builtin_expect(place != 0, 0))
		return cache_place_find(cache, place)->lists;
	return cache->lists;
}

/* The lists of the place behind that of these, NULL at the end. */
static inline struct slab **cache_lists_next(struct kmem_cache *cache, struct slab **lists)
{
	struct cache_place *at = cache_places(cache);

	if (lists != cache->lists)
		at = cache_place_next((struct cache_place *)((char *)lists -
							     offsetof(struct cache_place, lists)));
	return at ? at->lists : NULL;
}

#define for_each_lists(cache, l)                                                                   \
	for (struct slab **l = (struct slab **)(cache)->lists; l;                                  \
	     l = cache_lists_next((struct kmem_cache *)(cache), l))

/* Where the next slab of the cache is to be from, for this thread. */
struct place_walk cache_walk(const struct kmem_cache *cache);

/* The thread's barns are those of the node it is on. */
void thread_place(struct thread *thread);
/* The same where it may have moved: what it has of the old node goes home then. */
void thread_note_move(struct thread *thread);

/* Send home what a full sheaf has of other nodes, if that is much; false: it is as it was. */
bool slot_send_strangers(const struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			 struct shelf *shelf);

#endif
