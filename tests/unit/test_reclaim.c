// SPDX-License-Identifier: MIT
/* Dead pages of living slabs: which go, which stay, and that nothing else does. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "slab/reclaim.h"
#include "slab/slab.h"

#include <kmem.h>
#include <pthread.h>
#include <sys/mman.h>

#define NOBJECTS 512u
#define SURVIVE	 16u /* one of so many */

static struct kmem_cache *cache;
static unsigned char *objects[NOBJECTS];

static unsigned size(void)
{
	return kmem_cache_size(cache);
}

/* All places that are empty. */
static void fill(void)
{
	for (unsigned i = 0; i < NOBJECTS; i++) {
		if (objects[i])
			continue;
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(objects[i]);
		if (!cache->ctor)
			memset(objects[i], (int)(i % 251) + 1, size());
	}
}

/* Free all but one of so many, and have them home. */
static void thin(unsigned survive)
{
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (objects[i] && i % survive) {
			kmem_cache_free(cache, objects[i]);
			objects[i] = NULL;
		}
	kmem_cache_shrink(cache);
}

static void setup(unsigned nbytes, unsigned survive, void (*ctor)(void *))
{
	ck_assert_int_eq(kmem_option_set("decay_ms", "1000000"), 0);
	cache = kmem_cache_create("dead", nbytes, 0, 0, ctor);
	memset(objects, 0, sizeof(objects));
	fill();
	thin(survive);
}

static void destroy(void)
{
	thin(NOBJECTS);
	kmem_cache_free(cache, objects[0]);
	require(kmem_cache_destroy(cache) == 0);
}

static void check_survivors(void)
{
	for (unsigned i = 0; i < NOBJECTS; i++)
		for (unsigned k = 0; objects[i] && k < size(); k++)
			require(objects[i][k] == i % 251 + 1);
	ck_assert_ptr_null(cache_check(cache));
}

static bool is_resident(uintptr_t page)
{
	unsigned char state;

	require(mincore((void *)page, sys_page_size(), &state) == 0);
	return state & 1;
}

static bool holds_survivor(uintptr_t page)
{
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (objects[i] && (uintptr_t)objects[i] < page + sys_page_size() &&
		    (uintptr_t)objects[i] + size() > page)
			return true;
	return false;
}

/* Of the pages of slabs with survivors, those resident that hold none. */
static unsigned dead_pages(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < NOBJECTS; i++) {
		struct slab *slab = objects[i] ? slab_of(objects[i]) : NULL;
		uintptr_t page = slab ? slab->base : 0;
		uintptr_t end = slab ? page + (cache->pub.slab_pages << PAGE_SHIFT) : 0;

		for (; page < end; page += sys_page_size())
			n += is_resident(page) && !holds_survivor(page);
	}
	return n;
}

static unsigned long calls_of(size_t (*act)(void))
{
	faults_count();
	act();
	faults_end();
	return faults.calls[FAULT_MADVISE];
}

static void expect_none_dead(void)
{
	ck_assert_uint_eq(dead_pages(), 0);
	check_survivors();
}

/* There are dead pages, and all go, and nothing else. */
static void expect_trimmed(void)
{
	ck_assert_uint_gt(dead_pages(), 0);
	ck_assert_uint_gt(reclaim_trim(), 0);
	expect_none_dead();
}

START_TEST(dead_pages_go_and_survivors_stay)
{
	static const unsigned sizes[] = {512, 1024, 1536, 3000, 4096, 20480, 100000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		setup(sizes[i], SURVIVE, NULL);
		expect_trimmed();
		fill();
		check_survivors();
	}
}
END_TEST

START_TEST(the_same_pages_go_once)
{
	setup(2048, SURVIVE, NULL);
	ck_assert_uint_gt(calls_of(reclaim_trim), 0);
	ck_assert_uint_eq(calls_of(reclaim_trim), 0);
}
END_TEST

START_TEST(pages_that_die_later_go_later)
{
	setup(2048, SURVIVE / 4, NULL);
	reclaim_trim();
	thin(SURVIVE);
	expect_trimmed();
}
END_TEST

START_TEST(pages_used_again_go_again)
{
	setup(2048, SURVIVE, NULL);
	reclaim_trim();
	fill();
	thin(SURVIVE);
	expect_trimmed();
}
END_TEST

static void build(void *object)
{
	memset(object, 0x5a, size());
}

START_TEST(constructed_objects_keep_their_state)
{
	setup(2048, SURVIVE, build);
	ck_assert_uint_eq(calls_of(reclaim_trim), 0);
	fill();
	for (unsigned i = 0; i < NOBJECTS; i++)
		for (unsigned k = 0; k < size(); k++)
			require(objects[i][k] == 0x5a);
}
END_TEST

