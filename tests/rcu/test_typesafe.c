// SPDX-License-Identifier: MIT
/* SLAB_TYPESAFE_BY_RCU: objects are reused at once, pages after a grace period, and all know it. */
#include "flavor.h"

#include "slab/rcu.h"

#include <kmem/limits.h>
#include <kmem/options.h>
#include <kmem/rcu.h>

#define MANY 2000u

static void *objects[MANY];
static _Atomic unsigned nended;

static void end(void *object)
{
	nended++;
	memset(object, 0, 8);
}

static void make(unsigned size)
{
	ck_assert_int_eq(kmem_option_set("decay_ms", "1000000"), 0);
	make_cache(size, SLAB_TYPESAFE_BY_RCU);
}

static void fill(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		objects[i] = make_object();
}

static void empty(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		kmem_cache_free(cache, objects[i]);
}

/* Is the memory the cache's, and as it was left? */
static bool are_there(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (pagemap_id(objects[i]) != cache->id || !is_untouched(objects[i]))
			return false;
	return true;
}

static unsigned nslabs_waiting(void)
{
	return atomic_load_explicit(&cache->nwaiting, memory_order_relaxed);
}

START_TEST(an_object_is_reused_at_once)
{
	void *object;

	make(SIZE);
	object = make_object();
	kmem_cache_free(cache, object);
	ck_assert_ptr_eq(kmem_cache_alloc(cache, GFP_KERNEL), object);
	ck_assert_uint_eq(periods_begun, 0);
}
END_TEST

START_TEST(pages_wait_for_a_grace_period)
{
	make(SIZE);
	fill(MANY);
	empty(MANY);
	kmem_cache_shrink(cache);
	ck_assert_uint_gt(nslabs_waiting(), 0);
	wait_for_period(1);
	unit_sleep_ms(HOLD_MS);
	ck_assert(are_there(MANY));
	end_periods_soon();
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	check_period_ended();
	ck_assert_uint_eq(nslabs_waiting(), 0);
	for (unsigned i = 0; i < MANY; i++)
		require(pagemap_id(objects[i]) == ID_NONE);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_eq(periods_begun, 1);
}
END_TEST

START_TEST(destroy_waits_for_the_pages)
{
	make(SIZE);
	fill(MANY);
	empty(MANY);
	end_periods_soon();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	check_period_ended();
}
END_TEST

/* One for objects that are freed by RCU, one for the slabs they leave. */
START_TEST(destroy_waits_for_both)
{
	make(SIZE);
	periods_end = true;
	fill(MANY);
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free_rcu(cache, objects[i]);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_ge(periods_begun, 2);
}
END_TEST

static void destroy_as_a_reader(void)
{
	is_reader = true;
	if (kmem_cache_destroy(cache) != -EBUSY)
		_exit(1);
	is_reader = false;
	periods_end = true;
	_exit(kmem_cache_destroy(cache) == 0 ? 0 : 2);
}

START_TEST(a_reader_cannot_destroy)
{
	struct last_words words;

	make(SIZE);
	fill(1);
	empty(1);
	words = unit_child(destroy_as_a_reader);
	ck_assert_int_eq(words.status, 0);
	ck_assert(
		strstr(words.text, "waits for a grace period, which this thread cannot wait for"));
}
END_TEST

START_TEST(destructors_run_after_the_period)
{
	struct kmem_cache_args args = {.flavor = &held, .dtor = end};

	cache = kmem_cache_create("ended", SIZE, &args, SLAB_TYPESAFE_BY_RCU);
	fill(MANY);
	empty(MANY);
	kmem_cache_shrink(cache);
	wait_for_period(1);
	unit_sleep_ms(HOLD_MS);
	ck_assert_uint_eq(nended, 0);
	end_periods_soon();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	check_period_ended();
	ck_assert_uint_ge(nended, MANY);
}
END_TEST

/* Of other caches the dead pages of such a slab go. */
START_TEST(trim_leaves_pages_inside_live_slabs)
{
	make(1024);
	fill(MANY);
	for (unsigned i = 0; i < MANY; i++)
		if (i % 64)
			kmem_cache_free(cache, objects[i]);
	kmem_trim();
	ck_assert(are_there(MANY));
}
END_TEST

/* Nobody asks: a thread on its way past the slabs calls for what waits. */
START_TEST(pages_go_in_passing)
{
	struct kmem_cache *busy = kmem_cache_create("busy", 8192, 0, 0, NULL);
	void *blocks[64];

	make(SIZE);
	periods_end = true;
	fill(MANY);
	empty(MANY);
	cache_drain(cache);
	ck_assert_uint_gt(nslabs_waiting(), 0);
	while (nslabs_waiting()) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(busy, GFP_KERNEL, 64, blocks), 64);
		for (unsigned i = 0; i < 64; i++)
			kmem_cache_free(busy, blocks[i]);
		kmem_cache_shrink(busy);
	}
}
END_TEST

static void want_what_waits(bool reader)
{
	size_t nbytes = (size_t)MANY * 4096;

	make(4096);
	fill(MANY);
	empty(MANY);
	kmem_trim();
	ck_assert_uint_gt(nslabs_waiting(), 0);
	kmem_limit_set(kmem_limit_usage() + nbytes / 2);
	is_reader = reader;
	if (reader) {
		require_errno(ENOMEM, kmem_kmalloc(nbytes, GFP_KERNEL | __GFP_NOWARN));
	} else {
		end_periods_soon();
		ck_assert_ptr_nonnull(kmem_kmalloc(nbytes, GFP_KERNEL));
		check_period_ended();
	}
}

START_TEST(a_request_waits_for_it_before_it_fails)
{
	want_what_waits(false);
}
END_TEST

START_TEST(a_readers_request_does_not)
{
	want_what_waits(true);
}
END_TEST

UNIT_MAIN("typesafe", an_object_is_reused_at_once, pages_wait_for_a_grace_period,
	  destroy_waits_for_the_pages, destroy_waits_for_both, a_reader_cannot_destroy,
	  destructors_run_after_the_period, trim_leaves_pages_inside_live_slabs,
	  pages_go_in_passing, a_request_waits_for_it_before_it_fails, a_readers_request_does_not)
