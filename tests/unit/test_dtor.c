// SPDX-License-Identifier: MIT
/* Destructors: once for each object constructed, when its slab goes, in whose call, and no lock. */
#include "unit.h"

#include "children.h"

#include "lib/stats.h"
#include "slab/reclaim.h"
#include "slab/slab.h"

#include <kmem.h>
#include <pthread.h>
#include <stdatomic.h>

#define MANY  2000u
#define BUILT 0x1122334455667788u
#define ENDED 0x99aabbccddeeff00u

static struct kmem_cache *cache, *parts;
static uint64_t *objects[MANY];
static _Atomic unsigned nbuilt, nended;

/* With a part of its own, which leaks or is freed twice if the pair is out of step. */
static void build(void *object)
{
	uint64_t *words = object;

	words[0] = BUILT;
	words[1] = (uintptr_t)kmem_cache_alloc(parts, GFP_KERNEL);
	nbuilt++;
}

static void end(void *object)
{
	uint64_t *words = object;

	require(words[0] == BUILT);
	words[0] = ENDED;
	kmem_cache_free(parts, (void *)words[1]);
	nended++;
}

static void create(void (*ctor)(void *), void (*dtor)(void *))
{
	struct kmem_cache_args args = {.ctor = ctor, .dtor = dtor};

	ck_assert_int_eq(kmem_option_set("decay_ms", "1000000"), 0);
	parts = kmem_cache_create("parts", 32, 0, 0, NULL);
	cache = kmem_cache_create("ended", 256, &args, 0);
	ck_assert_ptr_nonnull(cache);
}

static void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(objects[i] && (!cache->ctor || objects[i][0] == BUILT));
		objects[i][0] = BUILT;
		memset(objects[i] + 2, 0x5a, cache->pub.object_size - 16);
	}
}

static void empty(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

/* Every object that began has ended. */
static void finish(void)
{
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_gt(nbuilt, 0);
	ck_assert_uint_eq(nended, nbuilt);
	ck_assert_uint_eq(cache_stats(parts).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(parts), 0);
}

START_TEST(destroy_ends_all)
{
	create(build, end);
	fill(10);
	empty(10);
	ck_assert_uint_eq(nended, 0);
	finish();
}
END_TEST

START_TEST(shrink_ends_all_that_are_free)
{
	create(build, end);
	fill(MANY);
	ck_assert_int_eq(kmem_cache_shrink(cache), 1);
	empty(MANY);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_uint_ge(nended, MANY);
	ck_assert_uint_eq(nended, nbuilt);
	fill(MANY); /* others, built anew */
	ck_assert_uint_ge(nbuilt, nended + MANY);
	empty(MANY);
	finish();
}
END_TEST

START_TEST(a_free_ends_all_slabs_but_two)
{
	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0); /* no sheaves */
	create(build, end);
	fill(MANY);
	empty(MANY);
	ck_assert_uint_eq(cache->pub.nslabs, 2);
	ck_assert_uint_eq(cache->pub.nslabs_empty, 2);
	ck_assert_uint_ge(nended, MANY - 2 * cache->pub.slab_objects);
	finish();
}
END_TEST

START_TEST(many_rounds_stay_in_step)
{
	create(build, end);
	for (unsigned round = 0; round < 300; round++) {
		unsigned n = 1 + (unsigned)unit_below(MANY);

		if (unit_below(2)) {
			fill(n);
			empty(n);
		} else {
			ck_assert_int_eq(
				kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, (void **)objects),
				(int)n);
			kmem_cache_free_bulk(cache, n, (void **)objects);
		}
		if (unit_below(4) == 0)
			kmem_cache_shrink(cache);
	}
	finish();
}
END_TEST

static void count(void *object)
{
	(void)object;
	nended++;
}

