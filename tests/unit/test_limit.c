// SPDX-License-Identifier: MIT
/* Limits of caches: exact from many threads and in bulk, in bytes, with reserves. */
#include "limit_fixture.h"

#include "faults.h"

#include "slab/slab.h"
#include "slab/thread.h"

#include <pthread.h>

#define NTHREADS 8u

START_TEST(the_first_beyond_the_limit_is_refused)
{
	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	fill(LIMIT);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	require_errno(ENOMEM, kmem_cache_zalloc(cache, QUIET));
	ck_assert_uint_eq(used(), LIMIT);
	kmem_cache_free(cache, objects[0]);
	objects[0] = kmem_cache_zalloc(cache, QUIET);
	ck_assert_ptr_nonnull(objects[0]);
	for (unsigned i = 0; i < 64; i++)
		require(((char *)objects[0])[i] == 0);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	finish(LIMIT);
}
END_TEST

START_TEST(no_sheaf_is_ever_loaded)
{
	struct thread *thread;

	create(&(struct kmem_cache_args){.limit_objects = LIMIT, .sheaf_capacity = 255});
	fill(100);
	thread = thread_self();
	kmem_cache_free_bulk(cache, 50, objects + 50);
	ck_assert_uint_eq(thread_slot(thread, cache->id)->mask, 0);
	ck_assert_uint_eq(shelf_spare(thread_shelf(thread, cache->id))->mask, 0);
	ck_assert_uint_eq(cache_stats(cache).parked, 0);
	ck_assert_uint_eq(used(), 50);
	finish(50);
}
END_TEST

START_TEST(any_way_home_is_counted)
{
	create(&(struct kmem_cache_args){.limit_objects = 6});
	fill(6);
	kmem_free(objects[0]);
	ck_assert_uint_eq(used(), 5);
	kmem_cache_free_bulk(NULL, 1, objects + 1);
	ck_assert_uint_eq(used(), 4);
	kmem_cache_free_bulk(cache, 2, objects + 2);
	ck_assert_uint_eq(used(), 2);
	kmem_option_set("on_error", "continue");
	kmem_cache_free(cache, objects[2]); /* twice */
	ck_assert_uint_eq(used(), 2);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

START_TEST(a_wrong_count_is_found)
{
	create(&(struct kmem_cache_args){.limit_objects = 6});
	fill(3);
	ck_assert_ptr_null(cache_check(cache));
	atomic_fetch_add(&cache->used, 1);
	unit_broken(cache_check(cache), "S7");
	atomic_fetch_sub(&cache->used, 1);
	finish(3);
}
END_TEST

START_TEST(large_objects_have_limits_too)
{
	cache = kmem_cache_create("limited-large", 1u << 20,
				  &(struct kmem_cache_args){.limit_objects = 5}, 0);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_ptr_nonnull(objects[i] = kmem_cache_alloc(cache, QUIET));
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	ck_assert_ptr_null(cache_check(cache));
	finish(5);
}
END_TEST

START_TEST(bytes_are_those_of_whole_objects)
{
	/* 100 bytes are 104 with padding. */
	cache = kmem_cache_create("limited-bytes", 100,
				  &(struct kmem_cache_args){.limit_bytes = 1039}, 0);
	for (unsigned i = 0; i < 9; i++)
		ck_assert_ptr_nonnull(objects[i] = kmem_cache_alloc(cache, QUIET));
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	finish(9);
}
END_TEST

START_TEST(the_lower_of_both_limits_holds)
{
	create(&(struct kmem_cache_args){.limit_objects = 7, .limit_bytes = 1000 * 64});
	fill(7);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	finish(7);
	create(&(struct kmem_cache_args){.limit_objects = 1000, .limit_bytes = 7 * 64});
	fill(7);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	finish(7);
}
END_TEST

/* A cache that follows one with a limit in its record has none. */
START_TEST(the_next_cache_has_no_limit)
{
	struct kmem_cache *limited;

	create(&(struct kmem_cache_args){.limit_objects = 1});
	limited = cache;
	fill(1);
	finish(1);
	create(NULL);
	ck_assert_ptr_eq(cache, limited);
	fill(50);
	for (unsigned i = 0; i < 50; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_uint_gt(cache_stats(cache).parked, 0);
}
END_TEST

START_TEST(the_reserve_is_for_high)
{
	create(&(struct kmem_cache_args){.limit_objects = 10, .reserve_objects = 3});
	fill(7);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	objects[7] = kmem_cache_alloc(cache, QUIET | __GFP_HIGH);
	objects[8] = kmem_cache_alloc(cache, GFP_ATOMIC);
	objects[9] = kmem_cache_alloc(cache, GFP_ATOMIC);
	require(objects[7] && objects[8] && objects[9]);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET | __GFP_HIGH));
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_ATOMIC));
	kmem_cache_free(cache, objects[9]);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET)); /* it fills up first */
	ck_assert_ptr_nonnull(objects[9] = kmem_cache_alloc(cache, GFP_ATOMIC));
	finish(10);
}
END_TEST

