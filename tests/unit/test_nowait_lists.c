// SPDX-License-Identifier: MIT
/*
 * Caches whose frees may not wait: objects come home with no lock taken, and the lists
 * of slabs are settled later, by who looks for a slab, shrinks, destroys or has forked.
 */
#include "nowait_fixture.h"

#include "children.h"

#include "slab/slab.h"
#include "slab/thread.h"

#include <pthread.h>

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

/* Counted after another list gave the slab room: the walk must see that it has too much. */
START_TEST(room_that_a_late_count_left_is_settled)
{
	struct slab *slab;
	void *objects[SLAB_OBJECTS];

	cache = kmem_cache_create("late", 2048, 0, SLAB_NOWAIT, NULL);
	slab = slab_acquire(cache);
	slab_take(slab, objects, cache->pub.slab_objects);
	slab_release(slab);
	slab_return(cache, &slab->free[0], 1);
	slab_return(cache, &slab->free[0], 2);
	lock_take(&cache->lock, LOCK_CACHE);
	slab_settle_locked(cache);
	lock_release(&cache->lock, LOCK_CACHE);
	ck_assert_ptr_null(cache_check(cache));
	slab->state += 1u << SLAB_ROOM; /* as that return would have left it */
	atomic_store(&cache->unsettled, true);
	ck_assert_ptr_null(cache_check(cache));
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
	setup(512);
	go_home();
	cache->unsettled = false;
	expect_children(1, use_in_child);
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

UNIT_MAIN("nowait_lists", lists_are_settled_by_who_looks_for_a_slab,
	  empty_slabs_stay_until_asked_for, shrink_settles_partial_slabs_too,
	  destroy_reports_live_objects_on_unsettled_lists, room_that_a_late_count_left_is_settled,
	  a_forks_child_settles_and_goes_on, returns_race_with_takers_and_retirement)
