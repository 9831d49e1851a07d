// SPDX-License-Identifier: MIT
/* Caches with a limit: see limit.h. */
#include "slab/limit.h"

#include "buddy/report.h"
#include "buddy/shortage.h"
#include "slab/ask.h"
#include "slab/cache_place.h"
#include "slab/debug.h"
#include "slab/failslab.h"
#include "slab/hardened.h"
#include "slab/sheaves.h"
#include "slab/slab.h"

#include <errno.h>

/* Objects that such requests may have out in all. */
static size_t limit_most(const struct kmem_cache *cache, gfp_t flags)
{
	if (!cache->limit)
		return SIZE_MAX;
	return cache->limit - (flags & __GFP_HIGH ? 0 : cache->reserve);
}

/* Count n more objects, if the limit allows them. */
static bool limit_raise(struct kmem_cache *cache, gfp_t flags, size_t n)
{
	size_t most = limit_most(cache, flags);
	size_t used = atomic_load_explicit(&cache->used, memory_order_relaxed);

	do {
		if (n > most || used > most - n)
			return false;
		/* acquire: objects that came home are found there; pairs with limit_lower */
	} while (!atomic_compare_exchange_weak_explicit(
		&cache->used, &used, used + n, memory_order_acquire, memory_order_relaxed));
	return true;
}

static const char *call_of(unsigned n)
{
	return n > 1 ? "kmem_cache_alloc_bulk" : "kmem_cache_alloc";
}

static void refuse(struct kmem_cache *cache, gfp_t flags, unsigned n)
{
	if (flags & __GFP_DIRECT_RECLAIM && !(flags & __GFP_NOWARN) &&
	    report_is_due(&cache->warned_ms))
		report("%s: cache '%s': %u more would exceed its limit of %zu objects, %zu of them "
		       "reserved",
		       call_of(n), cache->pub.name, n, cache->limit, cache->reserve);
	/*
	 * Neither a shrinker's own requests, nor this callback's, are told to it; nor those of
	 * fork handlers, as all locks are held.
	 */
	if (!cache->limit_reached || asking || lock_is_ours())
		return;
	ASSERT(lock_none_held());
	asking = &cache->limit_reached; /* not the cache: nobody waits for this */
	cache->limit_reached(cache, cache->data);
	asking = NULL;
}

/* What the thread's active slab has, without a lock. */
static unsigned take_at_hand(struct thread *thread, struct kmem_cache *cache, void **objects,
			     unsigned n)
{
	struct shelf *shelf = thread_shelf(thread, cache->id);
	struct slab *slab = shelf_slab(shelf);
	unsigned got = slab ? slab_take(slab, objects, n) : 0;

	shelf_count(&shelf->pub.taken, got);
	return got;
}

/* The same, and as many more slabs as it takes, the last of which the thread keeps. */
static unsigned take(struct thread *thread, struct kmem_cache *cache, void **objects, unsigned n)
{
	struct shelf passing = {.next = 0}, *shelf = &passing;
	unsigned got;

	if (thread && !cache->direct) {
		shelf = thread_shelf(thread, cache->id);
		shelf_enlist(thread, shelf, cache->id);
		shelf->last = (uint16_t)thread->passes;
	}
	got = cache_refill(cache, shelf, objects, n);
	if (shelf == &passing || thread_at_bound(thread))
		cache->ops->detach(cache, shelf);
	if (shelf == &passing)
		cache_count(cache, got, 0, 0);
	else
		shelf_count(&shelf->pub.taken, got);
	return got;
}

/* Admitted, but there was no memory for all of them, or none at hand: none then. */
static void give_up(struct kmem_cache *cache, void **objects, unsigned got, unsigned n)
{
	cache->ops->home(cache, objects, got);
	/* As if they had never been taken: where each is counted, they were not allocated. */
	cache_count(cache, 0 - (uint64_t)got, 0, 0);
	limit_lower(cache, n - got);
}

