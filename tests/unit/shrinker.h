/* SPDX-License-Identifier: MIT */
/* A shrinker that notes what it is asked for, and callbacks that use the allocator. */
#ifndef TESTS_UNIT_SHRINKER_H
#define TESTS_UNIT_SHRINKER_H

#include "unit.h"

#include <kmem.h>

#define NSCANS 64

/* What the shrinker below has, is asked for, and answers. */
static unsigned long count, progress, looked_at;
static unsigned long asked[NSCANS];
static unsigned nscans, ncounts;
static gfp_t mask;

static inline unsigned long count_some(struct kmem_shrinker *shrinker,
				       struct kmem_shrink_control *control)
{
	(void)shrinker;
	mask = control->gfp_mask;
	ncounts++;
	return count;
}

static inline unsigned long scan_some(struct kmem_shrinker *shrinker,
				      struct kmem_shrink_control *control)
{
	(void)shrinker;
	require(nscans < NSCANS);
	asked[nscans++] = control->nr_to_scan;
	if (looked_at)
		control->nr_scanned = looked_at;
	return progress;
}

static inline struct kmem_shrinker *made(unsigned long (*scan)(struct kmem_shrinker *,
							       struct kmem_shrink_control *))
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "test-%d", 1);

	ck_assert_ptr_nonnull(shrinker);
	shrinker->count_objects = count_some;
	shrinker->scan_objects = scan;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	return shrinker;
}

/* All that takes locks. */
static inline void use_allocator(void)
{
	struct kmem_cache *cache = kmem_cache_create("in a callback", 100, 0, 0, NULL);

	require(cache);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	require(kmem_cache_destroy(cache) == 0);
	kmem_free(kmem_malloc(100));
	kmem_free(kmem_malloc(100000));
	kmem_free(kmem_realloc(kmem_malloc(2000000), 4000000));
	kmem_pages_free(kmem_pages_alloc(0, GFP_KERNEL));
	kmem_shrinker_free(kmem_shrinker_alloc(0, "in a callback"));
	kmem_trim();
	kmem_mallinfo2();
}

static inline struct kmem_cache *cache_with(void (*reclaim)(struct kmem_cache *cache, void *data),
					    void *data)
{
	struct kmem_cache_args args = {.reclaim = reclaim, .data = data};
	struct kmem_cache *cache = kmem_cache_create_args("asked", 64, &args, 0);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

#endif
