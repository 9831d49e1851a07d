// SPDX-License-Identifier: MIT
/*
 * Caches whose frees may not wait: no call and no lock in any stage, alone and in bulk,
 * sheaves that stay the cache's own, decay that leaves them alone.
 */
#include "nowait_fixture.h"

#include "children.h"
#include "faults.h"

#include "slab/slot.h"
#include "tests/no_calls.h"

#include <pthread.h>

/* Every stage of both, home included. false: something was not as it should be. */
static bool every_stage(void)
{
	if (get(N, GFP_NOWAIT) != N)
		return false;
	put(N);
	if (get(N, GFP_NOWAIT) != N || cache->unsettled)
		return false;
	lose_empties();
	put(N);
	return cache->unsettled && get(N, GFP_NOWAIT) < N;
}

START_TEST(no_call_and_no_lock_in_any_stage)
{
	setup(64);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	faults_count();
	lock_take(&cache->lock, LOCK_CACHE);
	lock_take(&meta_lock, LOCK_META);
	require(every_stage());
	lock_release(&meta_lock, LOCK_META);
	lock_release(&cache->lock, LOCK_CACHE);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

static void under_seccomp(void)
{
	setup(64);
	if (kmem_cache_prealloc(cache, N) != 0)
		_exit(2);
	if (!no_calls_begin(SECCOMP_RET_KILL_PROCESS))
		_exit(77);
	_exit(every_stage() ? 0 : 3);
}

static void call_under_seccomp(void)
{
	if (!no_calls_begin(SECCOMP_RET_KILL_PROCESS))
		_exit(77);
	getppid();
}

START_TEST(no_system_call_in_any_stage)
{
	struct last_words words;

	if (UNDER_TSAN || UNDER_ASAN)
		return; /* they make their own */
	words = unit_child(call_under_seccomp);
	if (WIFEXITED(words.status) && WEXITSTATUS(words.status) == 77)
		return;
	ck_assert(WIFSIGNALED(words.status) && WTERMSIG(words.status) == SIGSYS);
	expect_children(1, under_seccomp);
}
END_TEST

static void *free_without_record(void *unused)
{
	faults_count();
	put(N / 2);
	require(faults.ncalls == 0 && !thread_known());
	faults_end();
	return unused;
}

START_TEST(a_thread_without_record_gets_none_by_a_free)
{
	pthread_t thread;

	setup(64);
	require(get(N / 2, GFP_KERNEL) == N / 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, free_without_record, NULL), 0);
	pthread_join(thread, NULL);
	destroy();
}
END_TEST

START_TEST(trades_keep_the_sheaves)
{
	setup(64);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	for (int i = 0; i < 100; i++) {
		require(get(N, GFP_NOWAIT) == N);
		require(!kmem_cache_alloc(cache, GFP_NOWAIT));
		put(N);
		require(!cache->unsettled && !cache->short_of_empty);
	}
	destroy();
}
END_TEST

static void *give_back(void *unused)
{
	put(N);
	return unused;
}

START_TEST(other_threads_may_free_what_one_allocates)
{
	setup(64);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	for (int i = 0; i < 20; i++) {
		pthread_t thread;

		/* What the others held went home when they ended. */
		require(get(N, GFP_KERNEL) == N);
		ck_assert_int_eq(pthread_create(&thread, NULL, give_back, NULL), 0);
		pthread_join(thread, NULL);
	}
	ck_assert_uint_le(cache->pub.nslabs, 2 * N / cache->pub.slab_objects + 2);
	destroy();
}
END_TEST

START_TEST(a_free_that_lacks_a_sheaf_brings_one_by_the_next_refill)
{
	unsigned lacks = 0;

	setup(64);
	for (int i = 0; i < 50; i++) {
		require(get(N, GFP_KERNEL) == N);
		put(N);
		lacks += cache->short_of_empty;
	}
	require(lacks > 0 && lacks < 50);
	require(!cache->short_of_empty);
	destroy();
}
END_TEST

START_TEST(neither_decay_nor_idleness_takes_what_is_ready)
{
	setup(64);
	kmem_option_set("decay_ms", "1");
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	for (int i = 0; i < 200; i++) {
		kmem_free(kmem_malloc(10000));
		unit_sleep_ms(1);
		thread_pass_slow(thread_known());
		cache_decay(cache);
	}
	require(get(N, GFP_NOWAIT) == N);
	put(N);
	kmem_trim();
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	ck_assert_uint_eq(get(N, GFP_NOWAIT), 0);
	ck_assert_uint_eq(lose_empties(), 0);
	destroy();
}
END_TEST

/* A request that fails elsewhere takes what is free, but not what is to be ready. */
START_TEST(a_shortage_elsewhere_takes_nothing_that_is_ready)
{
	unsigned before, after = 0;

	cache = kmem_cache_create("ready", 100, 0, SLAB_NOWAIT, NULL);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 3000), 0);
	before = (unsigned)cache_stats(cache).parked;
	require_errno(ENOMEM, kmem_malloc((size_t)100 << 40));
	ck_assert_uint_eq(cache_stats(cache).parked, before);
	while (kmem_cache_alloc(cache, GFP_NOWAIT))
		after++;
	ck_assert_uint_ge(after, 3000);
	kmem_trim();
	ck_assert_uint_eq(cache_stats(cache).parked, 0);
}
END_TEST

START_TEST(bulk_frees_make_no_call)
{
	setup(64);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	faults_count();
	for (int i = 0; i < 10; i++) {
		require(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, N, objects) == N);
		kmem_cache_free_bulk(cache, N, objects);
	}
	require(!kmem_cache_alloc_bulk(cache, GFP_NOWAIT, N + 1, objects));
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	destroy();
}
END_TEST

static _Atomic unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	*(int *)object = 7;
}

START_TEST(constructed_state_survives_home)
{
	unsigned before;

	cache = kmem_cache_create("nowait", 200, 0, SLAB_NOWAIT, build);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	before = nbuilt;
	require(every_stage());
	ck_assert_uint_eq(nbuilt, before);
	for (unsigned i = 0; i < N && objects[i]; i++)
		require(*(int *)objects[i] == 7);
}
END_TEST

START_TEST(the_largest_objects_have_sheaves_too)
{
	setup(1u << 20);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 8), 0);
	faults_count();
	for (int i = 0; i < 5; i++) {
		require(get(8, GFP_NOWAIT) == 8);
		put(8);
	}
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	destroy();
}
END_TEST

UNIT_MAIN("nowait", no_call_and_no_lock_in_any_stage, no_system_call_in_any_stage,
	  a_thread_without_record_gets_none_by_a_free, trades_keep_the_sheaves,
	  other_threads_may_free_what_one_allocates,
	  a_free_that_lacks_a_sheaf_brings_one_by_the_next_refill,
	  neither_decay_nor_idleness_takes_what_is_ready,
	  a_shortage_elsewhere_takes_nothing_that_is_ready, bulk_frees_make_no_call,
	  constructed_state_survives_home, the_largest_objects_have_sheaves_too)
