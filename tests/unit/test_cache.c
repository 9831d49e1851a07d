// SPDX-License-Identifier: MIT
/* Caches: what create refuses and says, geometry, constructors, destroy, ids. */
#include "unit.h"

#include "lib/stats.h"
#include "slab/slot.h"

#include <errno.h>
#include <kmem.h>

static const char *name;
static unsigned size, align, flags;

static void create_refused(void)
{
	errno = 0;
	if (kmem_cache_create(name, size, align, flags, NULL) || errno != EINVAL)
		_exit(1);
}

/* In one line, and with SLAB_NOWARN in none. */
static void expect_refusal(const char *n, unsigned s, unsigned a, const char *why)
{
	struct last_words words;
	char line[200];

	name = n;
	size = s;
	align = a;
	flags = 0;
	snprintf(line, sizeof(line),
		 "libkmem: kmem_cache_create: cache '%s': %s (size %u, align %u)\n",
		 n ? n : "(null)", why, s, a);
	words = unit_child(create_refused);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, line);
	flags = SLAB_NOWARN;
	words = unit_child(create_refused);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, "");
}

START_TEST(create_without_a_name)
{
	expect_refusal(NULL, 8, 0, "name is empty");
	expect_refusal("", 8, 0, "name is empty");
}
END_TEST

START_TEST(create_with_a_name_too_long)
{
	char text[65];

	memset(text, 'n', 64);
	text[64] = '\0';
	expect_refusal(text, 8, 0, "name is longer than 63 bytes");
	expect_refusal("two\nlines", 8, 0, "name has a control character");
	expect_refusal("\x7f", 8, 0, "name has a control character");
	text[63] = '\0';
	ck_assert_str_eq(kmem_cache_name(kmem_cache_create(text, 8, 0, 0, NULL)), text);
}
END_TEST

START_TEST(create_of_a_bad_size)
{
	expect_refusal("c", 0, 0, "size is not between 1 and 4194304");
	expect_refusal("c", 4194305, 8, "size is not between 1 and 4194304");
	ck_assert_uint_eq(kmem_cache_size(kmem_cache_create("c", 4194304, 0, 0, NULL)), 4194304);
}
END_TEST

START_TEST(create_with_a_bad_alignment)
{
	expect_refusal("c", 8, 24, "align is not a power of two up to 4096");
	expect_refusal("c", 8, 8192, "align is not a power of two up to 4096");
}
END_TEST

