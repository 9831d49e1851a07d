// SPDX-License-Identifier: MIT
/* Prefilled sheaves: as many objects as promised, refilled, returned; none of another cache. */
#include "crash.h"

#include "children.h"
#include "faults.h"

#include "lib/stats.h"
#include "slab/cache.h"

#include <limits.h>

#define MANY 70000u

static struct kmem_cache *cache, *other;
static struct slab_sheaf *sheaf;
static void *objects[MANY], *again[MANY];

static void build(void *object)
{
	memset(object, 0x5a, 80);
}

static void setup(void (*ctor)(void *))
{
	cache = kmem_cache_create("prefilled", 80, 0, 0, ctor);
	ck_assert_ptr_nonnull(cache);
}

static void prefill(unsigned n)
{
	sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, n);
	ck_assert_ptr_nonnull(sheaf);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), n);
}

static void take(unsigned n, void **into)
{
	for (unsigned i = 0; i < n; i++)
		require((into[i] = kmem_cache_alloc_from_sheaf(cache, GFP_KERNEL, sheaf)));
}

/* All is home, and the sheaf's own memory with it. */
static void finish(void)
{
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
}

/* Each object is one of its own, as the constructor left it. */
static void require_apart(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		require(((unsigned char *)objects[i])[79] == 0x5a);
		*(unsigned *)objects[i] = i;
	}
	for (unsigned i = 0; i < n; i++) {
		require(*(unsigned *)objects[i] == i);
		memset(objects[i], 0x5a, 80);
	}
}

START_TEST(as_many_as_promised_and_then_none)
{
	static const unsigned numbers[] = {1, 2, 15, 31, 255, 256, 4093, 4094, MANY};

	setup(build);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		unsigned n = numbers[i];

		prefill(n);
		ck_assert_uint_eq(cache_stats(cache).active, n);
		faults_begin(1, ~0ul);
		take(n, objects);
		ck_assert_uint_eq(faults.ncalls, 0);
		faults_end();
		require_errno(ENOMEM, kmem_cache_alloc_from_sheaf(cache, GFP_KERNEL, sheaf));
		ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 0);
		require_apart(n);
		kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
		kmem_cache_free_bulk(cache, n, objects);
	}
	finish();
}
END_TEST

START_TEST(they_come_in_the_order_of_a_bulk)
{
	setup(NULL);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, objects), 100);
	kmem_cache_free_bulk(cache, 100, objects);
	prefill(100);
	take(100, again);
	ck_assert_mem_eq(again, objects, 100 * sizeof(void *));
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 100, objects);
	prefill(100); /* and go back so that they come in it again */
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, again), 100);
	ck_assert_mem_eq(again, objects, 100 * sizeof(void *));
	kmem_cache_free_bulk(cache, 100, again);
	finish();
}
END_TEST

START_TEST(what_is_left_goes_back)
{
	setup(NULL);
	prefill(300);
	take(100, objects);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	ck_assert_uint_eq(cache_stats(cache).active, 100);
	kmem_cache_free_bulk(cache, 100, objects);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, NULL);
	finish();
}
END_TEST

START_TEST(a_refill_adds_what_lacks)
{
	struct slab_sheaf *before;

	setup(build);
	prefill(200);
	take(150, objects);
	before = sheaf;
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 30), 0);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 50);
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 200), 0);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 200);
	ck_assert_ptr_eq(sheaf, before);
	/* More than it has room for: another sheaf, with the same objects. */
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 5000), 0);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 5000);
	ck_assert_uint_eq(cache_stats(cache).active, 5150);
	take(5000, objects + 150);
	require_apart(5150);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 5150, objects);
	finish();
}
END_TEST

/* A sheaf of 10, one of which is taken, refilled in vain, is as before. */
static void refill_in_vain(gfp_t flags, unsigned n, int error)
{
	struct slab_sheaf *before = sheaf;

	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, flags, &sheaf, n), error);
	ck_assert_ptr_eq(sheaf, before);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 9);
}

START_TEST(a_failure_leaves_all_as_it_was)
{
	setup(NULL);
	prefill(10);
	take(1, objects);
	faults_begin(1, ~0ul);
	require_errno(ENOMEM, kmem_cache_prefill_sheaf(cache, GFP_KERNEL, INT_MAX));
	require_errno(ENOMEM, kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 1 << 20));
	refill_in_vain(GFP_KERNEL, 1 << 20, -ENOMEM);
	faults_end();
	ck_assert_uint_eq(cache_stats(cache).active, 10);
	take(9, objects + 1);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 10, objects);
	finish();
}
END_TEST

