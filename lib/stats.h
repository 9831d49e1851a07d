/* SPDX-License-Identifier: MIT */
/* Sums over the published records, for the process itself: the arithmetic of kmem/inspect.h. */
#ifndef LIB_STATS_H
#define LIB_STATS_H

#include "slab/cache.h"

#include <kmem/stats.h>

#define STATS_LINE 256u

/* Of the cache with the id, whole; false: there is none. Exact while it is quiet, else close. */
bool stats_of_id(unsigned id, struct kmem_cache_stats *stats);
/* The same of a cache that exists. */
struct kmem_cache_stats cache_stats(const struct kmem_cache *cache);
/* The totals, whole. */
struct kmem_stats stats_sum(void);
/* The n-th line of text about them; its length, 0 behind the last. */
size_t stats_line(const struct kmem_stats *stats, unsigned n, char line[STATS_LINE]);
/* As much of a struct as the caller knows, whose size is in its first word; 0 or -EINVAL. */
int stats_copy_out(void *to, const void *from, size_t nbytes);

static inline uint64_t stats_load(const uint64_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED);
}

/* The first node above node that zones are of; -1: none. */
int stats_node_next(int node);
/* Slabs of the cache of the id that are of the node, and their bytes. */
uint64_t stats_slabs_on(unsigned id, int node, uint64_t *nbytes);

#endif
