// SPDX-License-Identifier: MIT
/* What a thread left in sheaves of one size is had by the next one, before memory grows. */
#include "unit.h"

#include "buddy/buddy.h"
#include "buddy/gather.h"
#include "slab/gather.h"
#include "slab/slab.h"
#include "slab/thread.h"

#include <kmem.h>
#include <kmem/malloc.h>

#define COUNT 1000u
#define SIZE  1000u

static void *blocks[COUNT];

static uint64_t committed_in_use(void)
{
	uint64_t npages = 0;

	for_each_zone (zone)
		npages += zone->pub.committed - zone->pub.clean;
	return npages << PAGE_SHIFT;
}

/* A phase of the program: blocks of one size, all of which are freed. */
static void phase(size_t nbytes)
{
	for (unsigned i = 0; i < COUNT; i++)
		require((blocks[i] = kmem_malloc(nbytes)));
	for (unsigned i = 0; i < COUNT; i++)
		kmem_free(blocks[i]);
}

START_TEST(phases_share_memory)
{
	for (unsigned round = 0; round < 20; round++)
		for (size_t nbytes = SIZE; nbytes <= 2 * SIZE; nbytes += 128)
			phase(nbytes);
	/* The largest two, and what came before the first look; all eight classes would be 12 MB.
	 */
	ck_assert_uint_le(committed_in_use(), 8 * COUNT * SIZE);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

static unsigned nasked;
static size_t cost;

static size_t bring_nothing(void)
{
	nasked++;
	return cost;
}

/* How often the hook is asked while a cache takes so many KiB, of which it frees none. */
static unsigned asked_for(unsigned nkib)
{
	gather_hook = bring_nothing;
	for (unsigned i = 0; i < nkib; i++)
		require(kmem_malloc(1024));
	return nasked;
}

START_TEST(not_asked_by_small_programs)
{
	ck_assert_uint_eq(asked_for(512), 0);
}
END_TEST

START_TEST(asked_seldom_where_it_brings_nothing)
{
	unsigned n = asked_for(64 << 10);

	ck_assert_uint_ge(n, 10);
	ck_assert_uint_le(n, 100);
}
END_TEST

START_TEST(asked_less_where_it_costs_much)
{
	cost = (size_t)1 << 20;
	ck_assert_uint_le(asked_for(512 << 10), 3);
}
END_TEST

START_TEST(what_is_in_use_or_must_be_ready_stays)
{
	struct kmem_cache *ready = kmem_cache_create("ready", 512, 0, SLAB_NOWAIT, NULL);
	struct kmem_cache *idle = kmem_cache_create("idle", 512, 0, 0, NULL);
	struct kmem_cache *busy = kmem_cache_create("busy", 512, 0, 0, NULL);
	void *object[3];

	object[0] = kmem_cache_alloc(ready, GFP_KERNEL);
	object[1] = kmem_cache_alloc(idle, GFP_KERNEL);
	for (unsigned i = 0; i < 8 * COUNT; i++)
		require((object[2] = kmem_cache_alloc(busy, GFP_KERNEL)));
	kmem_cache_free(ready, object[0]);
	kmem_cache_free(idle, object[1]);
	ck_assert_uint_ge(gather_idle(), 1);
	ck_assert_uint_eq(idle->pub.nslabs, 0);
	ck_assert_uint_eq(ready->pub.nslabs, 1);
	ck_assert_uint_gt(slot_fill(thread_slot(thread_known(), ready->id)), 0);
	ck_assert_uint_eq(gather_idle(), 0);
	kmem_cache_free(busy, object[2]);
	kmem_cache_free(ready, kmem_cache_alloc(ready, GFP_NOWAIT));
}
END_TEST

UNIT_MAIN("gather", phases_share_memory, not_asked_by_small_programs,
	  asked_seldom_where_it_brings_nothing, asked_less_where_it_costs_much,
	  what_is_in_use_or_must_be_ready_stays)