/* Memory lasts for the sheaf, and for some or none of its objects. */
START_TEST(without_all_objects_there_is_no_sheaf)
{
	unsigned refused = 0;

	setup(NULL);
	kmem_free(kmem_malloc(8 << 20));
	prefill(10);
	take(1, objects);
	faults_begin(1, ~0ul);
	for (unsigned n = 1000; n < 800000; n += n / 4) {
		struct slab_sheaf *more = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, n);

		refused += !more;
		kmem_cache_return_sheaf(cache, GFP_KERNEL, more);
		ck_assert_uint_eq(cache_stats(cache).active, 10);
	}
	faults_end();
	ck_assert_uint_gt(refused, 3);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 1, objects);
	finish();
}
END_TEST

START_TEST(nowait_takes_what_is_at_hand_only)
{
	setup(NULL);
	prefill(10);
	take(1, objects);
	faults_count();
	/* Neither such a block nor so many objects. */
	require_errno(EAGAIN, kmem_cache_prefill_sheaf(cache, GFP_NOWAIT, 3000));
	refill_in_vain(GFP_NOWAIT, 3000, -EAGAIN);
	require_errno(EAGAIN, kmem_cache_prefill_sheaf(cache, GFP_NOWAIT, 100000));
	refill_in_vain(GFP_NOWAIT, 100000, -EAGAIN);
	faults_end();
	kmem_free(kmem_malloc(24 + 100 * sizeof(void *)));
	kmem_cache_free_bulk(cache, (size_t)kmem_cache_alloc_bulk(cache, GFP_KERNEL, 200, again),
			     again);
	faults_count();
	kmem_cache_return_sheaf(cache, GFP_NOWAIT,
				kmem_cache_prefill_sheaf(cache, GFP_NOWAIT, 100));
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_NOWAIT, &sheaf, 100), 0);
	ck_assert_uint_eq(kmem_cache_sheaf_size(sheaf), 100);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	kmem_cache_return_sheaf(cache, GFP_NOWAIT, sheaf);
	kmem_cache_free_bulk(cache, 1, objects);
	finish();
}
END_TEST

START_TEST(zero_is_asked_for_object_by_object)
{
	setup(NULL);
	sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL | __GFP_ZERO, 100);
	take(100, objects);
	for (unsigned i = 0; i < 100; i++)
		memset(objects[i], 0xff, 80);
	kmem_cache_free_bulk(cache, 100, objects);
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 100), 0);
	for (unsigned i = 0; i < 100; i++) {
		objects[i] = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT | __GFP_ZERO, sheaf);
		for (unsigned k = 0; k < 80; k++)
			require(((char *)objects[i])[k] == 0);
	}
	kmem_cache_free_bulk(cache, 100, objects);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	finish();
}
END_TEST

START_TEST(a_cache_with_a_full_sheaf_is_not_destroyed)
{
	setup(NULL);
	prefill(2);
	ck_assert_int_eq(kmem_cache_destroy(cache), -EBUSY);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	finish();
}
END_TEST

static void bad_numbers(void)
{
	if (kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 0) || errno != EINVAL)
		_exit(1);
	errno = 0;
	if (kmem_cache_prefill_sheaf(cache, GFP_KERNEL, INT_MAX + 1u) || errno != EINVAL)
		_exit(2);
	if (kmem_cache_prefill_sheaf(cache, GFP_KERNEL | __GFP_NOWARN, 0))
		_exit(3);
	if (kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 0) != -EINVAL)
		_exit(4);
}

START_TEST(numbers_out_of_range_are_einval)
{
	setup(NULL);
	prefill(1);
	expect_words(bad_numbers,
		     "libkmem: kmem_cache_prefill_sheaf: cache 'prefilled': nobjects, 0, is "
		     "not between 1 and 2147483647\n"
		     "libkmem: kmem_cache_prefill_sheaf: cache 'prefilled': nobjects, "
		     "2147483648, is not between 1 and 2147483647\n"
		     "libkmem: kmem_cache_refill_sheaf: cache 'prefilled': nobjects, 0, is "
		     "not between 1 and 2147483647\n");
}
END_TEST

