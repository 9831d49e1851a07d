// SPDX-License-Identifier: MIT
/* Crimes against caches: objects freed twice, into the wrong one, from within; destroyed twice. */
#include "crash.h"

#define TWICE "libkmem: double free: object %p of cache 'crash' came home a second time\n"

static struct kmem_cache *cache, *other;
static char *neighbour;

static struct kmem_cache *make(const char *name)
{
	return kmem_cache_create(name, 64, 0, 0, NULL);
}

static void victim_of_cache(void)
{
	cache = make("crash");
	victim = kmem_cache_alloc(cache, GFP_KERNEL);
	neighbour = kmem_cache_alloc(cache, GFP_KERNEL); /* keeps the slab */
	ck_assert_ptr_nonnull(neighbour);
}

static void object_twice(void)
{
	kmem_cache_free(cache, victim);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
}

START_TEST(double_free_within_a_sheaf)
{
	victim_of_cache();
	expect(object_twice, TWICE, victim);
}
END_TEST

static void object_home_twice(void)
{
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
}

START_TEST(double_free_after_going_home)
{
	victim_of_cache();
	expect(object_home_twice, TWICE, victim);
}
END_TEST

static void object_after_its_slab(void)
{
	kmem_cache_free(cache, neighbour);
	kmem_cache_free(cache, victim);
	kmem_cache_shrink(cache);
	kmem_cache_free(cache, victim);
}

START_TEST(double_free_after_the_slab_went)
{
	victim_of_cache();
	expect(object_after_its_slab,
	       "libkmem: foreign pointer: %p freed to cache 'crash' is in no slab\n", victim);
}
END_TEST

static void object_inside(void)
{
	kmem_cache_free(cache, victim + 24);
	kmem_cache_shrink(cache);
}

START_TEST(interior_pointer_to_a_cache)
{
	victim_of_cache();
	expect(object_inside,
	       "libkmem: interior pointer: %p freed to cache 'crash' is 24 bytes into the object "
	       "at %p\n",
	       victim + 24, victim);
}
END_TEST

static void object_to_other(void)
{
	kmem_cache_free(other, victim);
}

START_TEST(object_to_the_wrong_cache)
{
	victim_of_cache();
	other = make("other");
	expect(object_to_other,
	       "libkmem: wrong cache: %p freed to cache 'other' is of cache 'crash'\n", victim);
}
END_TEST

START_TEST(small_block_to_a_cache)
{
	other = make("other");
	victim = kmem_malloc(100);
	expect(object_to_other,
	       "libkmem: wrong cache: %p freed to cache 'other' is of cache 'malloc-112'\n",
	       victim);
}
END_TEST

START_TEST(foreign_pointer_to_a_cache)
{
	other = make("other");
	victim = malloc(100);
	expect(object_to_other,
	       "libkmem: foreign pointer: %p freed to cache 'other' is in no slab\n", victim);
	free(victim);
}
END_TEST

static void destroy_twice(void)
{
	kmem_cache_destroy(cache);
	kmem_cache_destroy(cache);
}

START_TEST(cache_destroyed_twice)
{
	cache = make("crash");
	expect(destroy_twice, "libkmem: kmem_cache_destroy: the cache at %p was destroyed before\n",
	       (void *)cache);
}
END_TEST

static void create_or_panic(void)
{
	kmem_cache_create("crash", 0, 0, SLAB_PANIC, NULL);
}

START_TEST(refused_create_panics)
{
	struct last_words words = unit_child(create_or_panic);

	ck_assert_str_eq(words.text, "libkmem: kmem_cache_create: cache 'crash': size is not "
				     "between 1 and 4194304 (size 0, align 0)\n");
	require(unit_aborted(&words));
}
END_TEST

UNIT_MAIN("crash_objects", double_free_within_a_sheaf, double_free_after_going_home,
	  double_free_after_the_slab_went, interior_pointer_to_a_cache, object_to_the_wrong_cache,
	  small_block_to_a_cache, foreign_pointer_to_a_cache, cache_destroyed_twice,
	  refused_create_panics)