START_TEST(small_objects_are_not_worth_a_look)
{
	setup(64, SURVIVE, NULL);
	thin(256);
	ck_assert_uint_eq(calls_of(reclaim_trim), 0);
}
END_TEST

START_TEST(a_refusal_loses_nothing)
{
	uint32_t nslabs;

	setup(2048, SURVIVE / 4, NULL);
	nslabs = cache->pub.nslabs;
	faults_refuse(FAULT_MADVISE);
	ck_assert_uint_eq(reclaim_trim(), 0);
	faults_end();
	ck_assert_uint_gt(faults.nrefused, 0);
	check_survivors();
	ck_assert_uint_eq(cache->pub.nslabs, nslabs);
	thin(SURVIVE);
	ck_assert_uint_gt(reclaim_trim(), 0);
	check_survivors();
	destroy();
}
END_TEST

/* A walk in vain while the slabs were filled has put off the next. */
static void setup_rested(unsigned nbytes)
{
	setup(nbytes, SURVIVE, NULL);
	unit_sleep_ms(50);
}

START_TEST(only_what_is_old_goes_with_age)
{
	setup_rested(2048);
	reclaim_age(60, MOST_PAGES);
	reclaim_age(60, MOST_PAGES);
	ck_assert_uint_gt(dead_pages(), 0);
	unit_sleep_ms(100);
	reclaim_age(60, MOST_PAGES);
	expect_none_dead();
}
END_TEST

START_TEST(a_slab_in_use_is_not_old)
{
	struct slab *slab;

	setup_rested(20480);
	slab = slab_of(objects[0]);
	ck_assert_uint_lt(slab->bucket, BUCKET_EMPTY);
	slab->seen = 0;
	reclaim_age(60, MOST_PAGES);
	unit_sleep_ms(100);
	slab->seen--; /* an object has come home since */
	reclaim_age(60, MOST_PAGES);
	ck_assert_uint_eq(slab->absent, 0);
	unit_sleep_ms(100);
	reclaim_age(60, MOST_PAGES);
	ck_assert_uint_gt(slab->absent, 0);
}
END_TEST

START_TEST(a_trim_takes_them_too)
{
	setup(2048, SURVIVE, NULL);
	kmem_trim();
	expect_none_dead();
}
END_TEST

static _Atomic bool stop;

static void *use(void *seed)
{
	unsigned random = (unsigned)(uintptr_t)seed;
	unsigned char *own[64] = {NULL};

	while (!stop) {
		unsigned i = (random = random * 1103515245 + 12345) >> 16 & 63;

		if (own[i]) {
			for (unsigned k = 0; k < size(); k += 64)
				require(own[i][k] == i + 1);
			kmem_cache_free(cache, own[i]);
		}
		own[i] = random >> 24 & 3 ? NULL : kmem_cache_alloc(cache, GFP_KERNEL);
		if (own[i])
			memset(own[i], (int)i + 1, size());
		if (i == 0 && random >> 28 == 0)
			kmem_cache_shrink(cache);
	}
	for (unsigned i = 0; i < 64; i++)
		kmem_cache_free(cache, own[i]);
	return NULL;
}

START_TEST(others_may_take_and_free_meanwhile)
{
	pthread_t threads[3];

	setup(2048, SURVIVE, NULL);
	for (uintptr_t i = 0; i < 3; i++)
		require(pthread_create(&threads[i], NULL, use, (void *)(i + 1)) == 0);
	for (int round = 0; round < 300; round++) {
		reclaim_trim();
		unit_sleep_ms(1);
	}
	stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	check_survivors();
	destroy();
}
END_TEST

static void *reclaim_on(void *unused)
{
	while (!stop)
		reclaim_trim();
	return unused;
}

/* A destroy that found a slab in other hands would say -EBUSY. */
START_TEST(a_destroy_waits_for_slabs_in_hand)
{
	pthread_t thread;

	require(pthread_create(&thread, NULL, reclaim_on, NULL) == 0);
	for (int round = 0; round < 100; round++) {
		setup(4096, SURVIVE, NULL);
		destroy();
	}
	stop = true;
	pthread_join(thread, NULL);
}
END_TEST

UNIT_MAIN("reclaim", dead_pages_go_and_survivors_stay, the_same_pages_go_once,
	  pages_that_die_later_go_later, pages_used_again_go_again,
	  constructed_objects_keep_their_state, small_objects_are_not_worth_a_look,
	  a_refusal_loses_nothing, only_what_is_old_goes_with_age, a_slab_in_use_is_not_old,
	  a_trim_takes_them_too, others_may_take_and_free_meanwhile,
	  a_destroy_waits_for_slabs_in_hand)