START_TEST(who_may_not_wait_gets_what_is_at_hand)
{
	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	require_errno(EAGAIN, kmem_cache_alloc(cache, GFP_NOWAIT));
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, 3, objects), 0);
	ck_assert_int_eq(errno, EAGAIN);
	fill(1);
	ck_assert_ptr_nonnull(objects[1] = kmem_cache_alloc(cache, GFP_NOWAIT));
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, LIMIT - 2, objects + 2), 0);
	ck_assert_int_eq(errno, EAGAIN); /* one slab has not so many: none */
	ck_assert_uint_eq(used(), 2);
	ck_assert_ptr_null(cache_check(cache));
	finish(2);
}
END_TEST

static _Atomic unsigned out, most_out, nwon;
static pthread_barrier_t barrier;

static void see_out(unsigned n)
{
	unsigned now = atomic_fetch_add(&out, n) + n, most = most_out;

	while (now > most && !atomic_compare_exchange_weak(&most_out, &most, now))
		;
}

/* One of the thread's objects, which bears its mark; false: refused. */
static bool own_one(void **mine, unsigned *n)
{
	void *object = kmem_cache_alloc(cache, QUIET);

	if (!object)
		return false;
	see_out(1);
	*(void ***)object = mine;
	mine[(*n)++] = object;
	return true;
}

static void disown_one(void **mine, unsigned *n)
{
	void *object = mine[--*n];

	require(*(void ***)object == mine);
	out--;
	kmem_cache_free(cache, object);
}

/* All threads take until they are refused: the limit is out, and no more. */
static void take_all(void **mine, unsigned *n)
{
	pthread_barrier_wait(&barrier);
	while (own_one(mine, n))
		;
	pthread_barrier_wait(&barrier);
	require(out == LIMIT && used() == LIMIT);
	pthread_barrier_wait(&barrier);
}

static void *contend(void *seed)
{
	static __thread void *mine[LIMIT];
	uint64_t random = (uintptr_t)seed;
	unsigned n = 0;

	take_all(mine, &n);
	for (unsigned i = 0; i < 20000; i++)
		if (n > 0 && below(&random, 2))
			disown_one(mine, &n);
		else
			own_one(mine, &n);
	take_all(mine, &n);
	while (n > 0)
		disown_one(mine, &n);
	return NULL;
}

START_TEST(eight_threads_get_exactly_the_limit)
{
	pthread_t threads[NTHREADS];

	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	pthread_barrier_init(&barrier, NULL, NTHREADS);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, contend, (void *)(unit_next() | 1)), 0);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(most_out, LIMIT);
	finish(0);
}
END_TEST

/* Requests for more than half of the limit: one at a time gets all, and one always does. */
static void *contend_in_bulk(void *unused)
{
	void *mine[LIMIT / 2 + 1];

	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 300; i++) {
		int n = kmem_cache_alloc_bulk(cache, QUIET, LIMIT / 2 + 1, mine);

		require(n == 0 || n == LIMIT / 2 + 1);
		if (!n) {
			require(errno == ENOMEM);
			continue;
		}
		see_out((unsigned)n);
		nwon++;
		out -= (unsigned)n;
		kmem_cache_free_bulk(cache, (size_t)n, mine);
	}
	return unused;
}

