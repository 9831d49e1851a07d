// SPDX-License-Identifier: MIT
/* Statistics and trim against known allocations. */
#include "unit.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/front.h"
#include "lib/stats.h"

#include <errno.h>
#include <kmem.h>

#define MIB ((size_t)1 << 20)

START_TEST(mallinfo_counts_what_was_allocated)
{
	struct mallinfo2 before, after;
	void *blocks[100];

	kmem_free(kmem_malloc(100));
	kmem_free(kmem_malloc(200000));
	kmem_trim();
	before = kmem_mallinfo2();
	for (unsigned i = 0; i < 100; i++)
		blocks[i] = kmem_malloc(1024);
	after = kmem_mallinfo2();
	ck_assert_uint_eq(after.uordblks - before.uordblks, 100 * 1024);
	ck_assert_uint_eq(after.arena, after.uordblks - after.hblkhd + after.fordblks);
	ck_assert_ptr_nonnull(kmem_malloc(200000));
	ck_assert_ptr_nonnull(kmem_malloc(3 * MIB));
	ck_assert_ptr_nonnull(kmem_malloc(80 * MIB));
	before = after;
	after = kmem_mallinfo2();
	ck_assert_uint_ge(after.uordblks - before.uordblks, 200000 + 83 * MIB);
	ck_assert_uint_le(after.uordblks - before.uordblks, 200000 + 83 * MIB + 65536);
	ck_assert_uint_eq(after.hblkhd, 80 * MIB);
	for (unsigned i = 0; i < 100; i++)
		kmem_free(blocks[i]);
	before = after;
	after = kmem_mallinfo2();
	ck_assert_uint_eq(before.uordblks - after.uordblks, 100 * 1024);
}
END_TEST

START_TEST(parked_objects_are_not_in_use)
{
	struct kmem_cache *cache = kmem_cache_create("stats", 100, 0, 0, NULL);
	void *one = kmem_cache_alloc(cache, GFP_KERNEL), *two = kmem_cache_alloc(cache, GFP_KERNEL);
	struct kmem_cache_stats stats;

	kmem_cache_free(cache, one);
	stats = cache_stats(cache);
	ck_assert_uint_eq(stats.active, 1);
	ck_assert_uint_gt(stats.parked, 0);
	ck_assert_uint_eq(stats.slabs, 1);
	kmem_cache_free(cache, two);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
}
END_TEST

START_TEST(malloc_info_is_one_document)
{
	char *text = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&text, &len);

	kmem_free(kmem_malloc(100));
	ck_assert_int_eq(kmem_malloc_info(1, stream), EINVAL);
	ck_assert_int_eq(kmem_malloc_info(0, stream), 0);
	fclose(stream);
	ck_assert_int_eq(strncmp(text, "<malloc version=\"libkmem-", 25), 0);
	ck_assert_ptr_nonnull(
		strstr(text, "<cache name=\"malloc-112\" size=\"112\" objects=\"0\""));
	ck_assert_str_eq(text + len - 10, "</malloc>\n");
	free(text);
}
END_TEST

START_TEST(mallopt_knows_glibcs_parameters)
{
	ck_assert_int_eq(kmem_mallopt(M_MXFAST, 64), 1);
	ck_assert_int_eq(kmem_mallopt(M_MMAP_THRESHOLD, 64), 1);
	ck_assert_int_eq(kmem_mallopt(M_ARENA_MAX, 1), 1);
	ck_assert_int_eq(kmem_mallopt(12345, 1), 0);
}
END_TEST

static void print_stats(void)
{
	kmem_malloc_stats();
}

START_TEST(malloc_stats_are_lines_on_standard_error)
{
	struct last_words words = unit_child(print_stats);

	ck_assert_int_eq(words.status, 0);
	ck_assert_int_eq(strncmp(words.text, "libkmem: zones: ", 16), 0);
}
END_TEST

START_TEST(trim_gives_everything_back)
{
	static void *blocks[3000];
	struct mallinfo2 info;

	for (unsigned i = 0; i < 3000; i++) {
		blocks[i] = kmem_malloc(i * 40);
		memset(blocks[i], 1, i * 40);
	}
	for (unsigned i = 0; i < 3000; i++)
		kmem_free(blocks[i]);
	ck_assert_int_eq(kmem_trim(), 1);
	info = kmem_mallinfo2();
	ck_assert_uint_eq(info.keepcost, 0);
	ck_assert_uint_eq(info.fsmblks, 0);
	ck_assert_uint_eq(info.uordblks, 0);
	ck_assert_int_eq(kmem_trim(), 0);
	for (unsigned i = 0; front_heap(i); i++)
		ck_assert_uint_le(front_heap(i)->pub.nspans, 1);
}
END_TEST

UNIT_MAIN("stats", mallinfo_counts_what_was_allocated, parked_objects_are_not_in_use,
	  malloc_info_is_one_document, mallopt_knows_glibcs_parameters,
	  malloc_stats_are_lines_on_standard_error, trim_gives_everything_back)
