// SPDX-License-Identifier: MIT
/* Limits of caches: who is told, who is asked to free, and what is reported of a refusal. */
#include "limit_fixture.h"

#include "children.h"

static unsigned nrefused, nreclaims, nspare, nasked;
static void *spare[LIMIT];

/* What callbacks call takes every lock there is. */
static void use_all(struct kmem_cache *from)
{
	struct kmem_cache *own = kmem_cache_create("own", 100, 0, 0, NULL);

	ck_assert_ptr_eq(from, cache);
	kmem_cache_free(own, kmem_cache_alloc(own, GFP_KERNEL));
	ck_assert_int_eq(kmem_cache_destroy(own), 0);
	kmem_free(kmem_malloc(100000));
	kmem_cache_shrink(from);
	kmem_trim();
}

static void reached(struct kmem_cache *from, void *data)
{
	ck_assert_ptr_eq(data, &nrefused);
	nrefused++;
	use_all(from);
	require_errno(ENOMEM, kmem_cache_alloc(from, QUIET)); /* it is not told of this */
	if (nspare > 0)
		kmem_cache_free(from, spare[--nspare]);
}

static void reclaim(struct kmem_cache *from, void *data)
{
	ck_assert_ptr_eq(data, &nrefused);
	nreclaims++;
	use_all(from);
	if (nspare > 0)
		kmem_cache_free(from, spare[--nspare]);
	else
		require_errno(ENOMEM, kmem_cache_alloc(from, QUIET)); /* nor asked again */
}

START_TEST(limit_reached_is_told_and_may_free)
{
	create(&(struct kmem_cache_args){
		.limit_objects = 10, .limit_reached = reached, .data = &nrefused});
	fill(10);
	ck_assert_uint_eq(nrefused, 0);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	ck_assert_uint_eq(nrefused, 1);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 5, objects + 10), 0);
	ck_assert_uint_eq(nrefused, 2);
	spare[nspare++] = objects[9];
	require_errno(ENOMEM,
		      kmem_cache_alloc(cache, QUIET)); /* this one is refused all the same */
	ck_assert_uint_eq(nrefused, 3);
	ck_assert_ptr_nonnull(objects[9] = kmem_cache_alloc(cache, QUIET));
	finish(10);
}
END_TEST

START_TEST(reclaim_frees_and_the_request_succeeds)
{
	create(&(struct kmem_cache_args){.limit_objects = 10,
					 .limit_reached = reached,
					 .reclaim = reclaim,
					 .data = &nrefused});
	fill(10);
	spare[nspare++] = objects[9];
	ck_assert_ptr_nonnull(objects[9] = kmem_cache_alloc(cache, QUIET));
	ck_assert_uint_eq(nreclaims, 1);
	ck_assert_uint_eq(nrefused, 0);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET)); /* there is nothing more to free */
	ck_assert_uint_eq(nreclaims, 2);
	ck_assert_uint_eq(nrefused, 1);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET | __GFP_NORETRY));
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_NOWAIT));
	ck_assert_uint_eq(nreclaims, 2);
	ck_assert_uint_eq(nrefused, 3);
	finish(10);
}
END_TEST

static void count_asked(struct kmem_cache *from, void *data)
{
	(void)from;
	(void)data;
	nasked++;
}

START_TEST(what_no_limit_ever_admits_is_refused_at_once)
{
	create(&(struct kmem_cache_args){
		.limit_objects = 10, .reserve_objects = 3, .reclaim = count_asked});
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET | __GFP_NOFAIL, 8, objects), 0);
	ck_assert_int_eq(errno, ENOMEM);
	errno = 0;
	ck_assert_int_eq(
		kmem_cache_alloc_bulk(cache, QUIET | __GFP_NOFAIL | __GFP_HIGH, 11, objects), 0);
	ck_assert_int_eq(errno, ENOMEM);
	ck_assert_uint_eq(nasked, 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET | __GFP_NOFAIL, 7, objects), 7);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, QUIET, 1, objects + 7), 0);
	ck_assert_uint_gt(nasked, 0);
	finish(7);
}
END_TEST

static void be_refused(void)
{
	void *more[2];

	for (unsigned i = 0; i < 100; i++)
		if (kmem_cache_alloc(cache, GFP_KERNEL) || kmem_cache_alloc(cache, GFP_ATOMIC))
			_exit(1);
	unit_sleep_ms(1100);
	if (kmem_cache_alloc(cache, QUIET) ||
	    kmem_cache_alloc_bulk(cache, GFP_KERNEL, 2, more) != 0)
		_exit(2);
}

START_TEST(refusals_are_reported_once_a_second)
{
	create(&(struct kmem_cache_args){.limit_objects = 10, .reserve_objects = 2});
	fill(8);
	objects[8] = kmem_cache_alloc(cache, GFP_ATOMIC);
	objects[9] = kmem_cache_alloc(cache, GFP_ATOMIC);
	expect_words(be_refused,
		     "libkmem: kmem_cache_alloc: cache 'limited': 1 more would exceed its "
		     "limit of 10 objects, 2 of them reserved\n"
		     "libkmem: kmem_cache_alloc_bulk: cache 'limited': 2 more would exceed its "
		     "limit of 10 objects, 2 of them reserved\n");
	finish(10);
}
END_TEST

UNIT_MAIN("limit_callbacks", limit_reached_is_told_and_may_free,
	  reclaim_frees_and_the_request_succeeds, what_no_limit_ever_admits_is_refused_at_once,
	  refusals_are_reported_once_a_second)