/* Of the other cache, and in vain: it is the first one's as before. */
static void alloc_refused(void)
{
	errno = 0;
	if (kmem_cache_alloc_from_sheaf(other, GFP_KERNEL, sheaf) || errno != EINVAL)
		_exit(1);
	if (kmem_cache_alloc_from_sheaf(other, GFP_KERNEL | __GFP_NOWARN, NULL))
		_exit(2);
	if (kmem_cache_alloc_from_sheaf(cache, GFP_KERNEL | __GFP_ZERO, sheaf))
		_exit(3);
	if (kmem_cache_sheaf_size(sheaf) != 5)
		_exit(4);
}

static void two_caches(void)
{
	setup(build);
	other = kmem_cache_create("other", 80, 0, 0, NULL);
	prefill(5);
}

START_TEST(alloc_from_another_caches_sheaf_is_einval)
{
	char lines[400];

	two_caches();
	snprintf(lines, sizeof(lines),
		 "libkmem: kmem_cache_alloc_from_sheaf: cache 'other': sheaf %p is of cache "
		 "'prefilled'\n"
		 "libkmem: kmem_cache_alloc_from_sheaf: cache 'prefilled': it has a constructor: "
		 "no __GFP_ZERO\n",
		 (void *)sheaf);
	expect_words(alloc_refused, lines);
}
END_TEST

static void require_untouched(void)
{
	if (kmem_cache_sheaf_size(sheaf) != 5 || cache_stats(cache).active != 5)
		_exit(1);
}

static void return_wrong(void)
{
	kmem_cache_return_sheaf(other, GFP_KERNEL, sheaf);
	require_untouched();
}

static void refill_wrong(void)
{
	if (kmem_cache_refill_sheaf(other, GFP_KERNEL, &sheaf, 7) != -EINVAL)
		_exit(1);
	require_untouched();
}

START_TEST(a_sheaf_of_another_cache_is_reported_and_left_alone)
{
	two_caches();
	expect(return_wrong,
	       "libkmem: kmem_cache_return_sheaf: cache 'other': sheaf %p is of cache "
	       "'prefilled'\n",
	       (void *)sheaf);
	expect(refill_wrong,
	       "libkmem: kmem_cache_refill_sheaf: cache 'other': sheaf %p is of cache "
	       "'prefilled'\n",
	       (void *)sheaf);
}
END_TEST

static void return_twice(void)
{
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
}

static void refill_none(void)
{
	struct slab_sheaf *none = NULL;

	if (kmem_cache_refill_sheaf(cache, GFP_KERNEL, &none, 7) != -EINVAL || none)
		_exit(1);
}

static void return_a_stranger(void)
{
	kmem_cache_return_sheaf(cache, GFP_KERNEL, (struct slab_sheaf *)8);
}

#define NO_SHEAF "libkmem: %s: cache 'prefilled': %s is no sheaf, or was returned before\n"

START_TEST(what_is_no_sheaf_is_reported)
{
	char address[30];

	two_caches();
	snprintf(address, sizeof(address), "%p", (void *)sheaf);
	expect(return_twice, NO_SHEAF, "kmem_cache_return_sheaf", address);
	expect(refill_none, NO_SHEAF, "kmem_cache_refill_sheaf", "0x0");
	expect(return_a_stranger, NO_SHEAF, "kmem_cache_return_sheaf", "0x8");
}
END_TEST

START_TEST(flags_hold_for_the_sheaf_as_well)
{
	setup(NULL);
	require_errno(EINVAL, kmem_cache_prefill_sheaf(cache, __GFP_NOFAIL | __GFP_NOWARN, 300));
	prefill(10);
	ck_assert_int_eq(kmem_cache_refill_sheaf(cache, __GFP_NOFAIL | __GFP_NOWARN, &sheaf, 3000),
			 -EINVAL);
}
END_TEST

UNIT_MAIN("prefilled", as_many_as_promised_and_then_none, they_come_in_the_order_of_a_bulk,
	  what_is_left_goes_back, a_refill_adds_what_lacks, a_failure_leaves_all_as_it_was,
	  without_all_objects_there_is_no_sheaf, nowait_takes_what_is_at_hand_only,
	  zero_is_asked_for_object_by_object, a_cache_with_a_full_sheaf_is_not_destroyed,
	  numbers_out_of_range_are_einval, alloc_from_another_caches_sheaf_is_einval,
	  a_sheaf_of_another_cache_is_reported_and_left_alone, what_is_no_sheaf_is_reported,
	  flags_hold_for_the_sheaf_as_well)