START_TEST(bulk_is_all_or_none_and_leaks_no_count)
{
	pthread_t threads[NTHREADS];

	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, LIMIT, objects), LIMIT);
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 1, objects), 0);
	ck_assert_int_eq(errno, ENOMEM);
	kmem_cache_free_bulk(cache, 500, objects + 500);
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 501, objects + 500), 0);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(used(), 500);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 500, objects + 500), 500);
	kmem_cache_free_bulk(cache, LIMIT, objects);
	ck_assert_uint_eq(used(), 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, LIMIT + 1, objects), 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 0, objects), 0);
	ck_assert_uint_eq(used(), 0);
	pthread_barrier_init(&barrier, NULL, NTHREADS);
	for (unsigned i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, contend_in_bulk, NULL), 0);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(most_out, LIMIT / 2 + 1);
	ck_assert_uint_gt(nwon, 0);
	finish(0);
}
END_TEST

START_TEST(bulk_with_zero_is_zero)
{
	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	fill(LIMIT);
	kmem_cache_free_bulk(cache, LIMIT, objects);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET | __GFP_ZERO, LIMIT, objects), LIMIT);
	for (unsigned i = 0; i < LIMIT; i++)
		for (unsigned k = 0; k < 64; k++)
			require(((char *)objects[i])[k] == 0);
	finish(LIMIT);
}
END_TEST

static void build(void *object)
{
	*(int *)object = 7;
}

START_TEST(bulk_with_zero_and_a_constructor_counts_nothing)
{
	create(&(struct kmem_cache_args){.limit_objects = LIMIT, .ctor = build});
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET | __GFP_ZERO, 5, objects), 0);
	ck_assert_int_eq(errno, EINVAL);
	finish(0);
}
END_TEST

/* Memory ends before the limit: nothing of a request that fails stays counted. */
START_TEST(without_memory_the_count_is_as_before)
{
	size_t n = 0;

	cache = kmem_cache_create("limited-wide", 64 << 10,
				  &(struct kmem_cache_args){.limit_objects = 2 * LIMIT}, 0);
	faults_begin(1, ~0ul);
	errno = 0;
	while (n < 2 * LIMIT && kmem_cache_alloc_bulk(cache, QUIET, 50, objects + n))
		n += 50;
	faults_end();
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_lt(n, 2 * LIMIT);
	ck_assert_uint_eq(used(), n);
	ck_assert_ptr_null(cache_check(cache));
	finish((unsigned)n);
}
END_TEST

static void destroy_full(void)
{
	if (kmem_cache_destroy(cache) != -EBUSY || used() != 10)
		_exit(1);
	if (kmem_cache_alloc(cache, QUIET))
		_exit(2);
	kmem_cache_free(cache, objects[9]);
	if (!kmem_cache_alloc(cache, QUIET))
		_exit(3);
}

START_TEST(destroy_with_live_objects_keeps_the_count)
{
	create(&(struct kmem_cache_args){.limit_objects = 10});
	fill(10);
	ck_assert_int_eq(unit_child(destroy_full).status, 0);
	finish(10);
}
END_TEST

UNIT_MAIN("limit", the_first_beyond_the_limit_is_refused, no_sheaf_is_ever_loaded,
	  any_way_home_is_counted, a_wrong_count_is_found, large_objects_have_limits_too,
	  bytes_are_those_of_whole_objects, the_lower_of_both_limits_holds,
	  the_next_cache_has_no_limit, the_reserve_is_for_high,
	  who_may_not_wait_gets_what_is_at_hand, eight_threads_get_exactly_the_limit,
	  bulk_is_all_or_none_and_leaks_no_count, bulk_with_zero_is_zero,
	  bulk_with_zero_and_a_constructor_counts_nothing, without_memory_the_count_is_as_before,
	  destroy_with_live_objects_keeps_the_count)
