// SPDX-License-Identifier: MIT
/*
 * Shrinkers: how many objects they are asked for, in which batches, what they may answer, and
 * which are refused.
 */
#include "shrinker.h"

static unsigned long sum(void)
{
	unsigned long total = 0;

	for (unsigned i = 0; i < nscans; i++)
		total += asked[i];
	return total;
}

START_TEST(scans_all_it_has_in_batches)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 1000;
	progress = 3;
	ck_assert_uint_eq(kmem_shrink(), 8 * 3);
	ck_assert_uint_eq(nscans, 8);
	ck_assert_uint_eq(asked[0], 128);
	ck_assert_uint_eq(asked[7], 1000 - 7 * 128);
	ck_assert_uint_eq(mask, GFP_KERNEL);
	shrinker->batch = 400;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 3);
	ck_assert_uint_eq(sum(), 1000);
	kmem_shrinker_free(shrinker);
	kmem_shrink();
	ck_assert_uint_eq(nscans, 3);
}
END_TEST

/* Fewer of those that cost more seeks to make again. */
START_TEST(seeks_lower_the_share)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 1000;
	shrinker->seeks = 8;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 250);
	shrinker->seeks = 1;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 1000);
	count = 1;
	shrinker->seeks = 100;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

START_TEST(none_and_stop_end_it)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = KMEM_SHRINK_EMPTY;
	ck_assert_uint_eq(kmem_shrink(), 0);
	count = 0;
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_uint_eq(ncounts, 2);
	ck_assert_uint_eq(nscans, 0);
	count = 1000;
	progress = KMEM_SHRINK_STOP;
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_uint_eq(nscans, 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

/* One that looks at fewer is asked again; one that looks at too many, as at none, is not. */
START_TEST(what_was_looked_at_counts)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 100;
	looked_at = 10;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 10);
	nscans = 0;
	looked_at = 1000;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

START_TEST(bad_ones_are_refused)
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "bad");

	ck_assert_int_eq(kmem_shrinker_register(NULL), -EINVAL);
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->count_objects = count_some;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->scan_objects = scan_some;
	shrinker->seeks = -1;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->seeks = 0;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	kmem_shrinker_free(shrinker);
	kmem_shrinker_free(NULL);
	kmem_shrinker_free(kmem_shrinker_alloc(0, "never registered"));
}
END_TEST

UNIT_MAIN("shrinker", scans_all_it_has_in_batches, seeks_lower_the_share, none_and_stop_end_it,
	  what_was_looked_at_counts, bad_ones_are_refused)
