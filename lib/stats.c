// SPDX-License-Identifier: MIT
/* Statistics: summed when asked for, so that nobody pays for them before. */
#include "lib/stats.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/classes.h"
#include "lib/heaps.h"
#include "slab/thread.h"

#include <errno.h>
#include <kmem/limits.h>
#include <string.h>

#define SIZE_LEAST 64u	 /* of a struct of any version … */
#define SIZE_MOST  4096u /* … that there may ever be */

/* The sums of one cache, over all threads. */
struct sums {
	uint64_t taken, given;
	uint64_t parked;
};

/* In motion the terms may be read out of step: never below nothing. */
static uint64_t less(uint64_t from, uint64_t what)
{
	return (int64_t)(from - what) > 0 ? from - what : 0;
}

static struct sums sums_of(const struct kmem_cache *cache)
{
	struct sums sums = {
		.taken = stats_load(&cache->pub.taken),
		.given = stats_load(&cache->pub.given),
		.parked = stats_load(&cache->pub.lent),
	};

	for_each_thread (thread) {
		struct shelf *shelf = thread_shelf(thread, cache->id);

		sums.taken += stats_load(&shelf->pub.taken);
		sums.given += stats_load(&shelf->pub.given);
		sums.parked += stats_load(&shelf->pub.lent) +
			       slot_fill(thread_slot(thread, cache->id)) +
			       slot_fill(shelf_spare(shelf));
	}
	return sums;
}

static void read_locked(const struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
	const struct kmem_root_cache *pub = &cache->pub;
	struct sums sums = sums_of(cache);

	*stats = (struct kmem_cache_stats){
		.size = sizeof(*stats),
		.id = pub->id,
		.flags = pub->flags,
		.object_size = pub->object_size,
		.stride = pub->stride,
		.align = pub->align,
		.slab_objects = pub->slab_objects,
		.slab_bytes = (uint64_t)pub->slab_pages << PAGE_SHIFT,
		.slabs = __atomic_load_n(&pub->nslabs, __ATOMIC_RELAXED),
		.slabs_empty = __atomic_load_n(&pub->nslabs_empty, __ATOMIC_RELAXED),
		.active = less(sums.taken - sums.given, sums.parked),
		.parked = less(sums.parked, 0),
		.taken = sums.taken,
		.given = sums.given,
		.counted = pub->counted,
		.allocs = pub->counted ? sums.taken : 0,
		.frees = pub->counted ? sums.given : 0,
		.limit = cache->limit,
	};
	memcpy(stats->name, pub->name, sizeof(stats->name));
	stats->objects = stats->slabs * stats->slab_objects;
}

bool stats_of_id(unsigned id, struct kmem_cache_stats *stats)
{
	const struct kmem_cache *cache;
	bool known;

	/* Held so that the cache is not destroyed, or made another, meanwhile. */
	lock_take(&cache_lock, LOCK_CACHES);
	cache = cache_of(id);
	known = cache && cache->pub.id;
	if (known)
		read_locked(cache, stats);
	lock_release(&cache_lock, LOCK_CACHES);
	return known;
}

struct kmem_cache_stats cache_stats(const struct kmem_cache *cache)
{
	struct kmem_cache_stats stats = {0};

	stats_of_id(cache->id, &stats);
	return stats;
}

static void add_zones(struct kmem_stats *stats)
{
	for_each_zone (zone) {
		stats->zones++;
		stats->reserved_bytes += stats_load(&zone->pub.npages) << PAGE_SHIFT;
		stats->committed_bytes += stats_load(&zone->pub.committed) << PAGE_SHIFT;
		stats->dirty_bytes += stats_load(&zone->pub.dirty) << PAGE_SHIFT;
		stats->clean_bytes += stats_load(&zone->pub.clean) << PAGE_SHIFT;
	}
}

/* Bytes of blocks that are free, in the sheaves of the bins [first, end). */
static uint64_t fronts_parked(unsigned first, unsigned end)
{
	uint64_t nbytes = 0;

	for (unsigned id = ID_FRONTS + first; id < ID_FRONTS + end; id++) {
		const struct kmem_cache *cache = cache_of(id);

		if (cache)
			nbytes += sums_of(cache).parked * cache->pub.stride;
	}
	return nbytes;
}

