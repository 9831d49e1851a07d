// SPDX-License-Identifier: MIT
/*
 * Few survivors pin a slab, but not all its pages: those that hold free objects
 * only go back to the system while the slab lives on. Bitmaps lie outside the
 * slabs, so nothing is lost with the pages but what a constructor wrote, or what a
 * destructor or an RCU reader may want to see: slabs of such caches are left alone.
 *
 * Slabs without owner are taken off their lists in batches, as if to take
 * objects from them; so nobody else takes any, and those that come home meanwhile
 * touch the bitmap only.
 */
#include "slab/reclaim.h"

#include "buddy/relief.h"
#include "slab/cache_place.h"
#include "slab/slab.h"

#define STRIDE_LEAST 256u /* of smaller objects a page holds so many that one survives */
#define SLAB_SHARE   8	  /* of a slab's objects must have come home for another visit */
#define BATCH_SLABS  256u
#define LOOKS_PER_MS 32u	     /* in vain: some 80 ns each, so a 400th of a processor */
#define RELIEF_PAGES ((size_t)16384) /* 64 MiB, or little more, before memory grows */

struct lock reclaim_lock;

struct pass {
	uint32_t age_ms, now;
	size_t most;   /* pages to give back */
	bool asked;    /* by the program: else what was prefaulted stays */
	size_t nlooks; /* caches and slabs looked at */
	size_t npages; /* given back */
};

/*
 * Are there fewer live objects than pages, and have so many come home since the
 * last visit that more pages may have died?
 */
static bool has_dead_locked(const struct kmem_cache *cache, const struct slab *slab)
{
	int32_t nobjects = (int32_t)cache->pub.slab_objects;
	int32_t nfree = slab_nfree(atomic_load_explicit(&slab->state, memory_order_relaxed));

	return nobjects - nfree < (int32_t)cache->pub.slab_pages &&
	       (nfree - slab->purged) * SLAB_SHARE >= nobjects;
}

/* Has the slab been as it is for the time? Notes what it is like now. */
static bool is_old_locked(struct slab *slab, const struct pass *pass)
{
	uint16_t nfree =
		(uint16_t)slab_nfree(atomic_load_explicit(&slab->state, memory_order_relaxed));

	if (!pass->age_ms)
		return true;
	if (slab->seen == nfree)
		return (int32_t)(pass->now - slab->stamp) >= (int32_t)pass->age_ms;
	slab->seen = nfree;
	slab->stamp = pass->now;
	return false;
}

/* The first of the lists to look at: the fullest slabs have too little, some caches nothing. */
static enum slab_bucket first_bucket_locked(const struct kmem_cache *cache, const struct pass *pass)
{
	if (cache->nowait && !pass->asked)
		return BUCKET_EMPTY;
	if (cache->ctor || cache->dtor || cache->debug.flags || cache_typesafe(cache))
		return BUCKET_EMPTY;
	return cache->pub.stride < STRIDE_LEAST ? BUCKET_EMPTY : BUCKET_FOURTH;
}

/* So many slabs that no more may be given back. */
static unsigned batch_locked(const struct kmem_cache *cache, const struct pass *pass)
{
	size_t room = (pass->most - pass->npages) / cache->pub.slab_pages;

	return room < BATCH_SLABS ? (unsigned)room + 1 : BATCH_SLABS;
}

/*
 * Own a batch of slabs worth a visit, chained by next. false: there are no more. The cache may be
 * another than when it was seen to have slabs: its shape is read with the lock.
 */
static bool collect(struct kmem_cache *cache, struct pass *pass, struct slab **chain)
{
	struct slab *slab, *next;
	unsigned n = 0, most;

	*chain = NULL;
	lock_take(&cache->lock, LOCK_CACHE);
	most = batch_locked(cache, pass);
	for_each_lists (cache, lists)
		for (unsigned bucket = first_bucket_locked(cache, pass); bucket < BUCKET_EMPTY;
		     bucket++)
			for (slab = lists[bucket]; slab && n < most; slab = next) {
				next = slab->next;
				pass->nlooks++;
				if (!has_dead_locked(cache, slab) || !is_old_locked(slab, pass))
					continue;
				slab_own_locked(slab);
				slab->next = *chain;
				*chain = slab;
				n++;
			}
	lock_release(&cache->lock, LOCK_CACHE);
	return n == most;
}

