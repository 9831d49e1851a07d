// SPDX-License-Identifier: MIT
/* Objects in and out, homecoming and bulk: what the public functions promise. */
#include "unit.h"

#include "faults.h"

#include "lib/stats.h"
#include "slab/home.h"
#include "slab/slab.h"
#include "slab/thread.h"

#include <kmem.h>

#define MANY 1000u

static struct kmem_cache *cache;
static void *objects[MANY];

static void build(void *object)
{
	memset(object, 0x5a, 80);
}

static void setup(void (*ctor)(void *))
{
	cache = kmem_cache_create("objects", 80, 0, 0, ctor);
	ck_assert_ptr_nonnull(cache);
}

START_TEST(zalloc_is_zero_whatever_was_there)
{
	setup(NULL);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 100; i++) {
			objects[i] = round % 2 ? kmem_cache_zalloc(cache, GFP_KERNEL)
					       : kmem_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);
			for (unsigned k = 0; k < 80; k++)
				require(((char *)objects[i])[k] == 0);
			memset(objects[i], 0xff, 80);
		}
		for (unsigned i = 0; i < 100; i++)
			kmem_cache_free(cache, objects[i]);
	}
}
END_TEST

static void zalloc_constructed(void)
{
	errno = 0;
	if (kmem_cache_zalloc(cache, GFP_KERNEL) || errno != EINVAL)
		_exit(1);
	errno = 0;
	if (kmem_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN) || errno != EINVAL)
		_exit(2);
}

START_TEST(zalloc_with_a_constructor_is_einval)
{
	struct last_words words;

	setup(build);
	words = unit_child(zalloc_constructed);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text,
			 "libkmem: kmem_cache_zalloc: cache 'objects' has a constructor\n");
}
END_TEST

START_TEST(free_of_null_is_nothing)
{
	setup(NULL);
	kmem_cache_free(cache, NULL);
	ck_assert_uint_eq(cache_stats(cache).parked, 0);
}
END_TEST

START_TEST(kmem_free_takes_objects_too)
{
	setup(NULL);
	kmem_free(kmem_cache_alloc(cache, GFP_KERNEL));
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(size_and_name_are_those_given)
{
	setup(NULL);
	ck_assert_uint_eq(kmem_cache_size(cache), 80);
	ck_assert_str_eq(kmem_cache_name(cache), "objects");
}
END_TEST

START_TEST(bulk_gives_all_of_them_apart)
{
	setup(build);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, MANY, objects), (int)MANY);
	for (unsigned i = 0; i < MANY; i++) {
		require(((unsigned char *)objects[i])[79] == 0x5a);
		*(unsigned *)objects[i] = i;
	}
	for (unsigned i = 0; i < MANY; i++)
		require(*(unsigned *)objects[i] == i);
	ck_assert_uint_eq(cache_stats(cache).active, MANY);
	kmem_cache_free_bulk(cache, MANY, objects);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 0, objects), 0);
}
END_TEST

/* A bulk is so many single calls: what was freed last comes first, and the array's order is kept.
 */
START_TEST(bulk_and_single_calls_see_the_same_stack)
{
	static void *again[MANY];

	setup(NULL);
	for (unsigned n = 1; n < 70; n++) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, objects), (int)n);
		kmem_cache_free_bulk(cache, n, objects);
		ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, again), (int)n);
		ck_assert_mem_eq(objects, again, n * sizeof(void *));
		for (unsigned i = n; i-- > 0;)
			kmem_cache_free(cache, again[i]);
		for (unsigned i = 0; i < n; i++)
			ck_assert_ptr_eq(kmem_cache_alloc(cache, GFP_KERNEL), objects[i]);
		kmem_cache_free_bulk(cache, n, objects);
		ck_assert_uint_eq(cache_stats(cache).active, 0);
	}
	kmem_cache_free_bulk(cache, 0, NULL);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

static void bulk_free_wrong(void)
{
	struct kmem_cache *other = kmem_cache_create("other", 80, 0, 0, NULL);
	void *stray = kmem_cache_alloc(other, GFP_KERNEL);

	kmem_cache_free_bulk(cache, 1, &stray);
	kmem_cache_shrink(cache);
}

