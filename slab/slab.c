// SPDX-License-Identifier: MIT
/* Slabs: lists, birth and retirement. See slab.h. */
#include "slab/slab.h"

#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/relief.h"
#include "buddy/report.h"
#include "buddy/sys.h"
#include "slab/annotate.h"
#include "slab/cache_place.h"
#include "slab/damaged.h"
#include "slab/debug.h"
#include "slab/hardened.h"
#include "slab/marks.h"
#include "slab/rcu.h"

#define EMPTY_KEEP 2 /* empty slabs a cache keeps until they decay */

static struct meta_pool slab_pool = {.nbytes = sizeof(struct slab), .align = SLAB_RECORD};
static struct meta_pool marked_pool = {.nbytes = sizeof(struct marked_slab), .align = SLAB_RECORD};

static struct meta_pool *pool_of(const struct kmem_cache *cache)
{
	return cache_marked(cache) ? &marked_pool : &slab_pool;
}

enum slab_bucket slab_bucket(const struct kmem_cache *cache, int32_t nfree, uint32_t *room)
{
	int32_t nobjects = (int32_t)cache->pub.slab_objects;
	const int32_t ends[BUCKETS] = {1,	 nobjects / 8, nobjects / 4, nobjects / 2,
				       nobjects, INT32_MAX};
	enum slab_bucket bucket = BUCKET_FULL;

	while (nfree >= ends[bucket])
		bucket++;
	*room = (uint32_t)(ends[bucket] - 1 - nfree);
	return bucket;
}

static void count_slabs(uint32_t *count, uint32_t add)
{
	__atomic_store_n(count, *count + add, __ATOMIC_RELAXED);
}

/* Of the cache, and of the slab's place, if that is not the first. */
static void count_slab_locked(struct kmem_cache *cache, const struct slab *slab, uint32_t add)
{
	count_slabs(&cache->pub.nslabs, add);
	if (__builtin_expect(slab->place != 0, 0))
		count_slabs(&cache_place_find(cache, slab->place)->nslabs, add);
}

static void list_add_locked(struct kmem_cache *cache, struct slab *slab, enum slab_bucket bucket)
{
	struct slab **head = &cache_lists(cache, slab->place)[bucket];

	slab->bucket = bucket;
	slab->prev = NULL;
	slab->next = *head;
	if (*head)
		(*head)->prev = slab;
	*head = slab;
	if (bucket == BUCKET_EMPTY) {
		slab->stamp = sys_now_ms();
		count_slabs(&cache->pub.nslabs_empty, 1);
	}
}

static void list_del_locked(struct kmem_cache *cache, struct slab *slab)
{
	if (slab->prev)
		slab->prev->next = slab->next;
	else
		cache_lists(cache, slab->place)[slab->bucket] = slab->next;
	if (slab->next)
		slab->next->prev = slab->prev;
	if (slab->bucket == BUCKET_EMPTY)
		count_slabs(&cache->pub.nslabs_empty, 0u - 1);
}

/* Those that were ever constructed, or left the slab. */
static void destruct_objects(const struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;

	ASSERT(lock_none_held());
	for (uint32_t i = 0; i < slab->fresh; i++)
		if (!cache->hardened || hardened_was_out(slab, i))
			cache->dtor(slab_object(slab, i));
}

void slab_end(struct slab *slab)
{
	size_t npages = slab->cache->pub.slab_pages;
	void *base = slab_pages(slab);

	if (slab->cache->debug.flags)
		annotate_slab_end(slab);
	if (slab->cache->dtor)
		destruct_objects(slab);
	relief_absent(-(long)slab->absent);
	pagemap_set(base, npages, ID_NONE, NULL);
	buddy_free(base, npages);
	meta_pool_put(pool_of(slab->cache), slab);
}

void slab_free(struct slab *slab)
{
	/* Before destructors change them. */
	if (slab->cache->debug.flags && !debug_old_sound(slab))
		damaged_defer(slab);
	else
		slab_end(slab);
}

/* No list knows it any more, its cache's lock is not held. */
static void slab_destroy(struct slab *slab)
{
	if (cache_typesafe(slab->cache))
		rcu_defer(slab);
	else
		slab_free(slab);
}

/* A chain of them; how many. */
static unsigned destroy_all(struct slab *chain)
{
	struct slab *next;
	unsigned n = 0;

	for (; chain; chain = next, n++) {
		next = chain->next;
		slab_destroy(chain);
	}
	return n;
}

/* Pages of the place, owned by the caller; NULL: it has none. */
static struct slab *slab_create(struct kmem_cache *cache, const struct place_walk *at)
{
	size_t npages = cache->pub.slab_pages;
	uint32_t nobjects = cache->pub.slab_objects;
	struct slab *slab;
	bool zeroed;

