/* SPDX-License-Identifier: MIT */
/* Sums over the published records, for the process itself: the arithmetic of kmem/inspect.h. */
#ifndef LIB_STATS_H
#define LIB_STATS_H

#include "slab/cache.h"

struct cache_stats {
	char name[64];
	uint32_t stride;
	uint32_t slab_pages;
	uint64_t in_use; /* objects the program has */
	uint64_t parked; /* free, in sheaves */
	uint64_t nslabs;
};

/* Of the cache with the id; false: there is none. Exact while it is quiet, else close. */
bool cache_stats_read(unsigned id, struct cache_stats *stats);
/* The same of a cache that exists. */
struct cache_stats cache_stats(const struct kmem_cache *cache);

#endif