START_TEST(what_is_wrong_with_a_bulk_is_found_at_home)
{
	struct last_words words;

	setup(NULL);
	words = unit_child(bulk_free_wrong);
	ck_assert(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, "wrong cache or double free: "));
	ck_assert_ptr_nonnull(
		strstr(words.text, "came home to cache 'objects', and is of cache 'other'\n"));
}
END_TEST

/* What a cache's sheaves had grown to is not the next cache's that gets its record. */
START_TEST(a_new_cache_does_not_inherit_the_size_of_sheaves)
{
	struct kmem_cache *large = kmem_cache_create("large", 2400, 0, 0, NULL), *small;

	ck_assert_int_eq(kmem_cache_alloc_bulk(large, GFP_KERNEL, MANY, objects), (int)MANY);
	kmem_cache_free_bulk(large, MANY, objects);
	ck_assert_uint_gt(thread_shelf(thread_self(), large->id)->level, 0);
	ck_assert_int_eq(kmem_cache_destroy(large), 0);
	small = kmem_cache_create("small", 64, 0, 0, NULL);
	ck_assert_ptr_eq(small, large);
	ck_assert_uint_eq(thread_shelf(thread_self(), small->id)->level, 0);
	kmem_cache_free(small, kmem_cache_alloc(small, GFP_KERNEL));
	ck_assert_ptr_null(cache_check(small));
}
END_TEST

START_TEST(bulk_gives_all_or_none)
{
	setup(NULL);
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	faults_begin(1, ~0ul);
	for (;;) { /* until what is at hand is used up */
		errno = 0;
		if (!kmem_cache_alloc_bulk(cache, GFP_KERNEL, MANY, objects))
			break;
	}
	ck_assert_int_eq(errno, ENOMEM);
	faults_end();
	ck_assert_uint_eq((cache_stats(cache).active - 1) % MANY, 0);
}
END_TEST

START_TEST(bulk_free_without_a_cache_takes_anything)
{
	setup(NULL);
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	objects[1] = kmem_malloc(10);
	objects[2] = NULL;
	objects[3] = kmem_malloc(50000);
	objects[4] = kmem_malloc(5000000);
	kmem_cache_free_bulk(NULL, 5, objects);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
}
END_TEST

START_TEST(homecoming_sorts_any_order_over_many_slabs)
{
	struct slab *slab;
	unsigned n = 0;

	setup(NULL);
	while (n < 500) {
		slab = slab_acquire(cache);
		n += slab_take(slab, objects + n, 500 - n);
		slab_release(slab);
	}
	for (unsigned i = 0; i < n; i++) {
		unsigned k = (unsigned)unit_below(n);
		void *swap = objects[i];

		objects[i] = objects[k];
		objects[k] = swap;
	}
	for (unsigned i = 0; i < n; i += 50)
		home_return(cache, objects + i, 50);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_uint_eq(cache->pub.nslabs, cache->pub.nslabs_empty);
}
END_TEST

START_TEST(homecoming_goes_on_past_an_interior_pointer)
{
	void *mixed[3];

	setup(NULL);
	kmem_option_set("on_error", "continue");
	ck_assert_uint_eq(slab_take(slab_acquire(cache), objects, 3), 3);
	mixed[0] = objects[2];
	mixed[1] = (char *)objects[1] + 1;
	mixed[2] = objects[0];
	home_return(cache, mixed, 3);
	ck_assert_int_eq(slab_nfree(slab_of(objects[0])->state), (int)cache->pub.slab_objects - 1);
}
END_TEST

UNIT_MAIN("objects", zalloc_is_zero_whatever_was_there, zalloc_with_a_constructor_is_einval,
	  free_of_null_is_nothing, kmem_free_takes_objects_too, size_and_name_are_those_given,
	  bulk_gives_all_of_them_apart, bulk_gives_all_or_none,
	  bulk_and_single_calls_see_the_same_stack,
	  a_new_cache_does_not_inherit_the_size_of_sheaves,
	  what_is_wrong_with_a_bulk_is_found_at_home, bulk_free_without_a_cache_takes_anything,
	  homecoming_sorts_any_order_over_many_slabs, homecoming_goes_on_past_an_interior_pointer)