	if (__builtin_expect(at->place != 0, 0) && !cache_place_make(cache, at->place))
		return NULL;
	slab = meta_pool_get(pool_of(cache));
	if (!slab)
		return NULL;
	slab->place = at->place;
	slab->base = (uintptr_t)buddy_alloc_at(at, npages, npages, PAGE_SLAB, &zeroed);
	if (!slab->base) {
		meta_pool_put(pool_of(cache), slab);
		return NULL;
	}
	slab->cache = cache;
	slab->base += cache->debug.left;
	for (uint32_t i = 0; i < nobjects; i += 64) {
		uint64_t bits = nobjects - i >= 64 ? ~0ull : (1ull << (nobjects - i)) - 1;

		atomic_store_explicit(&slab->free[i / 64], bits, memory_order_relaxed);
	}
	atomic_store_explicit(&slab->state, (uint64_t)nobjects << 32 | SLAB_OWNED,
			      memory_order_relaxed);
	pagemap_set(slab_pages(slab), npages, cache->id, slab);
	if (cache_marked(cache))
		marks_start(slab);
	if (cache->debug.flags)
		debug_new_slab(slab);
	lock_take(&cache->lock, LOCK_CACHE);
	count_slab_locked(cache, slab, 1);
	lock_release(&cache->lock, LOCK_CACHE);
	return slab;
}

/* Fewest free first, but those with next to nothing last, as each costs a visit. */
static struct slab *pick_locked(struct slab *const *lists)
{
	static const enum slab_bucket order[] = {BUCKET_FOURTH, BUCKET_HALF, BUCKET_MORE,
						 BUCKET_EIGHTH, BUCKET_EMPTY};

	for (unsigned i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (lists[order[i]])
			return lists[order[i]];
	return NULL;
}

void slab_own_locked(struct slab *slab)
{
	list_del_locked(slab->cache, slab);
	/* acquire: pairs with the release in slab_release */
	atomic_fetch_or_explicit(&slab->state, SLAB_OWNED, memory_order_acquire);
}

/* One that the lists of the place have, to own it; NULL: none. */
static struct slab *take_listed(struct kmem_cache *cache, unsigned place)
{
	struct slab *slab;

	lock_take(&cache->lock, LOCK_CACHE);
	slab = pick_locked(cache_lists(cache, place));
	if (!slab) {
		slab_settle_locked(cache);
		slab = pick_locked(cache_lists(cache, place));
	}
	if (slab)
		slab_own_locked(slab);
	lock_release(&cache->lock, LOCK_CACHE);
	return slab;
}

static struct slab *acquire_at(struct kmem_cache *cache, const struct place_walk *at)
{
	struct slab *slab = NULL;

	if (__builtin_expect(!at->place, 1) || cache_place_find(cache, at->place))
		slab = take_listed(cache, at->place);
	if (!slab)
		return slab_create(cache, at);
	slab->seen = slab->purged = 0;
	if (slab->absent) {
		relief_touch(slab->absent);
		slab->absent = 0;
	}
	return slab;
}

/* Of each place what is there, before memory of the next one is taken. */
static __attribute__((noinline)) struct slab *acquire_near(struct kmem_cache *cache)
{
	struct place_walk walk = cache_walk(cache);
	struct slab *slab;

	do
		slab = acquire_at(cache, &walk);
	while (!slab && place_walk_next(&walk));
	return slab;
}

struct slab *slab_acquire(struct kmem_cache *cache)
{
	static const struct place_walk only_place;

	return places_several() ? acquire_near(cache) : acquire_at(cache, &only_place);
}

/* Put the slab, without owner, on the list its count asks for; it, if it is to be retired. */
static struct slab *settle_locked(struct kmem_cache *cache, struct slab *slab)
{
	/* acquire: all returns so far, before the slab may be retired */
	uint64_t state = atomic_load_explicit(&slab->state, memory_order_acquire), fits;
	enum slab_bucket bucket;
	uint32_t room;