/* A limited cache hands out what leaves its slabs, and no more. */
START_TEST(without_a_constructor_it_ends_what_was_handed_out)
{
	struct kmem_cache_args args = {.dtor = count, .limit_objects = MANY};

	cache = kmem_cache_create("handed", 64, &args, 0);
	fill(3);
	empty(3);
	fill(2);
	empty(2);
	ck_assert_uint_eq(nended, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_eq(nended, 3);
}
END_TEST

static void destroy_busy(void)
{
	if (kmem_cache_destroy(cache) != -EBUSY || nended != 0)
		_exit(1);
	if (cache->pub.nslabs_empty == 0 || objects[499][0] != BUILT)
		_exit(2);
	kmem_cache_free(cache, objects[499]);
	if (kmem_cache_destroy(cache) != 0 || nended != nbuilt)
		_exit(3);
}

START_TEST(destroy_with_live_objects_ends_none)
{
	create(build, end);
	fill(500);
	empty(499);
	ck_assert_int_eq(unit_child(destroy_busy).status, 0);
}
END_TEST

/* Takes every lock there is. */
static void end_with_all(void *object)
{
	struct kmem_cache *own = kmem_cache_create("own", 100, 0, 0, NULL);

	end(object);
	kmem_cache_free(own, kmem_cache_alloc(own, GFP_KERNEL));
	ck_assert_int_eq(kmem_cache_destroy(own), 0);
	kmem_cache_shrink(parts);
	kmem_free(kmem_malloc(100000));
	kmem_trim();
}

START_TEST(no_lock_is_held)
{
	create(build, end_with_all);
	fill(100);
	empty(100);
	kmem_cache_shrink(cache);
	ck_assert_uint_gt(nended, 0);
	fill(100);
	empty(100);
	finish();
}
END_TEST

/* From now on this thread has objects in sheaves, and a slab. */
static void have_sheaves(void)
{
	uint64_t *mine[200];

	for (unsigned i = 0; i < 200; i++)
		require((mine[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
	for (unsigned i = 0; i < 200; i++)
		kmem_cache_free(cache, mine[i]);
}

static void *use(void *unused)
{
	have_sheaves();
	nended = 0;
	return unused;
}

/* It ends with sheaves and a slab, and what they held may be all of many slabs. */
START_TEST(calls_that_do_not_name_the_cache_end_none)
{
	pthread_t thread;
	unsigned nslabs;

	create(NULL, count);
	fill(MANY);
	empty(MANY);
	ck_assert_int_eq(pthread_create(&thread, NULL, use, NULL), 0);
	pthread_join(thread, NULL);
	nslabs = cache->pub.nslabs;
	ck_assert_uint_eq(nended, 0);
	kmem_option_set("decay_ms", "1");
	for (unsigned i = 0; i < 50; i++) {
		kmem_free(kmem_malloc(3000000));
		unit_sleep_ms(1);
		kmem_trim();
	}
	ck_assert_uint_eq(nended, 0);
	ck_assert_uint_eq(cache->pub.nslabs, nslabs);
	ck_assert_uint_gt(cache->pub.nslabs_empty, 2);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_gt(nended, 0);
}
END_TEST

/* Pages of free objects in living slabs are not given back: a destructor sees what was there. */
START_TEST(it_sees_what_was_left_in_the_object)
{
	create(NULL, NULL);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	cache = kmem_cache_create("left", 2048, &(struct kmem_cache_args){.dtor = count}, 0);
	fill(MANY / 4);
	for (unsigned i = 0; i < MANY / 4; i++)
		if (i % 16)
			kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	reclaim_trim();
	for (unsigned i = 0; i < MANY / 4; i++)
		if (pagemap_id(objects[i]) == cache->id)
			require(objects[i][0] == BUILT && objects[i][2] == 0x5a5a5a5a5a5a5a5a);
}
END_TEST

static _Atomic bool stop;

static void *churn(void *seed)
{
	uint64_t random = (uintptr_t)seed;
	uint64_t *mine[400];

	while (!stop) {
		unsigned n = 1 + (unsigned)below(&random, 400);

		for (unsigned i = 0; i < n; i++) {
			mine[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			require(mine[i] && mine[i][0] == BUILT);
		}
		for (unsigned i = 0; i < n; i++)
			kmem_cache_free(cache, mine[i]);
		if (below(&random, 8) == 0)
			kmem_cache_shrink(cache);
	}
	return NULL;
}

START_TEST(threads_stay_in_step)
{
	pthread_t threads[4];

	create(build, end);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, churn, (void *)(unit_next() | 1)), 0);
	unit_sleep_ms(700);
	stop = true;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_gt(nended, 0);
	finish();
}
END_TEST

static pthread_barrier_t barrier;

/* Has its sheaves and its slab while the process forks. */
static void *stay(void *unused)
{
	have_sheaves();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return unused;
}

static void end_in_child(void)
{
	unsigned before = nended;

	empty(100);
	if (kmem_cache_destroy(cache) != 0 || nended != nbuilt || nended == before)
		_exit(1);
	if (cache_stats(parts).active != 0 || kmem_cache_destroy(parts) != 0)
		_exit(2);
}

START_TEST(a_child_of_fork_stays_in_step)
{
	pthread_t threads[3];

	create(build, end);
	pthread_barrier_init(&barrier, NULL, 4);
	fill(100);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, stay, NULL), 0);
	pthread_barrier_wait(&barrier);
	ck_assert_int_eq(unit_child(end_in_child).status, 0);
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	empty(100);
	finish();
}
END_TEST

/* Whatever threads of the parent were at, none ends what it has ended, or a part twice. */
static void end_what_is_there(void)
{
	unsigned before = nended;

	kmem_cache_shrink(cache);
	fill(MANY);
	empty(MANY);
	kmem_cache_shrink(cache);
	/* Not all: what vanished threads held keeps some slabs. */
	if (nended <= before)
		_exit(1);
}

START_TEST(children_of_a_busy_process_end_nothing_twice)
{
	pthread_t threads[2];

	create(build, end);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, churn, (void *)(unit_next() | 1)), 0);
	expect_children(UNDER_TSAN ? 5 : 40, end_what_is_there);
	stop = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	finish();
}
END_TEST

UNIT_MAIN("dtor", destroy_ends_all, shrink_ends_all_that_are_free, a_free_ends_all_slabs_but_two,
	  many_rounds_stay_in_step, without_a_constructor_it_ends_what_was_handed_out,
	  destroy_with_live_objects_ends_none, no_lock_is_held,
	  calls_that_do_not_name_the_cache_end_none, it_sees_what_was_left_in_the_object,
	  threads_stay_in_step, a_child_of_fork_stays_in_step,
	  children_of_a_busy_process_end_nothing_twice)
