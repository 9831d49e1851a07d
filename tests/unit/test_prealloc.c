// SPDX-License-Identifier: MIT
/* Objects made ahead: how many, touched, constructed; what failure leaves; limits. */
#include "nowait_fixture.h"

#include "faults.h"

#include "slab/slot.h"
#include "slab/thread.h"

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

/* As many as asked for, up to a sheaf more, of any size and kind of cache. */
static void check_shape(unsigned size, unsigned nobjects, slab_flags_t flags)
{
	unsigned capacity, n;

	cache = kmem_cache_create("ahead", size, 0, flags, NULL);
	capacity = sheaf_capacity(cache->level_first);
	ck_assert_int_eq(kmem_cache_prealloc(cache, nobjects), 0);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_ptr_null(cache_check(cache));
	faults_count();
	n = get(MOST, GFP_NOWAIT);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	ck_assert_uint_ge(n, nobjects);
	ck_assert_uint_lt(n, nobjects + capacity);
	ck_assert_uint_eq(cache_stats(cache).active, n);
	put(n);
	destroy();
}

START_TEST(as_many_as_asked_for_are_at_hand)
{
	static const unsigned sizes[] = {8, 64, 1000, 5000, 40000, 300000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (unsigned n = 0; n <= 1000000 / sizes[i] && n < MOST / 2; n = n * 3 + 1) {
			check_shape(sizes[i], n, 0);
			check_shape(sizes[i], n, SLAB_NOWAIT);
		}
}
END_TEST

START_TEST(twice_is_twice_as_many)
{
	cache = kmem_cache_create("ahead", 64, 0, SLAB_NOWAIT, NULL);
	for (unsigned i = 1; i <= 4; i++) {
		unsigned n;

		ck_assert_int_eq(kmem_cache_prealloc(cache, 600), 0);
		n = get(MOST, GFP_NOWAIT);
		ck_assert_uint_eq(n, i * 600);
		put(n);
	}
	destroy();
}
END_TEST

static _Atomic unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	memset(object, 0x5a, 100);
}

START_TEST(objects_are_constructed_and_stay_so)
{
	unsigned n;

	cache = kmem_cache_create("ahead", 9000, 0, SLAB_NOWAIT, build);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 100), 0);
	n = get(MOST, GFP_NOWAIT);
	ck_assert_uint_eq(nbuilt, n);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < 100; k++)
			require(((char *)objects[i])[k] == 0x5a);
	put(n);
	destroy();
}
END_TEST

static long faults_so_far(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_minflt;
}

START_TEST(every_page_is_resident)
{
	unsigned n;

	cache = kmem_cache_create("ahead", 20000, 0, SLAB_NOWAIT, NULL);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 200), 0);
	n = get(MOST, GFP_NOWAIT);
	ck_assert_uint_ge(n, 200);
	for (unsigned i = 0; i < n; i++)
		for (size_t k = 0; k < 20000; k += 1000) {
			unsigned char resident = 0;
			char *page = (char *)(((uintptr_t)objects[i] + k) & ~(uintptr_t)4095);

			require(mincore(page, 4096, &resident) == 0 && resident & 1);
		}
	put(n);
	destroy();
}
END_TEST

START_TEST(what_follows_faults_on_no_page)
{
	long before;

	if (UNDER_TSAN || UNDER_ASAN)
		return; /* their shadow */
	cache = kmem_cache_create("ahead", 200, 0, SLAB_NOWAIT, NULL);
	memset(objects, 1, sizeof(objects));
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_NOWAIT)); /* the code's own pages */
	ck_assert_int_eq(kmem_cache_prealloc(cache, 2000), 0);
	faults_so_far();
	before = faults_so_far();
	for (int i = 0; i < 3; i++) {
		unsigned n = get(2000, GFP_NOWAIT);

		for (unsigned k = 0; k < n; k++)
			memset(objects[k], 2, 200);
		put(n);
	}
	/* The code of the frees may not have run before. */
	ck_assert_int_le(faults_so_far() - before, 8);
	destroy();
}
END_TEST

static void *come_and_use(void *unused)
{
	unsigned n;

	ck_assert_int_eq(kmem_cache_prealloc(cache, 0), 0);
	require(thread_known());
	faults_count();
	n = get(MOST, GFP_NOWAIT);
	put(n);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	/* But for what lay in the first thread's own sheaves. */
	ck_assert_uint_ge(n, 1000 - 30);
	return unused;
}