/* Give back the whole pages in the slab's objects [first, end); their number. */
static size_t purge_objects(const struct slab *slab, uint32_t first, uint32_t end)
{
	const struct kmem_root_cache *shape = &slab->cache->pub;
	uintptr_t page = sys_page_size(), start, stop;

	start = (slab->base + (uintptr_t)first * shape->stride + page - 1) & ~(page - 1);
	stop = slab->base + (end < shape->slab_objects
				     ? (uintptr_t)end * shape->stride
				     : (uintptr_t)shape->slab_pages << PAGE_SHIFT);
	stop &= ~(page - 1);
	if (start >= stop || sys_purge((void *)start, stop - start) != 0)
		return 0;
	return (stop - start) >> PAGE_SHIFT;
}

/* The owner gives back the pages of all runs of free objects; their number. */
static size_t purge_slab(struct slab *slab)
{
	uint32_t nobjects = slab->cache->pub.slab_objects, first = 0, nfree = 0;
	size_t npages = 0;

	for (uint32_t i = 0; i < nobjects; i++) {
		if (slab_is_home(slab, i)) {
			nfree++;
			continue;
		}
		npages += purge_objects(slab, first, i);
		first = i + 1;
	}
	npages += purge_objects(slab, first, nobjects);
	slab->purged = (uint16_t)nfree;
	relief_absent((long)npages - (long)slab->absent);
	slab->absent = (uint32_t)npages;
	return npages;
}

static void reclaim_cache(struct kmem_cache *cache, struct pass *pass)
{
	struct slab *slab, *next;
	bool more;

	do {
		more = collect(cache, pass, &slab);
		for (; slab; slab = next) {
			next = slab->next;
			pass->npages += purge_slab(slab);
			slab_release(slab);
		}
	} while (more && pass->npages < pass->most);
}

static void reclaim_locked(struct pass *pass)
{
	for (unsigned id = ID_FIRST; id < cache_ids() && pass->npages < pass->most; id++) {
		struct kmem_cache *cache = cache_of(id);

		pass->nlooks++;
		if (cache && __atomic_load_n(&cache->pub.nslabs, __ATOMIC_RELAXED))
			reclaim_cache(cache, pass);
	}
}

size_t reclaim_trim(void)
{
	struct pass pass = {.most = SIZE_MAX, .asked = true};

	lock_take(&reclaim_lock, LOCK_RECLAIM);
	reclaim_locked(&pass);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	return pass.npages;
}

static void reclaim_passing(struct pass *pass)
{
	pass->now = sys_now_ms();
	if (!lock_try(&reclaim_lock, LOCK_RECLAIM))
		return;
	reclaim_locked(pass);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
}

size_t reclaim_age(uint32_t age_ms, size_t most)
{
	static _Atomic uint32_t last_ms, rest_ms;
	struct pass pass = {.age_ms = age_ms, .most = most};
	uint32_t now = sys_now_ms(), last = atomic_load_explicit(&last_ms, memory_order_relaxed);

	if (now - last < atomic_load_explicit(&rest_ms, memory_order_relaxed))
		return 0;
	reclaim_passing(&pass);
	atomic_store_explicit(&last_ms, now, memory_order_relaxed);
	atomic_store_explicit(&rest_ms, pass.npages ? 0 : (uint32_t)(pass.nlooks / LOOKS_PER_MS),
			      memory_order_relaxed);
	return pass.npages;
}

size_t reclaim_relief(void)
{
	struct pass pass = {.most = RELIEF_PAGES};

	reclaim_passing(&pass);
	return pass.nlooks;
}
