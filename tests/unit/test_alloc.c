// SPDX-License-Identifier: MIT
/* The slow paths: order of addresses, spare, barn, GFP_NOWAIT, the thread's bound. */
#include "unit.h"

#include "faults.h"

#include "lib/stats.h"
#include "slab/slot.h"

#include <kmem.h>
#include <pthread.h>

#define MANY 3000u

/* Objects that this thread lent, and threads that ended. */
static uint64_t in_barns(const struct kmem_cache *c)
{
	return c->pub.lent + thread_shelf(thread_self(), c->id)->pub.lent;
}

static struct kmem_cache *cache;
static char *objects[MANY];

static void setup(unsigned size)
{
	cache = kmem_cache_create("alloc", size, 0, 0, NULL);
	ck_assert_ptr_nonnull(cache);
}

static void get(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		require((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
}

static void put(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

START_TEST(addresses_ascend_through_the_first_slab)
{
	unsigned n;

	setup(64);
	get(1);
	n = cache->pub.slab_objects;
	get(n - 1);
	for (unsigned i = 1; i < n - 1; i++)
		require(objects[i] == objects[i - 1] + 64);
}
END_TEST

START_TEST(what_was_freed_last_comes_first)
{
	char *first, *second;

	setup(64);
	get(5);
	kmem_cache_free(cache, objects[2]);
	kmem_cache_free(cache, objects[4]);
	first = kmem_cache_alloc(cache, GFP_KERNEL);
	second = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_ptr_eq(first, objects[4]);
	ck_assert_ptr_eq(second, objects[2]);
}
END_TEST

START_TEST(spare_and_slot_serve_without_barn_or_slabs)
{
	struct kmem_root_shelf before;

	setup(64);
	get(20);
	put(20);
	before = thread_shelf(thread_self(), cache->id)->pub;
	for (int round = 0; round < 10; round++) {
		get(20);
		put(20);
	}
	ck_assert_uint_eq(thread_shelf(thread_self(), cache->id)->pub.taken, before.taken);
	ck_assert_uint_eq(thread_shelf(thread_self(), cache->id)->pub.given, before.given);
	ck_assert_uint_eq(thread_shelf(thread_self(), cache->id)->pub.lent, before.lent);
}
END_TEST

static void *take_from_barn(void *unused)
{
	void *object = kmem_cache_alloc(cache, GFP_KERNEL);

	require(thread_shelf(thread_self(), cache->id)->pub.taken == 0);
	require((int64_t)thread_shelf(thread_self(), cache->id)->pub.lent < 0);
	kmem_cache_free(cache, object);
	return unused;
}

START_TEST(another_thread_is_served_from_the_barn)
{
	pthread_t thread;

	setup(64);
	get(MANY);
	put(MANY);
	ck_assert_uint_gt(in_barns(cache), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, take_from_barn, NULL), 0);
	pthread_join(thread, NULL);
}
END_TEST

static void *free_then_alloc(void *given)
{
	void *own;

	kmem_cache_free(cache, given);
	own = kmem_cache_alloc(cache, GFP_KERNEL);
	require((uintptr_t)own / 64 != (uintptr_t)given / 64);
	kmem_cache_free(cache, own);
	return NULL;
}

/* Or two threads would write in one cache line for as long as they free and allocate. */
START_TEST(a_thread_does_not_get_what_it_was_given_first)
{
	pthread_t thread;

	setup(8);
	get(16);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_then_alloc, objects[3]), 0);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(cache_stats(cache).active, 15);
}
END_TEST

START_TEST(counts_agree_at_every_step)
{
	setup(200);
	for (unsigned n = 1; n <= MANY; n += 1 + n / 3) {
		get(n);
		ck_assert_uint_eq(cache_stats(cache).active, n);
		put(n);
		ck_assert_uint_eq(cache_stats(cache).active, 0);
		ck_assert_ptr_null(cache_check(cache));
	}
}
END_TEST

START_TEST(nowait_serves_what_is_at_hand_without_a_call)
{
	setup(64);
	get(MANY);
	put(MANY);
	faults_count();
	for (unsigned i = 0; i < 20; i++)
		require(kmem_cache_alloc(cache, GFP_NOWAIT));
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
}
END_TEST

START_TEST(nowait_with_nothing_at_hand_is_eagain)
{
	setup(64);
	faults_count();
	require_errno(EAGAIN, kmem_cache_alloc(cache, GFP_NOWAIT));
	require_errno(EAGAIN, kmem_cache_alloc(cache, GFP_ATOMIC));
	ck_assert_uint_eq(faults.ncalls, 0);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	faults_end();
}
END_TEST

START_TEST(no_memory_is_enomem)
{
	setup(100000);
	faults_begin(1, ~0ul);
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL));
	faults_end();
	ck_assert_ptr_nonnull(kmem_cache_alloc(cache, GFP_KERNEL));
}
END_TEST

START_TEST(what_a_thread_caches_is_bounded)
{
	size_t bound = 256 << 10;

	ck_assert_int_eq(kmem_option_set("thread_cache", "256k"), 0);
	for (unsigned size = 64; size <= 8192; size *= 2) {
		struct kmem_cache_stats stats;

		setup(size);
		get(MANY);
		put(MANY);
		stats = cache_stats(cache);
		/* One sheaf in a slot goes over it. */
		ck_assert_uint_le((stats.parked - in_barns(cache)) * size, 2 * bound);
		ck_assert_uint_eq(stats.active, 0);
	}
}
END_TEST

START_TEST(objects_too_large_for_sheaves_of_many)
{
	setup(KMEM_CACHE_SIZE_MAX);
	get(9);
	for (unsigned i = 0; i < 9; i++)
		objects[i][KMEM_CACHE_SIZE_MAX - 1] = (char)i;
	put(9);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("alloc", addresses_ascend_through_the_first_slab, what_was_freed_last_comes_first,
	  spare_and_slot_serve_without_barn_or_slabs, another_thread_is_served_from_the_barn,
	  a_thread_does_not_get_what_it_was_given_first, counts_agree_at_every_step,
	  nowait_serves_what_is_at_hand_without_a_call, nowait_with_nothing_at_hand_is_eagain,
	  no_memory_is_enomem, what_a_thread_caches_is_bounded,
	  objects_too_large_for_sheaves_of_many)
