// SPDX-License-Identifier: MIT
/*
 * Caches whose frees may not wait: no call and no lock in any stage, lists that are
 * settled later, sheaves that stay the cache's own, decay that leaves them alone.
 */
#include "unit.h"

#include "faults.h"

#include "lib/stats.h"
#include "slab/barn.h"
#include "slab/slab.h"
#include "slab/slot.h"
#include "tests/no_calls.h"

#include <kmem.h>
#include <pthread.h>

#define N 600u /* forty sheaves of fifteen */

static struct kmem_cache *cache;
static void *objects[N + 1];

static void setup(unsigned size)
{
	cache = kmem_cache_create("nowait", size, 0, SLAB_NOWAIT, NULL);
	ck_assert_ptr_nonnull(cache);
}

static void destroy(void)
{
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_uint_eq(cache_stats(cache).in_use, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

static unsigned get(unsigned n, gfp_t flags)
{
	unsigned got = 0;

	while (got < n && (objects[got] = kmem_cache_alloc(cache, flags)))
		got++;
	return got;
}

static void put(unsigned n)
{
	while (n > 0)
		kmem_cache_free(cache, objects[--n]);
}

/* So that the next frees find none. */
static unsigned lose_empties(void)
{
	unsigned n = 0;

	for (unsigned level = 0; level < SHEAF_LEVELS; level++)
		while (barn_take_empty(cache, level))
			n++;
	return n;
}

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
	words = unit_child(under_seccomp);
	ck_assert_msg(WIFEXITED(words.status) && WEXITSTATUS(words.status) == 0, "wait status %#x",
		      (unsigned)words.status);
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

/* All objects are in use, and then at home, with nobody having taken the lock. */
static void go_home(void)
{
	struct shelf shelf = {.next = 0};
	unsigned got = 0;

	while (got < N)
		got += cache->ops->refill(cache, &shelf, objects + got, N - got);
	cache->ops->detach(cache, &shelf);
	cache->ops->home(cache, objects, N);
}

START_TEST(lists_are_settled_by_who_looks_for_a_slab)
{
	unsigned nslabs;

	setup(512);
	go_home();
	require(cache->unsettled);
	nslabs = cache->pub.nslabs;
	go_home();
	ck_assert_uint_eq(cache->pub.nslabs, nslabs);
	require(cache->unsettled);
	ck_assert_ptr_null(cache_check(cache));
	require(!cache->unsettled);
	destroy();
}
END_TEST

START_TEST(empty_slabs_stay_until_asked_for)
{
	setup(512);
	go_home();
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_uint_gt(cache->pub.nslabs_empty, 4);
	ck_assert_uint_eq(cache->pub.nslabs_empty, cache->pub.nslabs);
	cache_decay(cache);
	ck_assert_uint_gt(cache->pub.nslabs_empty, 4);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	destroy();
}
END_TEST

START_TEST(shrink_settles_partial_slabs_too)
{
	setup(512);
	require(get(N, GFP_KERNEL) == N);
	lose_empties();
	put(N - 1);
	ck_assert_int_eq(kmem_cache_shrink(cache), 1);
	ck_assert_uint_eq(cache->pub.nslabs, 1);
	objects[0] = objects[N - 1];
	put(1);
	destroy();
}
END_TEST

START_TEST(destroy_reports_live_objects_on_unsettled_lists)
{
	setup(512);
	require(get(N, GFP_KERNEL) == N);
	put(N - 1);
	ck_assert_int_eq(kmem_cache_destroy(cache), -EBUSY);
	objects[0] = objects[N - 1];
	put(1);
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

/* Counted after another list gave the slab room: the walk must see that it has too much. */
START_TEST(room_that_a_late_count_left_is_settled)
{
	struct slab *slab;
	void *objects[SLAB_OBJECTS];

	cache = kmem_cache_create("late", 2048, 0, SLAB_NOWAIT, NULL);
	slab = slab_acquire(cache);
	slab_take(slab, objects, cache->pub.slab_objects);
	slab_release(slab);
	slab_return(cache, &slab->free[0], 1, 1);
	slab_return(cache, &slab->free[0], 2, 1);
	lock_take(&cache->lock, LOCK_CACHE);
	slab_settle_locked(cache);
	lock_release(&cache->lock, LOCK_CACHE);
	ck_assert_ptr_null(cache_check(cache));
	slab->state += 1u << SLAB_ROOM; /* as that return would have left it */
	atomic_store(&cache->unsettled, true);
	ck_assert_ptr_null(cache_check(cache));
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

static void use_in_child(void)
{
	/* Its parent's returns were noted nowhere, say. */
	if (!cache->unsettled || cache_check(cache))
		_exit(2);
	for (int i = 0; i < 10; i++) {
		if (get(N, GFP_KERNEL) != N)
			_exit(3);
		put(N);
	}
	_exit(kmem_cache_destroy(cache) == 0 ? 0 : 4);
}

START_TEST(a_forks_child_settles_and_goes_on)
{
	struct last_words words;

	setup(512);
	go_home();
	cache->unsettled = false;
	words = unit_child(use_in_child);
	ck_assert_msg(WIFEXITED(words.status) && WEXITSTATUS(words.status) == 0, "wait status %#x",
		      (unsigned)words.status);
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

#define RACERS 4
#define HELD   40u

static unsigned rounds(void)
{
	return UNDER_TSAN || UNDER_ASAN ? 3000 : 30000;
}

/* Take some and bring them home in two parts, straight from and to the slabs. */
static void *race(void *arg)
{
	struct shelf shelf = {.next = 0};
	uint64_t random = unit_random + (uintptr_t)arg;
	void *held[HELD];

	for (unsigned i = 0; i < rounds(); i++) {
		unsigned want = 1 + (unsigned)below(&random, HELD), part;
		unsigned n = cache->ops->refill(cache, &shelf, held, want);

		require(n > 0);
		for (unsigned k = 0; k < n; k++)
			*(uintptr_t *)held[k] = (uintptr_t)arg;
		if (below(&random, 4) == 0)
			cache->ops->detach(cache, &shelf);
		for (unsigned k = 0; k < n; k++)
			require(*(uintptr_t *)held[k] == (uintptr_t)arg);
		part = (unsigned)below(&random, n);
		cache->ops->home(cache, held, part);
		cache->ops->home(cache, held + part, n - part);
	}
	cache->ops->detach(cache, &shelf);
	return NULL;
}

START_TEST(returns_race_with_takers_and_retirement)
{
	pthread_t threads[RACERS];

	setup(1000);
	for (uintptr_t i = 0; i < RACERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, race, (void *)(i + 1)), 0);
	for (unsigned i = 0; i < rounds() / 10; i++) {
		slab_retire(cache, 0);
		sched_yield();
	}
	for (int i = 0; i < RACERS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_ptr_null(cache_check(cache));
	slab_retire(cache, 0);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	destroy();
}
END_TEST

UNIT_MAIN("nowait", no_call_and_no_lock_in_any_stage, no_system_call_in_any_stage,
	  a_thread_without_record_gets_none_by_a_free, lists_are_settled_by_who_looks_for_a_slab,
	  empty_slabs_stay_until_asked_for, shrink_settles_partial_slabs_too,
	  destroy_reports_live_objects_on_unsettled_lists, trades_keep_the_sheaves,
	  other_threads_may_free_what_one_allocates,
	  a_free_that_lacks_a_sheaf_brings_one_by_the_next_refill,
	  neither_decay_nor_idleness_takes_what_is_ready, bulk_frees_make_no_call,
	  a_shortage_elsewhere_takes_nothing_that_is_ready, room_that_a_late_count_left_is_settled,
	  constructed_state_survives_home, a_forks_child_settles_and_goes_on,
	  the_largest_objects_have_sheaves_too, returns_race_with_takers_and_retirement)
