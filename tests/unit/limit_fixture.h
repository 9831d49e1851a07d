/* SPDX-License-Identifier: MIT */
/* A cache with a limit, and its objects, all of which are given back at the end. */
#ifndef TESTS_UNIT_LIMIT_FIXTURE_H
#define TESTS_UNIT_LIMIT_FIXTURE_H

#include "unit.h"

#include "lib/stats.h"
#include "slab/cache.h"

#include <kmem.h>
#include <stdatomic.h>

#define LIMIT 1000u
#define QUIET (GFP_KERNEL | __GFP_NOWARN)

static struct kmem_cache *cache;
static void *objects[2 * LIMIT];

static inline void create(const struct kmem_cache_args *args)
{
	cache = kmem_cache_create("limited", 64, args, 0);
	ck_assert_ptr_nonnull(cache);
}

static inline size_t used(void)
{
	return atomic_load(&cache->used);
}

static inline void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		objects[i] = kmem_cache_alloc(cache, QUIET);
		require(objects[i]);
		memset(objects[i], (int)i, 64);
	}
}

/* All from objects[], and the cache: it must be empty. */
static inline void finish(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_uint_eq(used(), 0);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

#endif
