/* SPDX-License-Identifier: MIT */
/* A cache and objects got from it by who may not wait, until there are no more. */
#ifndef TESTS_UNIT_NOWAIT_FIXTURE_H
#define TESTS_UNIT_NOWAIT_FIXTURE_H

#include "unit.h"

#include "lib/stats.h"
#include "slab/barn.h"
#include "slab/cache.h"

#include <kmem.h>

#define N    600u /* forty sheaves of fifteen */
#define MOST 5000u

static struct kmem_cache *cache;
static void *objects[MOST];

static inline void setup(unsigned size)
{
	cache = kmem_cache_create("nowait", size, 0, SLAB_NOWAIT, NULL);
	ck_assert_ptr_nonnull(cache);
}

static inline void destroy(void)
{
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

static inline unsigned get(unsigned n, gfp_t flags)
{
	unsigned got = 0;

	while (got < n && (objects[got] = kmem_cache_alloc(cache, flags)))
		got++;
	return got;
}

static inline void put(unsigned n)
{
	while (n > 0)
		kmem_cache_free(cache, objects[--n]);
}

/* So that the next frees find none. */
static inline unsigned lose_empties(void)
{
	unsigned n = 0;

	for (unsigned level = 0; level < SHEAF_LEVELS; level++)
		while (barn_take_empty(cache, level))
			n++;
	return n;
}

#endif
