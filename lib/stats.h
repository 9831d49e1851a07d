/* SPDX-License-Identifier: MIT */
/* Sums over the published records, for the process itself: the arithmetic of kmem/inspect.h. */
#ifndef LIB_STATS_H
#define LIB_STATS_H

#include "slab/cache.h"

struct cache_stats {
	uint64_t in_use; /* objects the program has */
	uint64_t parked; /* free, in sheaves */
	uint64_t nslabs;
};

/* Exact while the cache is quiet, else close. */
struct cache_stats cache_stats(const struct kmem_cache *cache);

#endif
