// SPDX-License-Identifier: MIT
/*
 * Shrinkers and caches' reclaim callbacks: before which requests fail they run, that these get
 * what they free, and that no lock is held then.
 */
#include "shrinker.h"

#include "short.h"

/* A request gets nothing, and has asked twice. */
static struct kmem_shrinker *ask_twice(unsigned long (*scan)(struct kmem_shrinker *,
							     struct kmem_shrink_control *))
{
	struct kmem_shrinker *shrinker;

	short_begin();
	shrinker = made(scan);
	count = 100;
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 2);
	return shrinker;
}

static void end(struct kmem_shrinker *shrinker)
{
	faults_end();
	kmem_shrinker_free(shrinker);
}

/* Half of what it has, then all of it, then NULL. */
START_TEST(runs_before_a_request_fails)
{
	struct kmem_shrinker *shrinker = ask_twice(scan_some);

	ck_assert_uint_eq(asked[0], 50);
	ck_assert_uint_eq(asked[1], 100);
	nscans = 0;
	require_errno(ENOMEM, kmem_malloc((size_t)1 << 20));
	ck_assert_uint_eq(nscans, 2);
	require_errno(ENOMEM, kmem_pages_alloc(10, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 4);
	require_errno(ENOMEM, kmem_aligned_alloc(1 << 16, (size_t)1 << 20));
	ck_assert_uint_eq(nscans, 6);
	end(shrinker);
}
END_TEST

/* No address space holds it: nobody is asked in vain. */
START_TEST(what_nobody_can_have_asks_nobody)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 100;
	require_errno(ENOMEM, kmem_malloc(SIZE_MAX / 4));
	ck_assert_uint_eq(ncounts, 0);
	kmem_shrinker_free(shrinker);
}
END_TEST

static unsigned long scan_short(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)shrinker;
	nscans++;
	return short_free((unsigned)control->nr_to_scan);
}

/* What it frees is what the request gets, whatever asks. */
START_TEST(a_request_gets_what_it_frees)
{
	struct kmem_shrinker *shrinker;
	void *block;

	short_begin();
	shrinker = made(scan_short);
	count = 40;
	ck_assert_ptr_nonnull(kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 1);
	block = kmem_malloc(300000);
	ck_assert_ptr_nonnull(block);
	block = kmem_realloc(block, 1000000);
	ck_assert_ptr_nonnull(block);
	ck_assert_ptr_nonnull(kmem_pages_alloc(6, GFP_KERNEL));
	ck_assert_ptr_nonnull(kmem_calloc(1, 50000));
	ck_assert_uint_ge(nscans, 2);
	end(shrinker);
}
END_TEST

static unsigned long scan_and_allocate(struct kmem_shrinker *shrinker,
				       struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nscans++;
	use_allocator();
	return 0;
}

static void reclaim_and_allocate(struct kmem_cache *cache, void *data)
{
	(void)cache;
	++*(unsigned *)data;
	use_allocator();
}

START_TEST(callbacks_hold_no_lock)
{
	struct kmem_shrinker *shrinker = made(scan_and_allocate);
	unsigned ncalls = 0;
	struct kmem_cache *cache = cache_with(reclaim_and_allocate, &ncalls);

	count = 10;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 1);
	ck_assert_uint_eq(ncalls, 1);
	kmem_shrinker_free(shrinker);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static unsigned long scan_and_want(struct kmem_shrinker *shrinker,
				   struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nscans++;
	require(kmem_malloc((size_t)1 << 22) == NULL);
	require(kmem_shrink() == 0);
	return 0;
}

/* Its own requests that find no memory do not enter it again. */
START_TEST(it_is_not_entered_again_by_itself)
{
	end(ask_twice(scan_and_want));
}
END_TEST

static void *other_cache_objects[8];
static struct kmem_cache *other_cache;

static void give_two(struct kmem_cache *cache, void *data)
{
	void **objects = data;

	require(cache == other_cache);
	for (unsigned i = 0, n = 0; i < 8 && n < 2; i++)
		if (objects[i]) {
			kmem_cache_free(cache, objects[i]);
			objects[i] = NULL;
			n++;
		}
}

/* And one that could not be destroyed is asked again. */
START_TEST(caches_are_asked_for_objects)
{
	other_cache = cache_with(give_two, other_cache_objects);
	for (unsigned i = 0; i < 4; i++)
		other_cache_objects[i] = kmem_cache_alloc(other_cache, GFP_KERNEL);
	ck_assert_uint_eq(kmem_shrink(), 2);
	ck_assert_int_eq(kmem_cache_destroy(other_cache), -EBUSY);
	ck_assert_uint_eq(kmem_shrink(), 2);
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_int_eq(kmem_cache_destroy(other_cache), 0);
	ck_assert_uint_eq(kmem_shrink(), 0);
}
END_TEST

static void reclaim_short(struct kmem_cache *cache, void *data)
{
	(void)cache;
	(void)data;
	nscans++;
	short_free(20);
}

START_TEST(a_request_gets_what_a_callback_frees)
{
	struct kmem_cache *cache = cache_with(reclaim_short, NULL);

	short_begin();
	ck_assert_uint_eq(nscans, 0);
	ck_assert_ptr_nonnull(kmem_malloc(1000));
	ck_assert_ptr_nonnull(kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_ge(nscans, 1);
	faults_end();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("shrinker_requests", runs_before_a_request_fails, what_nobody_can_have_asks_nobody,
	  a_request_gets_what_it_frees, callbacks_hold_no_lock, it_is_not_entered_again_by_itself,
	  caches_are_asked_for_objects, a_request_gets_what_a_callback_frees)
