// SPDX-License-Identifier: MIT
/* Threads' records: at exit everything goes home; records return; many ids; late calls. */
#include "unit.h"

#include "faults.h"

#include "buddy/root.h"
#include "lib/stats.h"
#include "slab/slot.h"

#include <kmem.h>
#include <pthread.h>

#define NOBJECTS 700u

static struct kmem_cache *cache;

static void in_thread(void *(*work)(void *))
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, work, NULL), 0);
	pthread_join(thread, NULL);
}

static void *use(void *unused)
{
	void *objects[NOBJECTS];

	for (unsigned i = 0; i < NOBJECTS; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < NOBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
	return unused;
}

START_TEST(exit_gives_everything_home)
{
	struct kmem_cache_stats stats;

	cache = kmem_cache_create("exit", 72, 0, 0, NULL);
	in_thread(use);
	kmem_cache_shrink(cache); /* the barn's */
	stats = cache_stats(cache);
	ck_assert_uint_eq(stats.active, 0);
	ck_assert_uint_eq(stats.parked, 0);
	ck_assert_uint_eq(stats.slabs, 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static unsigned records(void)
{
	unsigned n = 0;

	for_each_thread (thread)
		n++;
	return n;
}

START_TEST(records_are_used_again)
{
	unsigned before;

	cache = kmem_cache_create("again", 72, 0, 0, NULL);
	in_thread(use);
	before = records();
	for (int i = 0; i < 100; i++)
		in_thread(use);
	ck_assert_uint_eq(records(), before);
	for_each_thread (thread)
		require(thread->pub.tid == 0 || thread == thread_known());
}
END_TEST

static pthread_key_t late_key;
static void *late_object, *late_block;
static unsigned rounds;

/* Runs after the library's own destructor, in a later round at the latest. */
static void late(void *unused)
{
	if (++rounds < 3) {
		pthread_setspecific(late_key, unused);
		return;
	}
	late_object = kmem_cache_alloc(cache, GFP_KERNEL);
	late_block = kmem_malloc(3000);
	kmem_free(kmem_malloc(50000));
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
}

static void *use_late(void *unused)
{
	pthread_setspecific(late_key, cache);
	return use(unused);
}

START_TEST(calls_after_the_end_work_and_leak_nothing)
{
	cache = kmem_cache_create("late", 72, 0, 0, NULL);
	ck_assert_int_eq(pthread_key_create(&late_key, late), 0);
	in_thread(use_late);
	ck_assert_ptr_nonnull(late_object);
	ck_assert_ptr_nonnull(late_block);
	memset(late_object, 1, 72);
	memset(late_block, 1, 3000);
	kmem_cache_shrink(cache); /* the barn's */
	ck_assert_uint_eq(cache_stats(cache).active, 1);
	ck_assert_uint_eq(cache_stats(cache).parked, 0);
	kmem_free(late_block);
	kmem_cache_free(cache, late_object);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static pthread_barrier_t barrier;
static struct kmem_cache *high;

static void *wait_and_use_high(void *unused)
{
	kmem_free(kmem_malloc(10)); /* has a record before the ids exist */
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	cache = high;
	return use(unused);
}

START_TEST(ids_beyond_256_reach_threads_that_were_there_before)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_and_use_high, NULL), 0);
	pthread_barrier_wait(&barrier);
	while (!high || high->id < 1500)
		high = kmem_cache_create("high", 40, 0, 0, NULL);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	for_each_thread (record)
		require(record->pub.nslots >= 1500);
	ck_assert_int_eq(kmem_cache_destroy(high), 0);
}
END_TEST

START_TEST(refused_growth_of_the_records_refuses_the_cache)
{
	struct kmem_cache *last;

	kmem_free(kmem_malloc(10));
	do
		last = kmem_cache_create("fill", 40, 0, 0, NULL);
	while (last->id < 255);
	faults_refuse(FAULT_MPROTECT);
	require_errno(ENOMEM, kmem_cache_create("beyond", 40, 0, SLAB_NOWARN, NULL));
	faults_end();
	ck_assert_ptr_nonnull(kmem_cache_create("beyond", 40, 0, 0, NULL));
}
END_TEST

static void *use_without_record(void *unused)
{
	void *object;

	faults_refuse(FAULT_MMAP);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_ptr_null(thread_known());
	faults_end();
	require(object);
	kmem_cache_free(cache, object);
	return unused;
}

START_TEST(without_memory_for_a_record_objects_come_uncached)
{
	cache = kmem_cache_create("none", 72, 0, 0, NULL);
	use(NULL);
	in_thread(use_without_record);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static void *objects_of_thread[NOBJECTS];

static void *allocate_only(void *unused)
{
	for (unsigned i = 0; i < NOBJECTS; i++)
		objects_of_thread[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	return unused;
}

START_TEST(objects_outlive_their_thread)
{
	cache = kmem_cache_create("outlive", 72, 0, 0, NULL);
	in_thread(allocate_only);
	ck_assert_uint_eq(cache_stats(cache).active, NOBJECTS);
	for (unsigned i = 0; i < NOBJECTS; i++)
		kmem_cache_free(cache, objects_of_thread[i]);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("thread", exit_gives_everything_home, records_are_used_again,
	  calls_after_the_end_work_and_leak_nothing,
	  ids_beyond_256_reach_threads_that_were_there_before,
	  refused_growth_of_the_records_refuses_the_cache,
	  without_memory_for_a_record_objects_come_uncached, objects_outlive_their_thread)