/*
 * Of a debugged cache, each looked at: another takes the place of one that is damaged, which
 * stays out of its slab, and counted. false: there is none, and all are given up.
 */
static bool debug_hand_out(struct thread *thread, struct kmem_cache *cache, bool waits,
			   void **objects, unsigned n)
{
	unsigned done = 0, got = 1;

	while (got && done < n) {
		if (debug_alloc(cache, objects[done])) {
			done++;
			continue;
		}
		atomic_fetch_add_explicit(&cache->used, 1, memory_order_relaxed);
		got = waits ? take(thread, cache, &objects[done], 1)
			    : take_at_hand(thread, cache, &objects[done], 1);
	}
	if (done == n)
		return true;
	for (unsigned i = 0; i < done; i++)
		debug_take_back(cache, objects[i]);
	objects[done] = objects[n - 1];
	give_up(cache, objects, n - 1, n);
	return false;
}

/* n objects, as they came from their slabs, to the program; false: all are given up. */
static bool hand_out(struct thread *thread, struct kmem_cache *cache, bool waits, void **objects,
		     unsigned n)
{
	if (cache->hardened)
		hardened_out(cache, objects, n);
	return !cache->debug.flags || debug_hand_out(thread, cache, waits, objects, n);
}

/* Is the request to fail, though there may be memory? */
static bool is_faulty(const struct kmem_cache *cache, gfp_t flags, unsigned n)
{
	return !(flags & GFP_ONCE) && failslab_strikes(cache->pub.name, cache->pub.flags,
						       (size_t)n * cache->pub.object_size, flags);
}

bool limit_alloc(struct kmem_cache *cache, gfp_t flags, unsigned n, void **objects)
{
	struct shortage shortage = {.nbytes = (size_t)n * cache->pub.object_size,
				    .npages = cache->pub.slab_pages,
				    .flags = flags};
	bool waits = flags & __GFP_DIRECT_RECLAIM, admitted;
	struct thread *thread = waits ? thread_self() : thread_known();
	bool ever = n <= limit_most(cache, flags); /* nothing that is freed helps, or time */
	unsigned got;

	if (is_faulty(cache, flags, n)) {
		errno = ENOMEM;
		return false;
	}
	/* Nothing is at hand. */
	if (!thread && !waits) {
		shortage_no_wait(flags, call_of(n));
		return false;
	}
	do {
		admitted = limit_raise(cache, flags, n);
		if (admitted && shortage.of_limit)
			shortage.stage = 0; /* none of them was for memory */
		shortage.of_limit = !admitted;
		if (!admitted)
			continue;
		got = waits ? take(thread, cache, objects, n)
			    : take_at_hand(thread, cache, objects, n);
		if (got < n)
			give_up(cache, objects, got, n);
		else if (hand_out(thread, cache, waits, objects, n))
			return true;
	} while (waits && ever && shortage_again(&shortage));
	if (!admitted)
		refuse(cache, flags, n);
	if (admitted && !waits)
		shortage_no_wait(flags, call_of(n));
	else
		errno = ENOMEM;
	return false;
}

/* From above: if a fork lost a slab, what might be out of it counts as out. */
size_t limit_count(const struct kmem_cache *cache)
{
	size_t out = (size_t)cache->pub.nslabs * cache->pub.slab_objects;

	for_each_lists (cache, lists)
		for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
			for (struct slab *slab = lists[bucket]; slab; slab = slab->next)
				out -= slab_count_home(slab);
	for_each_thread (thread) {
		struct slab *slab = shelf_slab(thread_shelf(thread, cache->id));

		if (slab)
			out -= slab_count_home(slab);
	}
	return out;
}

void limits_after_fork(void)
{
	for (unsigned id = ID_FIRST; id < cache_ids(); id++) {
		struct kmem_cache *cache = cache_of(id);

		if (cache && cache->pub.id && cache->gated)
			atomic_store_explicit(&cache->used, limit_count(cache),
					      memory_order_relaxed);
	}
}
