// SPDX-License-Identifier: MIT
/* Homecoming in the orders in which programs free: side by side up and down, with gaps, twice. */
#include "unit.h"

#include "slab/home.h"
#include "slab/slab.h"

#include <kmem/options.h>

#define MOST 1500u

static struct kmem_cache *cache;
static void *objects[MOST], *order[MOST];
static bool home[MOST];

static int by_address(const void *one, const void *other)
{
	uintptr_t a = *(const uintptr_t *)one, b = *(const uintptr_t *)other;

	return (a > b) - (a < b);
}

/* MOST objects of the size that are out, from several slabs, in order of address. */
static void setup(uint32_t size)
{
	struct slab *slab;

	cache = kmem_cache_create("home", size, 0, 0, NULL);
	ck_assert_ptr_nonnull(cache);
	memset(home, 0, sizeof(home));
	for (unsigned n = 0; n < MOST;) {
		slab = slab_acquire(cache);
		n += slab_take(slab, objects + n, MOST - n);
		slab_release(slab);
	}
	qsort(objects, MOST, sizeof(objects[0]), by_address);
}

static void check(void)
{
	ck_assert_ptr_null(cache_check(cache));
	for (unsigned i = 0; i < MOST; i++) {
		struct slab *slab;

		/* The slab of what is home may have gone. */
		if (pagemap_id(objects[i]) != cache->id) {
			require(home[i]);
			continue;
		}
		slab = slab_of(objects[i]);
		require(slab_is_home(slab, (uint32_t)slab_index(cache, slab, objects[i])) ==
			home[i]);
	}
}

/* Send home the objects from first to last, up or down, but for one in gap (0: none). */
static void send(unsigned first, unsigned last, bool down, unsigned gap)
{
	unsigned n = 0;

	for (unsigned i = first; i < last; i++) {
		unsigned at = down ? last - 1 - (i - first) : i;

		if (home[at] || (gap && unit_below(gap) == 0))
			continue;
		home[at] = true;
		order[n++] = objects[at];
	}
	home_return(cache, order, n);
}

static void send_all(unsigned gap)
{
	for (unsigned first = 0; first < MOST;) {
		unsigned most = 1 + (unsigned)unit_below(300);
		unsigned last = MOST - first < most ? MOST : first + most;

		send(first, last, unit_below(2) != 0, gap);
		first = last;
	}
	check();
}

static const uint32_t sizes[] = {8, 16, 24, 48, 64, 100, 256, 320, 1000, 2048, 3000};

START_TEST(in_any_order_each_object_comes_home)
{
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) * 5; i++) {
		setup(sizes[i / 5]);
		send_all(2 + i % 5 * 9);
		send_all(2);
		send_all(0);
		ck_assert_uint_eq(cache->pub.nslabs, cache->pub.nslabs_empty);
		ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	}
}
END_TEST

/* With 2 KiB nothing is left between the last object of a slab and the first one of the next. */
START_TEST(neighbours_end_with_their_slab)
{
	unsigned ntouch = 0;

	setup(2048);
	for (unsigned i = 1; i < MOST; i++)
		ntouch += slab_of(objects[i]) != slab_of(objects[i - 1]) &&
			  (char *)objects[i] == (char *)objects[i - 1] + cache->pub.stride;
	ck_assert_uint_gt(ntouch, 0);
	send(0, MOST / 2, false, 0);
	check();
	send(MOST / 2, MOST, true, 0);
	check();
}
END_TEST

/* The k-th of them comes twice in a row, or again much later. */
static void expect_one_report(unsigned k, unsigned again)
{
	unsigned n = 0;

	setup(64);
	kmem_option_set("on_error", "continue");
	for (unsigned i = 0; i < 200; i++) {
		order[n++] = objects[i];
		home[i] = true;
		if (i == again)
			order[n++] = objects[k];
	}
	home_return(cache, order, n);
	check();
	send(0, MOST, true, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(an_object_that_comes_twice_counts_once)
{
	expect_one_report(0, 0);
	expect_one_report(3, 3);
	expect_one_report(40, 40);
	expect_one_report(40, 50);
	expect_one_report(10, 150);
}
END_TEST

START_TEST(what_came_home_goes_out_lowest_first)
{
	void *out[SLAB_OBJECTS];
	struct slab *slab;
	unsigned n, got = 0;

	cache = kmem_cache_create("home", 48, 0, 0, NULL);
	slab = slab_acquire(cache);
	n = slab_take(slab, objects, SLAB_OBJECTS);
	ck_assert_uint_gt(n, 64);
	memset(home, 0, sizeof(home));
	for (unsigned i = 0; i < n; i++)
		if (i / 64 % 2 || unit_below(3) == 0) {
			home[i] = true;
			home_return(cache, &objects[i], 1);
		}
	for (unsigned i = 0; i < n;) {
		unsigned want = 1 + (unsigned)unit_below(90);

		got = slab_take(slab, out, want);
		for (unsigned k = 0; k < got; k++, i++) {
			while (!home[i])
				i++;
			require(out[k] == objects[i]);
		}
		if (got < want)
			for (; i < n; i++)
				require(!home[i]);
	}
	slab_release(slab);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

UNIT_MAIN("home", in_any_order_each_object_comes_home, neighbours_end_with_their_slab,
	  an_object_that_comes_twice_counts_once, what_came_home_goes_out_lowest_first)
