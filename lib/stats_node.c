// SPDX-License-Identifier: MIT
/* Statistics by node: see kmem/stats.h. */
#include "buddy/buddy.h"
#include "lib/stats.h"
#include "slab/cache_place.h"

/* The node of the slabs that are in a cache's own lists, -1: nothing is placed. */
static int first_node(void)
{
	return place_node(0);
}

static void add_zone(struct kmem_node_stats *stats, const struct zone *zone)
{
	stats->zones++;
	stats->reserved_bytes += stats_load(&zone->pub.npages) << PAGE_SHIFT;
	stats->committed_bytes += stats_load(&zone->pub.committed) << PAGE_SHIFT;
	stats->dirty_bytes += stats_load(&zone->pub.dirty) << PAGE_SHIFT;
	stats->clean_bytes += stats_load(&zone->pub.clean) << PAGE_SHIFT;
}

/* Those of the cache on the node. */
static uint64_t slabs_on(struct kmem_cache *cache, int node)
{
	uint64_t elsewhere = 0, n = 0;

	for (struct cache_place *at = cache_places(cache); at; at = cache_place_next(at)) {
		uint32_t nslabs = __atomic_load_n(&at->nslabs, __ATOMIC_RELAXED);

		elsewhere += nslabs;
		if (at->node == node)
			n += nslabs;
	}
	if (first_node() == node)
		n += __atomic_load_n(&cache->pub.nslabs, __ATOMIC_RELAXED) - elsewhere;
	return n;
}

uint64_t stats_slabs_on(unsigned id, int node, uint64_t *nbytes)
{
	struct kmem_cache *cache;
	uint64_t n = 0;

	*nbytes = 0;
	lock_take(&cache_lock, LOCK_CACHES);
	cache = cache_of(id);
	if (cache && cache->pub.id) {
		n = slabs_on(cache, node);
		*nbytes = n * cache->pub.slab_pages << PAGE_SHIFT;
	}
	lock_release(&cache_lock, LOCK_CACHES);
	return n;
}

int stats_node_next(int node)
{
	int next = NODES_MAX;

	for_each_zone (zone) {
		int of = __atomic_load_n(&zone->node, __ATOMIC_RELAXED);

		if (of > node && of < next)
			next = of;
	}
	return next < NODES_MAX ? next : -1;
}

static void add_caches(struct kmem_node_stats *stats)
{
	uint64_t nbytes;

	for (unsigned id = ID_FIRST; id < cache_ids(); id++) {
		stats->slabs += stats_slabs_on(id, (int)stats->node, &nbytes);
		stats->slab_bytes += nbytes;
	}
}

int kmem_node_stats_next(int node, struct kmem_node_stats *stats)
{
	struct kmem_node_stats all = {.size = sizeof(all)};
	int next = stats_node_next(node);

	if (next < 0)
		return -1;
	all.node = (uint64_t)next;
	for_each_zone (zone)
		if (__atomic_load_n(&zone->node, __ATOMIC_RELAXED) == next)
			add_zone(&all, zone);
	add_caches(&all);
	return stats_copy_out(stats, &all, sizeof(all)) ? -1 : next;
}
