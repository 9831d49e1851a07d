// SPDX-License-Identifier: MIT
/* What waits for grace periods is counted: objects, slabs and their bytes, for who asks. */
#include "flavor.h"
#include "tests/unit/children.h"

#include <kmem/stats.h>

#define MANY 1000u

static struct kmem_stats totals(void)
{
	struct kmem_stats stats = {.size = sizeof(stats)};

	require(kmem_stats_read(&stats) == 0);
	return stats;
}

static void fill(void *objects[MANY])
{
	for (unsigned i = 0; i < MANY; i++)
		objects[i] = make_object();
}

static void defer_many(void)
{
	void *objects[MANY];

	fill(objects);
	for (unsigned i = 0; i < MANY; i++)
		require(kmem_cache_free_rcu(cache, objects[i]) == 0);
}

static void end_and_require_none(void)
{
	struct kmem_stats stats;

	periods_end = true;
	require(kmem_rcu_barrier() == 0);
	stats = totals();
	require(stats.waiting_objects == 0 && stats.waiting_bytes == 0);
	require(stats.waiting_slabs == 0 && stats.waiting_slab_bytes == 0);
	require(kmem_cache_destroy(cache) == 0);
}

static void require_many(void)
{
	struct kmem_stats stats = totals();

	require(stats.waiting_objects == MANY);
	require(stats.waiting_bytes == (uint64_t)MANY * SIZE);
	require(stats.waiting_slabs == 0);
}

/* In the open batch, in full ones, and in those that a pass has taken. */
START_TEST(objects_wait)
{
	make_cache(SIZE, 0);
	defer_many();
	require_many();
	wait_for_period(1);
	require_many();
	end_and_require_none();
}
END_TEST

START_TEST(slabs_wait)
{
	void *objects[MANY];
	struct kmem_stats before, after;

	make_cache(SIZE, SLAB_TYPESAFE_BY_RCU);
	fill(objects);
	before = totals();
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	after = totals();
	ck_assert_uint_gt(after.waiting_slabs, 0);
	ck_assert_uint_eq(after.waiting_slabs, cache->nwaiting);
	ck_assert_uint_eq(after.waiting_slab_bytes,
			  after.waiting_slabs * cache->pub.slab_pages * 4096);
	ck_assert_uint_eq(after.waiting_objects, 0);
	/* They are no longer the cache's, and no runs of pages. */
	ck_assert_uint_eq(after.slab_bytes + after.waiting_slab_bytes, before.slab_bytes);
	ck_assert_uint_eq(after.run_bytes, before.run_bytes);
	end_and_require_none();
}
END_TEST

static void count_and_finish(void)
{
	require_many();
	end_and_require_none();
}

/* What a pass had taken when the process forked waits again in the child. */
START_TEST(they_wait_in_a_child)
{
	make_cache(SIZE, 0);
	defer_many();
	if (!UNDER_ASAN) /* a thread is starting: see test_rcu_fork.c */
		expect_children(1, count_and_finish);
	count_and_finish();
}
END_TEST

static void print_none(void)
{
	kmem_stats_print(STDERR_FILENO, KMEM_STATS_TEXT);
}

static void print_many(void)
{
	defer_many();
	print_none();
}

START_TEST(they_are_printed)
{
	struct last_words words;

	make_cache(SIZE, 0);
	words = unit_child(print_none);
	ck_assert_ptr_nonnull(
		strstr(words.text, "\nwaiting for RCU: 0 objects, 0 bytes; 0 slabs, 0 bytes\n"));
	words = unit_child(print_many);
	ck_assert_ptr_nonnull(strstr(
		words.text, "\nwaiting for RCU: 1000 objects, 64000 bytes; 0 slabs, 0 bytes\n"));
}
END_TEST

UNIT_MAIN("waiting_rcu", objects_wait, slabs_wait, they_wait_in_a_child, they_are_printed)
