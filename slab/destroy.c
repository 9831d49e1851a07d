// SPDX-License-Identifier: MIT
/* The end of a cache: everything home, what still lives reported, the record for the next. */
#include "buddy/report.h"
#include "slab/ask.h"
#include "slab/cache_place.h"
#include "slab/damaged.h"
#include "slab/debug.h"
#include "slab/guard.h"
#include "slab/marks.h"
#include "slab/rcu.h"
#include "slab/reclaim.h"
#include "slab/sheaves.h"
#include "slab/slab.h"

#include <errno.h>

/* Does the program have the object? Of a guarded cache what is set aside is nobody's. */
static bool is_live(const struct kmem_cache *cache, const struct slab *slab, uint32_t index)
{
	return cache_marked(cache) ? !mark_holds(slab, index) : !slab_is_home(slab, index);
}

/* Call seen, if given, for each live object of the slab; how many. */
static unsigned each_live_of(const struct kmem_cache *cache, const struct slab *slab,
			     void (*seen)(const struct kmem_cache *cache, void *object))
{
	unsigned n = 0;

	for (uint32_t i = 0; i < cache->pub.slab_objects; i++) {
		if (!is_live(cache, slab, i))
			continue;
		n++;
		if (seen)
			seen(cache, slab_object(slab, i));
	}
	return n;
}

/* The same for each of the cache. */
static unsigned each_live(const struct kmem_cache *cache,
			  void (*seen)(const struct kmem_cache *cache, void *object))
{
	unsigned n = 0;

	for_each_lists (cache, lists)
		for (unsigned bucket = BUCKET_FULL; bucket < BUCKET_EMPTY; bucket++)
			for (struct slab *slab = lists[bucket]; slab; slab = slab->next)
				n += each_live_of(cache, slab, seen);
	return n;
}

static void report_live(const struct kmem_cache *cache, void *object)
{
	report("kmem_cache_destroy: cache '%s': object %p is still live", cache->pub.name, object);
	debug_print_tracks(cache, object);
}

static void report_reader(const struct kmem_cache *cache)
{
	report("kmem_cache_destroy: cache '%s': what it freed waits for a grace period, which this "
	       "thread cannot wait for: it is a reader, or in a destructor",
	       cache->pub.name);
}

/* Everything home that threads and barn hold. */
static void recall(struct kmem_cache *cache)
{
	for_each_thread (thread) {
		lock_take(&thread->lock, LOCK_THREAD);
		if (thread_shelf(thread, cache->id)->used)
			thread_flush(thread, cache);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	cache_drain(cache);
	if (cache->pub.nslabs) {
		slab_recount_all(cache);
		slab_retire(cache, 0);
	}
}

struct remains {
	unsigned nlive;	   /* objects */
	unsigned nslabs;   /* with or without any */
	unsigned nwaiting; /* slabs that wait for a grace period … */
	unsigned ndrains;  /* … for which this thread waited so often … */
	int drained;	   /* … and how that ended */
	unsigned nleft;	   /* guarded objects, freed, to be settled */
	unsigned ndamaged; /* slabs to be reported */
};

static bool is_clean(const struct remains *left)
{
	return !left->nlive && !left->nslabs && !left->nwaiting && !left->nleft && !left->ndamaged;
}

/* One try to destroy the cache, and what is left of it. false: it is none. */
static bool destroy_try(struct kmem_cache *cache, struct remains *left)
{
	bool known;

	/* No slab is in other hands meanwhile. */
	lock_take(&reclaim_lock, LOCK_RECLAIM);
	lock_take(&cache_lock, LOCK_CACHES);
	known = cache->pub.id != 0;
	if (known) {
		recall(cache);
		left->nlive = each_live(cache, NULL) + guard_each_live(cache, NULL);
		if (!left->nlive && cache->pub.nslabs && cache_marked(cache)) {
			marks_recall(cache);
			slab_retire(cache, 0);
		}
		left->nslabs = cache->pub.nslabs;
		/* acquire: who freed the last; pairs with free_slab in rcu.c */
		left->nwaiting = atomic_load_explicit(&cache->nwaiting, memory_order_acquire);
		left->nleft = guard_count_left(cache);
		/* acquire: who freed the last; pairs with damaged_report */
		left->ndamaged = atomic_load_explicit(&cache->ndamaged, memory_order_acquire);
		if (is_clean(left)) {
			guard_forget(cache);
			cache_forget_locked(cache);
		}
	}
	lock_release(&cache_lock, LOCK_CACHES);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	return known;
}

/*
 * Do what may be done about it with no lock held: report, run destructors, wait for a grace period.
 * That twice, as slabs may come to wait just when nothing more waited.
 */
static bool work_off(struct kmem_cache *cache, struct remains *left)
{
	if (left->ndamaged) {
		damaged_settle(cache);
		return true;
	}
	if (guard_settle(cache) || (!left->nlive && slab_destruct(cache)))
		return true;
	if (!left->nwaiting || left->ndrains++ == 2)
		return false;
	left->drained = rcu_drain(cache->rcu);
	return left->drained >= 0;
}

static void report_remains(const struct kmem_cache *cache, const struct remains *left)
{
	if (left->nlive) {
		each_live(cache, report_live);
		guard_each_live(cache, report_live);
	} else if (left->nslabs || (left->nwaiting && left->drained >= 0)) {
		report("kmem_cache_destroy: cache '%s': %u slabs were lost in a fork",
		       cache->pub.name, left->nslabs + left->nwaiting);
	} else if (left->nwaiting) {
		report_reader(cache);
	}
}

int kmem_cache_destroy(struct kmem_cache *cache)
{
	struct remains left = {0};
	bool known;

	if (!cache)
		return 0;
	if (!ask_stop(cache)) {
		report_bug("kmem_cache_destroy: cache '%s' is destroyed by a callback of its own",
			   cache->pub.name);
		return -EBUSY;
	}
	/* First: libkmem-rcu's thread may be at work on what was freed before. */
	if (rcu_drain(cache->rcu) < 0) {
		report_reader(cache);
		ask_resume(cache);
		return -EBUSY;
	}
	/* Destructors run in between, with no lock held. */
	do
		known = destroy_try(cache, &left);
	while (known && !is_clean(&left) && work_off(cache, &left));
	if (!is_clean(&left))
		ask_resume(cache);
	if (!known) {
		report_bug("kmem_cache_destroy: the cache at %p was destroyed before",
			   (void *)cache);
		return -EINVAL;
	}
	/* Nobody uses the cache, so its slabs stay where they are without the lock. */
	report_remains(cache, &left);
	return is_clean(&left) ? 0 : -EBUSY;
}