	do {
		bucket = slab_bucket(cache, slab_nfree(state), &room);
		fits = state >> 32 << 32 | (uint64_t)room << SLAB_ROOM;
	} while (!atomic_compare_exchange_weak_explicit(
		&slab->state, &state, fits, memory_order_acq_rel, memory_order_acquire));
	/* What was prefaulted stays until asked for; destructors need a caller without locks. */
	if (bucket == BUCKET_EMPTY &&
	    cache->pub.nslabs_empty >=
		    EMPTY_KEEP + atomic_load_explicit(&cache->nready, memory_order_relaxed) &&
	    !cache->dtor && !cache->nowait) {
		count_slab_locked(cache, slab, 0u - 1);
		return slab;
	}
	list_add_locked(cache, slab, bucket);
	return NULL;
}

/* Its room as well: a return that found none may have been counted after another list gave it some.
 */
static bool fits_locked(const struct kmem_cache *cache, const struct slab *slab)
{
	uint64_t state = atomic_load_explicit(&slab->state, memory_order_relaxed);
	uint32_t room;

	return slab_bucket(cache, slab_nfree(state), &room) == slab->bucket &&
	       slab_room(state) == room;
}

void slab_settle_locked(struct kmem_cache *cache)
{
	struct slab *slab, *next;

	/* acquire: the counts raised before the note; pairs with the release in return_nowait */
	if (!atomic_load_explicit(&cache->unsettled, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&cache->unsettled, false, memory_order_acquire))
		return;
	for_each_lists (cache, lists)
		for (unsigned bucket = BUCKET_FULL; bucket < BUCKET_EMPTY; bucket++)
			for (slab = lists[bucket]; slab; slab = next) {
				next = slab->next;
				if (fits_locked(cache, slab))
					continue;
				list_del_locked(cache, slab);
				/* None is to be retired: such a cache keeps its empty slabs. */
				settle_locked(cache, slab);
			}
}

void slab_release(struct slab *slab)
{
	struct kmem_cache *cache = slab->cache;
	struct slab *retired;

	lock_take(&cache->lock, LOCK_CACHE);
	retired = settle_locked(cache, slab);
	lock_release(&cache->lock, LOCK_CACHE);
	if (retired)
		slab_destroy(retired);
}

void slab_recount(struct slab *slab)
{
	uint64_t state = atomic_load_explicit(&slab->state, memory_order_relaxed);
	uint64_t nfree = slab_count_home(slab);

	atomic_store_explicit(&slab->state, nfree << 32 | (uint32_t)state, memory_order_relaxed);
}

void slab_recount_all(struct kmem_cache *cache)
{
	struct slab *retired = NULL, *slab, *next;

	lock_take(&cache->lock, LOCK_CACHE);
	for_each_lists (cache, lists)
		for (unsigned bucket = BUCKET_FULL; bucket < BUCKET_EMPTY; bucket++)
			for (slab = lists[bucket]; slab; slab = next) {
				next = slab->next;
				slab_recount(slab);
				list_del_locked(cache, slab);
				if (settle_locked(cache, slab)) {
					slab->next = retired;
					retired = slab;
				}
			}
	lock_release(&cache->lock, LOCK_CACHE);
	destroy_all(retired);
}

/* Without the lock, in a cache whose frees may not wait: see the argument in slab.h. */
static void return_nowait(struct kmem_cache *cache, struct slab *slab, uint64_t add)
{
	/* release: the bits are set; pairs with the acquire in settle_locked */
	if (atomic_fetch_add_explicit(&slab->state, add, memory_order_release) & SLAB_OWNED)
		return; /* its owner settles it */
	/* release: the count; an exchange, so that the last of several notes passes on all counts
	 */
	atomic_exchange_explicit(&cache->unsettled, true, memory_order_release);
}

void slab_count_slow(struct kmem_cache *cache, struct slab *slab, uint32_t n)
{
	struct slab *retired = NULL;
	uint64_t add = (uint64_t)n << 32;

	if (cache->nowait) {
		return_nowait(cache, slab, add);
		return;
	}
	lock_take(&cache->lock, LOCK_CACHE);
	/* release: the bits are set; pairs with the acquire in settle_locked */
	if (!(atomic_fetch_add_explicit(&slab->state, add, memory_order_release) & SLAB_OWNED)) {
		list_del_locked(cache, slab);
		retired = settle_locked(cache, slab);
	}
	lock_release(&cache->lock, LOCK_CACHE);
	if (retired)
		slab_destroy(retired);
}

/* Free the empty slabs older than age_ms but the keep that became so last; those freed. */
static unsigned free_empty(struct kmem_cache *cache, uint32_t age_ms, unsigned keep)
{
	struct slab *retired = NULL, *slab, *next;
	uint32_t now;

	lock_take(&cache->lock, LOCK_CACHE);
	slab_settle_locked(cache);
	now = sys_now_ms(); /* not before the slabs that were settled became empty */
	for_each_lists (cache, lists)
		for (slab = lists[BUCKET_EMPTY]; slab; slab = next) {
			next = slab->next;
			if ((int32_t)(now - slab->stamp) < (int32_t)age_ms || (keep > 0 && keep--))
				continue;
			list_del_locked(cache, slab);
			count_slab_locked(cache, slab, 0u - 1);
			slab->next = retired;
			retired = slab;
		}
	lock_release(&cache->lock, LOCK_CACHE);
	return destroy_all(retired);
}

unsigned slab_retire(struct kmem_cache *cache, uint32_t age_ms)
{
	atomic_store_explicit(&cache->nready, 0, memory_order_relaxed);
	return slab_retire_but(cache, age_ms, 0);
}

unsigned slab_retire_but(struct kmem_cache *cache, uint32_t age_ms, unsigned keep)
{
	return cache->dtor ? 0 : free_empty(cache, age_ms, keep);
}

unsigned slab_destruct(struct kmem_cache *cache)
{
	return cache->dtor ? free_empty(cache, 0, 0) : 0;
}

void slab_destruct_surplus(struct kmem_cache *cache)
{
	if (__atomic_load_n(&cache->pub.nslabs_empty, __ATOMIC_RELAXED) > EMPTY_KEEP)
		free_empty(cache, 0, EMPTY_KEEP);
}