static void add_heaps(struct kmem_stats *stats)
{
	struct kmem_root_heap heap;
	uint64_t live = 0;

	for (; heap_published((unsigned)stats->heaps, &heap); stats->heaps++) {
		/* Its memory is the program's, and counted there. */
		if (heap.given)
			continue;
		stats->span_bytes += heap.span_bytes;
		live += heap.live_bytes;
	}
	stats->span_parked_bytes = fronts_parked(0, FRONT_RUNS);
	stats->span_active_bytes = less(live, stats->span_parked_bytes);
	stats->run_parked_bytes = fronts_parked(FRONT_RUNS, NFRONTS);
}

static void add_caches(struct kmem_stats *stats)
{
	struct kmem_cache_stats cache;

	for (unsigned id = ID_FIRST; id < cache_ids(); id++) {
		if (!stats_of_id(id, &cache))
			continue;
		stats->caches++;
		stats->slab_bytes += cache.slabs * cache.slab_bytes;
		stats->slab_active_bytes += cache.active * cache.stride;
		stats->slab_parked_bytes += cache.parked * cache.stride;
	}
}

static void add_waiting(struct kmem_stats *stats)
{
	const struct kmem_root_waiting *waiting;
	/* acquire: the record; pairs with the release in slab/rcu.c */
	uint64_t next = __atomic_load_n(&root_record.layout.waiting, __ATOMIC_ACQUIRE);

	for (; next; next = waiting->next) {
		waiting = (const struct kmem_root_waiting *)next;
		stats->waiting_objects += stats_load(&waiting->objects);
		stats->waiting_bytes += stats_load(&waiting->object_bytes);
		stats->waiting_slabs += stats_load(&waiting->slabs);
		stats->waiting_slab_bytes += stats_load(&waiting->slab_bytes);
	}
	/* Their terms are of different moments. */
	stats->waiting_objects = less(stats->waiting_objects, 0);
	stats->waiting_bytes = less(stats->waiting_bytes, 0);
}

struct kmem_stats stats_sum(void)
{
	struct kmem_stats stats = {
		.size = sizeof(stats),
		.mapped_bytes = stats_load(&root_record.mapped_bytes),
		.meta_bytes = stats_load(&root_record.meta_bytes),
		.limit_bytes = kmem_limit_get(),
		.limit_used_bytes = kmem_limit_usage(),
		.limit_refusals = kmem_limit_refusals(),
	};

	for_each_thread (thread)
		stats.threads += __atomic_load_n(&thread->pub.tid, __ATOMIC_RELAXED) != 0;
	add_zones(&stats);
	add_heaps(&stats);
	add_caches(&stats);
	add_waiting(&stats);
	/* Runs of pages are what the zones hold besides. */
	stats.run_bytes =
		less(stats.committed_bytes,
		     stats.dirty_bytes + stats.clean_bytes + stats.slab_bytes + stats.span_bytes +
			     stats.run_parked_bytes + stats.waiting_slab_bytes);
	stats.used_bytes = stats.slab_active_bytes + stats.span_active_bytes + stats.run_bytes +
			   stats.mapped_bytes;
	return stats;
}

int stats_copy_out(void *to, const void *from, size_t nbytes)
{
	size_t known = *(size_t *)to, most = known < nbytes ? known : nbytes;

	if (known < SIZE_LEAST || known > SIZE_MOST || known % sizeof(uint64_t))
		return -EINVAL;
	memcpy(to, from, most);
	memset((char *)to + most, 0, known - most);
	*(size_t *)to = most;
	return 0;
}

int kmem_stats_read(struct kmem_stats *stats)
{
	struct kmem_stats all = stats_sum();

	return stats_copy_out(stats, &all, sizeof(all));
}

int kmem_cache_stats(const struct kmem_cache *cache, struct kmem_cache_stats *stats)
{
	struct kmem_cache_stats all;

	return stats_of_id(cache->id, &all) ? stats_copy_out(stats, &all, sizeof(all)) : -EINVAL;
}

unsigned int kmem_cache_stats_next(unsigned int id, struct kmem_cache_stats *stats)
{
	struct kmem_cache_stats all;

	for (id = id < ID_LIMIT ? id + 1 : ID_LIMIT; id < cache_ids(); id++)
		if (stats_of_id(id, &all))
			return stats_copy_out(stats, &all, sizeof(all)) ? 0 : id;
	return 0;
}
