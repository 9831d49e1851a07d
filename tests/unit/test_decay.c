// SPDX-License-Identifier: MIT
/* Aging in passing: idle slots go home, empty slabs and free pages follow, trims are heard. */
#include "unit.h"

#include "buddy/buddy.h"
#include "lib/stats.h"
#include "slab/slab.h"
#include "slab/slot.h"

#include <kmem.h>
#include <sys/mman.h>

#define NOBJECTS 400u

/* Objects that this thread lent, and threads that ended. */
static uint64_t in_barns(const struct kmem_cache *c)
{
	return c->pub.lent + thread_shelf(thread_self(), c->id)->pub.lent;
}

static struct kmem_cache *idle, *driver;

static void use(struct kmem_cache *cache)
{
	void *objects[NOBJECTS];

	for (unsigned i = 0; i < NOBJECTS; i++)
		require((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
	for (unsigned i = 0; i < NOBJECTS; i++)
		kmem_cache_free(cache, objects[i]);
}

static void setup(const char *decay_ms)
{
	ck_assert_int_eq(kmem_option_set("decay_ms", decay_ms), 0);
	idle = kmem_cache_create("idle", 512, 0, 0, NULL);
	driver = kmem_cache_create("driver", 512, 0, 0, NULL);
	use(idle);
	ck_assert_uint_gt(cache_stats(idle).parked, 0);
}

/* Slow passes, for the time. */
static void drive(unsigned ms)
{
	for (unsigned spent = 0; spent < ms; spent += 5) {
		use(driver);
		kmem_cache_shrink(driver);
		unit_sleep_ms(5);
	}
}

START_TEST(idle_slots_go_home_after_decay_ms)
{
	setup("20");
	drive(300);
	ck_assert_uint_eq(cache_stats(idle).parked, 0);
	ck_assert_uint_eq(cache_stats(idle).slabs, 0);
}
END_TEST

START_TEST(free_pages_go_back_after_decay_ms)
{
	char *block = kmem_malloc((size_t)8 << 20);
	uint64_t dirty = 0;

	setup("20");
	memset(block, 1, (size_t)8 << 20);
	kmem_free(block);
	drive(300);
	for_each_zone (zone)
		dirty += zone->pub.dirty;
	ck_assert_uint_lt(dirty, 1024);
}
END_TEST

static size_t longest, total;

static long measure_madvise(void *addr, size_t nbytes, int advice)
{
	if (advice == MADV_DONTNEED) {
		longest = nbytes > longest ? nbytes : longest;
		total += nbytes;
	}
	return sys_real.madvise(addr, nbytes, advice);
}

/* The driver's slabs stay: it takes none of the pages that are freed meanwhile. */
static void pin_driver(void)
{
	void *objects[NOBJECTS];

	for (unsigned i = 0; i < NOBJECTS; i++)
		require((objects[i] = kmem_cache_alloc(driver, GFP_KERNEL)));
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (i % driver->pub.slab_objects)
			kmem_cache_free(driver, objects[i]);
}

/* No thread that comes by waits long, yet all is gone soon after it is due. */
START_TEST(much_goes_in_pieces_one_soon_after_the_other)
{
	struct sys_table table = sys_real;
	size_t nbytes = (size_t)60 << 20;
	void *blocks[4];

	setup("400");
	pin_driver();
	for (int i = 0; i < 4; i++)
		blocks[i] = kmem_malloc(nbytes);
	for (int i = 0; i < 4; i++)
		kmem_free(blocks[i]);
	table.madvise = measure_madvise;
	sys_calls = &table;
	drive(800);
	sys_calls = &sys_real;
	ck_assert_uint_le(longest, (size_t)32 << 20);
	ck_assert_uint_ge(total, 4 * nbytes);
}
END_TEST

START_TEST(dead_pages_of_living_slabs_go_after_decay_ms)
{
	void *objects[NOBJECTS];
	struct slab *slab;

	setup("20");
	for (unsigned i = 0; i < NOBJECTS; i++)
		require((objects[i] = kmem_cache_alloc(idle, GFP_KERNEL)));
	for (unsigned i = 0; i < NOBJECTS; i++)
		if (i % 32)
			kmem_cache_free(idle, objects[i]);
	slab = slab_of(objects[64]);
	drive(300);
	ck_assert_uint_gt(slab->absent, 0);
}
END_TEST

START_TEST(nothing_goes_before_decay_ms)
{
	setup("100000");
	for (int i = 0; i < 20; i++) {
		use(driver);
		unit_sleep_ms(5);
	}
	ck_assert_uint_gt(cache_stats(idle).parked, 0);
}
END_TEST

START_TEST(a_trim_is_heard_at_the_next_slow_pass)
{
	setup("100000");
	threads_ask_trim(idle);
	thread_pass(thread_self());
	ck_assert_uint_eq(cache_stats(idle).parked, in_barns(idle));
}
END_TEST

START_TEST(a_trim_of_all_is_heard_by_every_slot)
{
	setup("100000");
	use(driver);
	threads_ask_trim_all(false);
	thread_pass(thread_self());
	ck_assert_uint_eq(cache_stats(idle).parked, in_barns(idle));
	ck_assert_uint_eq(cache_stats(driver).parked, in_barns(driver));
}
END_TEST

UNIT_MAIN("decay", idle_slots_go_home_after_decay_ms, free_pages_go_back_after_decay_ms,
	  much_goes_in_pieces_one_soon_after_the_other,
	  dead_pages_of_living_slabs_go_after_decay_ms, nothing_goes_before_decay_ms,
	  a_trim_is_heard_at_the_next_slow_pass, a_trim_of_all_is_heard_by_every_slot)