START_TEST(a_thread_that_comes_later_calls_for_nothing)
{
	pthread_t thread;

	cache = kmem_cache_create("ahead", 64, 0, SLAB_NOWAIT, NULL);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 1000), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, come_and_use, NULL), 0);
	pthread_join(thread, NULL);
	destroy();
}
END_TEST

START_TEST(more_than_the_limit_is_refused)
{
	const struct kmem_cache_args args = {.limit_objects = 100};

	cache = kmem_cache_create_args("ahead", 64, &args, SLAB_NOWAIT);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 101), -EINVAL);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(a_cache_with_a_limit_gets_slabs)
{
	const struct kmem_cache_args args = {.limit_objects = 1000};

	cache = kmem_cache_create_args("ahead", 1000, &args, SLAB_NOWAIT);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 1000), 0);
	ck_assert_uint_ge(cache->pub.nslabs * cache->pub.slab_objects, 1000);
	ck_assert_ptr_nonnull(shelf_slab(thread_shelf(thread_known(), cache->id)));
	ck_assert_uint_eq(slot_of(cache)->mask, 0);
	destroy();
}
END_TEST

START_TEST(more_than_there_can_be_is_refused)
{
	cache = kmem_cache_create("ahead", 4096, 0, 0, NULL);
	ck_assert_int_eq(kmem_cache_prealloc(cache, SIZE_MAX), -ENOMEM);
	ck_assert_int_eq(kmem_cache_prealloc(cache, SIZE_MAX / 4096), -ENOMEM);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	destroy();
}
END_TEST

/* Each call refused in turn: all or nothing. */
static void refuse_each(slab_flags_t flags, size_t limit)
{
	const struct kmem_cache_args args = {.limit_objects = limit};

	for (unsigned long nth = 1;; nth++) {
		int err;

		cache = kmem_cache_create_args("ahead", 30000, &args, flags);
		faults_begin(nth, ULONG_MAX);
		err = kmem_cache_prealloc(cache, 3000);
		faults_end();
		if (!faults.nrefused) {
			ck_assert_int_eq(err, 0);
			ck_assert_uint_ge(limit ? 3000 : get(MOST, GFP_NOWAIT), 3000);
			return;
		}
		/* A refused advice is no failure. */
		if (err) {
			ck_assert_int_eq(err, -ENOMEM);
			ck_assert_uint_eq(cache->pub.nslabs, 0);
			ck_assert_uint_eq(get(MOST, GFP_NOWAIT), 0);
		}
		destroy();
		kmem_trim();
	}
}

/* With a limit: slabs, kept though empty; the thread has one of them, whatever it had before. */
START_TEST(slabs_made_ahead_stay_and_are_at_hand)
{
	struct kmem_cache_args args = {.limit_objects = MOST};
	unsigned slabs;

	cache = kmem_cache_create("ahead", 256, &args, 0);
	ck_assert_int_eq(kmem_cache_prealloc(cache, MOST), 0);
	slabs = cache->pub.nslabs;
	ck_assert_uint_ge(slabs * cache->pub.slab_objects, MOST);
	ck_assert_uint_eq(get(MOST, GFP_NOWAIT), cache->pub.slab_objects);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 100), 0);
	objects[cache->pub.slab_objects] = kmem_cache_alloc(cache, GFP_NOWAIT);
	ck_assert_ptr_nonnull(objects[cache->pub.slab_objects]);
	put(cache->pub.slab_objects + 1);
	kmem_cache_shrink(cache);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	destroy();
}
END_TEST

START_TEST(a_failure_leaves_nothing_behind)
{
	refuse_each(0, 0);
	refuse_each(SLAB_NOWAIT, 0);
	refuse_each(SLAB_NOWAIT, 4000);
}
END_TEST

UNIT_MAIN("prealloc", as_many_as_asked_for_are_at_hand, twice_is_twice_as_many,
	  objects_are_constructed_and_stay_so, every_page_is_resident,
	  what_follows_faults_on_no_page, a_thread_that_comes_later_calls_for_nothing,
	  more_than_the_limit_is_refused, a_cache_with_a_limit_gets_slabs,
	  more_than_there_can_be_is_refused, a_failure_leaves_nothing_behind,
	  slabs_made_ahead_stay_and_are_at_hand)
