/* SPDX-License-Identifier: MIT */
/* A cache whose requests may be made to fail, and how many do. */
#ifndef TESTS_UNIT_FAILSLAB_FIXTURE_H
#define TESTS_UNIT_FAILSLAB_FIXTURE_H

#include "unit.h"

#include "slab/cache.h"

#include <kmem.h>

#define ALL 1000000u

static struct kmem_cache *cache;

/* What can fail fails so; nothing is said but by verbose. */
static inline void set(struct kmem_fault fault)
{
	if (!fault.verbose)
		fault.verbose = -1;
	ck_assert_int_eq(kmem_fault_set(&fault), 0);
}

static inline void create(void)
{
	cache = kmem_cache_create("faulty", 64, NULL, SLAB_FAILSLAB);
	ck_assert_ptr_nonnull(cache);
}

static inline bool fails_with(gfp_t flags)
{
	void *object;

	errno = 0;
	object = kmem_cache_alloc(cache, flags);
	if (!object)
		require(errno == ENOMEM);
	kmem_cache_free(cache, object);
	return !object;
}

static inline bool fails(void)
{
	return fails_with(GFP_KERNEL);
}

static inline unsigned failures_in(unsigned n)
{
	unsigned nfailed = 0;

	while (n-- > 0)
		nfailed += fails();
	return nfailed;
}

static inline void finish(void)
{
	ck_assert_int_eq(kmem_fault_set(NULL), 0);
	ck_assert(!fails());
	ck_assert_uint_eq(atomic_load(&cache->used), 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

static inline bool can_see_stacks(void)
{
	return KMEM_DL_FIND_OBJECT;
}

#endif