static void expect_alignment(unsigned nbytes, unsigned want, unsigned flag, size_t expected)
{
	struct kmem_cache *cache = kmem_cache_create("aligned", nbytes, want, flag, NULL);
	char *objects[40];

	ck_assert_ptr_nonnull(cache);
	for (int i = 0; i < 40; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		require(objects[i] && (uintptr_t)objects[i] % expected == 0);
		memset(objects[i], i, nbytes);
	}
	for (int i = 0; i < 40; i++) {
		require(objects[i][nbytes - 1] == i);
		kmem_cache_free(cache, objects[i]);
	}
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(objects_are_aligned_as_asked)
{
	for (unsigned a = 1; a <= 4096; a *= 2)
		expect_alignment(1 + a * 3 / 2, a, 0, a);
	expect_alignment(24, 0, 0, 8);
}
END_TEST

START_TEST(hwcache_align_fills_lines_evenly)
{
	expect_alignment(100, 0, SLAB_HWCACHE_ALIGN, 64);
	expect_alignment(40, 0, SLAB_HWCACHE_ALIGN, 64);
	expect_alignment(32, 0, SLAB_HWCACHE_ALIGN, 32);
	expect_alignment(9, 0, SLAB_HWCACHE_ALIGN, 16);
	expect_alignment(40, 256, SLAB_HWCACHE_ALIGN, 256);
}
END_TEST

static unsigned nbuilt;

static void build(void *object)
{
	nbuilt++;
	*(uint64_t *)object = 0x1122334455667788;
}

START_TEST(constructors_run_once_an_object)
{
	struct kmem_cache *cache = kmem_cache_create("built", 64, 0, 0, build);
	uint64_t *objects[500];
	unsigned before;

	for (int round = 0; round < 4; round++) {
		for (unsigned i = 0; i < 500; i++) {
			objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
			require(*objects[i] == 0x1122334455667788);
		}
		if (round == 0)
			before = nbuilt;
		for (unsigned i = 0; i < 500; i++)
			kmem_cache_free(cache, objects[i]);
	}
	ck_assert_uint_ge(nbuilt, 500);
	ck_assert_uint_eq(nbuilt, before);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static struct kmem_cache *inner;

static void build_with_inner(void *object)
{
	*(void **)object = kmem_cache_alloc(inner, GFP_KERNEL);
	kmem_free(kmem_malloc(50000));
}

START_TEST(a_constructor_may_allocate_even_from_its_own_cache)
{
	struct kmem_cache *outer = kmem_cache_create("outer", 64, 0, 0, build_with_inner);
	static void *objects[300];

	inner = kmem_cache_create("inner", 64, 0, 0, NULL);
	for (unsigned i = 0; i < 300; i++) {
		objects[i] = kmem_cache_alloc(outer, GFP_KERNEL);
		require(*(void **)objects[i]);
	}
	for (unsigned i = 0; i < 300; i++)
		kmem_cache_free(outer, objects[i]);
	kmem_cache_shrink(outer);
	ck_assert_ptr_null(cache_check(outer));
	ck_assert_int_eq(kmem_cache_destroy(outer), 0);
}
END_TEST

static struct kmem_cache *busy;
static void *live[2];

static void destroy_busy(void)
{
	void *object;

	if (kmem_cache_destroy(busy) != -EBUSY)
		_exit(1);
	object = kmem_cache_alloc(busy, GFP_KERNEL);
	if (!object)
		_exit(2);
	kmem_cache_free(busy, object);
	kmem_cache_free(busy, live[0]);
	kmem_cache_free(busy, live[1]);
	if (kmem_cache_destroy(busy) != 0)
		_exit(3);
}

START_TEST(destroy_with_live_objects_names_each_and_stays_usable)
{
	struct last_words words;
	char expected[300];

	busy = kmem_cache_create("busy", 128, 0, 0, NULL);
	live[0] = kmem_cache_alloc(busy, GFP_KERNEL);
	live[1] = kmem_cache_alloc(busy, GFP_KERNEL);
	words = unit_child(destroy_busy);
	ck_assert_int_eq(words.status, 0);
	snprintf(expected, sizeof(expected),
		 "libkmem: kmem_cache_destroy: cache 'busy': object %p is still live\n"
		 "libkmem: kmem_cache_destroy: cache 'busy': object %p is still live\n",
		 live[0], live[1]);
	ck_assert_str_eq(words.text, expected);
}
END_TEST

START_TEST(destroy_of_null_is_nothing)
{
	ck_assert_int_eq(kmem_cache_destroy(NULL), 0);
}
END_TEST

START_TEST(ids_are_used_again)
{
	struct kmem_cache *one = kmem_cache_create("one", 100, 0, 0, build), *two;
	unsigned id = one->id, generation = one->pub.generation;

	kmem_cache_free(one, kmem_cache_alloc(one, GFP_KERNEL));
	ck_assert_int_eq(kmem_cache_destroy(one), 0);
	two = kmem_cache_create("two", 3000, 0, 0, NULL);
	ck_assert_uint_eq(two->id, id);
	ck_assert_uint_eq(two->pub.generation, generation + 1);
	ck_assert_uint_eq(cache_stats(two).active, 0);
	ck_assert_str_eq(kmem_cache_name(two), "two");
	memset(kmem_cache_alloc(two, GFP_KERNEL), 1, 3000);
	ck_assert_uint_eq(cache_stats(two).active, 1);
}
END_TEST

START_TEST(there_are_65535_ids)
{
	struct kmem_cache *cache = NULL, *last = NULL;
	unsigned n = 0;

	while ((cache = kmem_cache_create("many", 16, 0, SLAB_NOWARN, NULL))) {
		last = cache;
		n++;
	}
	ck_assert_int_eq(errno, ENOSPC);
	ck_assert_uint_eq(n, ID_LIMIT - ID_USER);
	*(char *)kmem_cache_alloc(last, GFP_KERNEL) = 1;
	ck_assert_int_eq(kmem_cache_destroy(cache_of(ID_USER + 5)), 0);
	ck_assert_ptr_nonnull(kmem_cache_create("again", 16, 0, 0, NULL));
}
END_TEST

START_TEST(shrink_gives_all_slabs_back)
{
	struct kmem_cache *cache = kmem_cache_create("shrunk", 200, 0, 0, NULL);
	static void *objects[2000];

	for (unsigned i = 0; i < 2000; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	ck_assert_int_eq(kmem_cache_shrink(cache), 1);
	for (unsigned i = 0; i < 2000; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	ck_assert_uint_eq(cache->pub.nslabs, 0);
	ck_assert_uint_eq(cache_stats(cache).parked, 0);
}
END_TEST

UNIT_MAIN("cache", create_without_a_name, create_with_a_name_too_long, create_of_a_bad_size,
	  create_with_a_bad_alignment, objects_are_aligned_as_asked,
	  hwcache_align_fills_lines_evenly, constructors_run_once_an_object,
	  a_constructor_may_allocate_even_from_its_own_cache,
	  destroy_with_live_objects_names_each_and_stays_usable, destroy_of_null_is_nothing,
	  ids_are_used_again, there_are_65535_ids, shrink_gives_all_slabs_back)
