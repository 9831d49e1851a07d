// SPDX-License-Identifier: MIT
/* Relief: asked for at each new height of the resident size, and not below it. */
#include "unit.h"

#include "buddy/buddy.h"
#include "buddy/relief.h"
#include "slab/reclaim.h"
#include "slab/slab.h"

#include <kmem.h>

#define NPAGES ((size_t)256)
#define NRUNS  256u

static unsigned nasked;
static size_t cost;
static void *runs[NRUNS];

static size_t ask(void)
{
	bool zeroed;
	void *run = buddy_alloc(1, 1, PAGE_RUN, &zeroed); /* without a lock, and no second time */

	buddy_free(run, 1);
	nasked++;
	return cost;
}

static void grow(unsigned nruns)
{
	bool zeroed;

	for (unsigned i = 0; i < nruns; i++)
		require((runs[i] = buddy_alloc(NPAGES, 1, PAGE_RUN, &zeroed)));
}

static void shrink(unsigned nruns)
{
	for (unsigned i = 0; i < nruns; i++)
		buddy_free(runs[i], NPAGES);
}

/* A height is reached and left again: how often it was asked until then. */
static unsigned asked_on_the_way_up(void)
{
	relief_hook = ask;
	grow(128);
	shrink(128);
	return nasked;
}

START_TEST(asked_at_each_new_height)
{
	relief_hook = ask;
	grow(8);
	ck_assert_uint_eq(nasked, 0);
	grow(120);
	ck_assert_uint_ge(nasked, 10);
	ck_assert_uint_le(nasked, 40);
}
END_TEST

START_TEST(not_asked_below_the_last)
{
	unsigned before = asked_on_the_way_up();

	for (int i = 0; i < 10; i++) {
		grow(128);
		shrink(128);
	}
	ck_assert_uint_eq(nasked, before);
}
END_TEST

START_TEST(asked_less_where_it_costs_more)
{
	relief_hook = ask;
	cost = 100 * NPAGES;
	grow(128);
	ck_assert_uint_ge(nasked, 1);
	ck_assert_uint_le(nasked, 2);
}
END_TEST

START_TEST(heights_count_anew_from_a_purge)
{
	unsigned before = asked_on_the_way_up();

	buddy_purge(0);
	grow(128);
	ck_assert_uint_gt(nasked, before);
}
END_TEST

START_TEST(absent_pages_do_not_count_until_they_are_touched)
{
	relief_hook = ask;
	relief_absent(100 * (long)NPAGES);
	grow(100);
	ck_assert_uint_eq(nasked, 0);
	relief_touch(100 * NPAGES);
	ck_assert_uint_eq(nasked, 1);
}
END_TEST

#define NOBJECTS 16384u

static void *objects[NOBJECTS];

/* Objects of 2 KiB, of which one in 16 survives. */
static struct kmem_cache *half_dead(void)
{
	struct kmem_cache *cache = kmem_cache_create("dying", 2048, 0, 0, NULL);

	for (unsigned i = 0; i < NOBJECTS; i++)
		require((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (i % 16)
			kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	return cache;
}

/* All of it together: one size of object dies while another grows. */
START_TEST(what_has_died_in_one_cache_makes_room_for_another)
{
	struct kmem_cache *growing = kmem_cache_create("growing", 3072, 0, 0, NULL);
	struct slab *slab;

	half_dead();
	slab = slab_of(objects[NOBJECTS / 4]);
	ck_assert_uint_eq(slab->absent, 0);
	for (unsigned i = 0; i < NOBJECTS; i++)
		require(kmem_cache_alloc(growing, GFP_KERNEL));
	ck_assert_uint_gt(slab->absent, 0);
}
END_TEST

START_TEST(objects_taken_from_absent_pages_count)
{
	struct kmem_cache *dying = half_dead();

	ck_assert_uint_gt(reclaim_trim(), 0);
	relief_settle();
	relief_hook = ask;
	for (unsigned i = 0; i < NOBJECTS / 16 * 15; i++)
		require(kmem_cache_alloc(dying, GFP_KERNEL));
	ck_assert_uint_gt(nasked, 0);
}
END_TEST

UNIT_MAIN("relief", asked_at_each_new_height, not_asked_below_the_last,
	  asked_less_where_it_costs_more, heights_count_anew_from_a_purge,
	  absent_pages_do_not_count_until_they_are_touched,
	  what_has_died_in_one_cache_makes_room_for_another, objects_taken_from_absent_pages_count)
