// SPDX-License-Identifier: MIT
/* Guarded objects whose frees wait for a grace period; type-stable caches have none. */
#include "tests/unit/guarded.h"

#include <kmem/rcu.h>

static void free_and_destroy(void)
{
	struct kmem_cache *cache = kmem_cache_create("waiting", 64, 0, 0, NULL);
	char *object, *block;

	guard_on();
	object = guarded_object(cache, 64, EDGE_ANY);
	memset(object, 1, 64);
	require(kmem_cache_free_rcu(cache, object) == 0);
	require(object[63] == 1);
	require(kmem_cache_destroy(cache) == 0);
	block = guarded_object(NULL, 64, EDGE_ANY);
	kmem_kfree_rcu_mightsleep(block);
	require(kmem_rcu_barrier() == 0);
	(void)*(volatile char *)block;
}

START_TEST(a_free_waits_and_is_one)
{
	struct last_words words = unit_child(free_and_destroy);

	ck_assert(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, "BUG: KFENCE: use-after-free read in 0x"));
	ck_assert_ptr_nonnull(strstr(words.text, "cache=malloc-64\n"));
}
END_TEST

static void of_typesafe(void)
{
	struct kmem_cache *cache = kmem_cache_create("stable", 64, 0, SLAB_TYPESAFE_BY_RCU, NULL);

	guard_on();
	kmem_free(guarded_object(NULL, 64, EDGE_ANY));
	for (int i = 0; i < 20; i++) {
		void *objects[GUARDED_BATCH];

		for (unsigned n = 0; n < GUARDED_BATCH; n++) {
			objects[n] = kmem_cache_alloc(cache, GFP_KERNEL);
			require(!guard_holds(objects[n]));
		}
		for (unsigned n = 0; n < GUARDED_BATCH; n++)
			kmem_cache_free(cache, objects[n]);
	}
	require(kmem_cache_destroy(cache) == 0);
}

START_TEST(type_stable_caches_have_none)
{
	struct last_words words = unit_child(of_typesafe);

	ck_assert_str_eq(words.text, "");
	ck_assert_int_eq(words.status, 0);
}
END_TEST

UNIT_MAIN("guard_rcu", a_free_waits_and_is_one, type_stable_caches_have_none)
