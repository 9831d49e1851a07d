// SPDX-License-Identifier: MIT
/* Debugged and hardened caches by RCU: what readers may see is not poisoned, cleared or checked. */
#include "flavor.h"

#include <kmem/debug.h>
#include <kmem/options.h>

#define FZPU (SLAB_CONSISTENCY_CHECKS | SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER)
#define MANY 1000u

static void *objects[MANY];

static void cycle(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		objects[i] = make_object();
	ck_assert_ptr_null(kmem_cache_validate(cache));
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

static void expect_as_left(slab_flags_t flags)
{
	make_cache(SIZE, SLAB_TYPESAFE_BY_RCU | flags);
	cycle(MANY);
	kmem_cache_shrink(cache);
	for (unsigned i = 0; i < MANY; i++)
		require(is_untouched(objects[i]));
	periods_end = true;
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(type_stable_objects_are_left_as_they_are)
{
	expect_as_left(FZPU);
	expect_as_left(SLAB_RED_ZONE);
	ck_assert_int_eq(kmem_option_set("hardened", "true"), 0);
	expect_as_left(0);
	/* Under AddressSanitizer they stay open to all. */
	ck_assert_int_eq(kmem_option_set("annotate", "true"), 0);
	expect_as_left(0);
	expect_as_left(FZPU);
}
END_TEST

static void construct(void *object)
{
	memset(object, 0x5a, SIZE);
}

/* A reader may hold a lock in it while it is freed. */
START_TEST(type_stable_objects_need_not_be_as_constructed)
{
	struct kmem_cache_args args = {.flavor = &held, .ctor = construct};
	char *object;

	cache = kmem_cache_create("stable", SIZE, &args, SLAB_TYPESAFE_BY_RCU | FZPU);
	kmem_option_set("on_error", "abort");
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	object[3] = 1;
	kmem_cache_free(cache, object);
	ck_assert_int_eq(object[3], 1);
	object[4] = 1;
	ck_assert_ptr_eq(kmem_cache_alloc(cache, GFP_KERNEL), object);
	kmem_cache_free(cache, object);
	periods_end = true;
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

/* Until then it is its readers'. */
START_TEST(an_object_freed_by_rcu_is_checked_after_the_period)
{
	make_cache(SIZE, FZPU);
	kmem_option_set("on_error", "abort");
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free_rcu(cache, objects[i] = make_object());
	unit_sleep_ms(HOLD_MS);
	for (unsigned i = 0; i < MANY; i++)
		require(is_untouched(objects[i]));
	ck_assert_uint_eq(atomic_load(&cache->used), MANY);
	periods_end = true;
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(atomic_load(&cache->used), 0);
	ck_assert_ptr_null(kmem_cache_validate(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("debug_rcu", type_stable_objects_are_left_as_they_are,
	  type_stable_objects_need_not_be_as_constructed,
	  an_object_freed_by_rcu_is_checked_after_the_period)
