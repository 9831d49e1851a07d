// SPDX-License-Identifier: MIT
/* realloc: NULL and 0, contents, growth in place, growth by moving pages, refusals. */
#include "unit.h"

#include "faults.h"

#include "buddy/root.h"

#include <kmem/malloc.h>

#define MIB ((size_t)1 << 20)

static volatile size_t most = PTRDIFF_MAX;

START_TEST(realloc_of_null_allocates)
{
	void *block = kmem_realloc(NULL, 100);

	ck_assert_ptr_nonnull(block);
	ck_assert_uint_ge(kmem_usable_size(block), 100);
	kmem_free(block);
	ck_assert_ptr_nonnull(kmem_realloc(NULL, 0));
}
END_TEST

START_TEST(realloc_to_zero_frees)
{
	void *block = kmem_malloc((size_t)80 * MIB);

	ck_assert_uint_ne(root_record.mapped_bytes, 0);
	ck_assert_ptr_null(kmem_realloc(block, 0));
	ck_assert_uint_eq(root_record.mapped_bytes, 0);
}
END_TEST

START_TEST(too_much_is_enomem_and_leaves_the_block)
{
	char *block = kmem_malloc(1000);

	memset(block, 5, 1000);
	require_errno(ENOMEM, kmem_realloc(block, most + 1));
	ck_assert_int_eq(block[999], 5);
	kmem_free(block);
}
END_TEST

static unsigned char mark(size_t i)
{
	return (unsigned char)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

START_TEST(contents_survive_any_walk_through_the_sizes)
{
	unsigned char *block = NULL;
	size_t nbytes = 0;

	for (int round = 0; round < 400; round++) {
		size_t goal = 1 + unit_below((size_t)1 << (4 + unit_below(19)));

		block = kmem_realloc(block, goal);
		require(block && kmem_usable_size(block) >= goal);
		for (size_t i = 0; i < nbytes && i < goal; i++)
			require(block[i] == mark(i));
		for (size_t i = nbytes; i < goal; i++)
			block[i] = mark(i);
		nbytes = goal;
	}
	kmem_free(block);
}
END_TEST

START_TEST(a_little_more_or_less_stays_where_it_is)
{
	static const size_t sizes[] = {100, 5000, 40000, 300000, 3000000};

	for (unsigned i = 0; i < 5; i++) {
		char *block = kmem_malloc(sizes[i]);

		ck_assert_ptr_eq(kmem_realloc(block, kmem_usable_size(block)), block);
		ck_assert_ptr_eq(kmem_realloc(block, sizes[i] * 3 / 4), block);
	}
}
END_TEST

/* Without slack it would move through each of the 52 classes. */
START_TEST(growth_by_steps_copies_seldom)
{
	char *block = kmem_malloc(1);
	size_t usable = kmem_usable_size(block);
	unsigned moves = 0;

	for (size_t nbytes = 1; nbytes <= 32768; nbytes++) {
		block = kmem_realloc(block, nbytes);
		moves += kmem_usable_size(block) != usable;
		usable = kmem_usable_size(block);
	}
	ck_assert_uint_le(moves, 26);
	ck_assert_uint_le(usable, 32768 * 3 / 2);
	kmem_free(block);
}
END_TEST

/* Who asks for more than the slack gets no further slack, and a new block none. */
START_TEST(only_a_little_growth_is_given_slack)
{
	char *block = kmem_realloc(NULL, 1000);

	ck_assert_uint_eq(kmem_usable_size(block), kmem_good_size(1000));
	block = kmem_realloc(block, 2000);
	ck_assert_uint_eq(kmem_usable_size(block), kmem_good_size(2000));
	kmem_free(block);
}
END_TEST

/* No block of 1,536 bytes is left, but there are some of 1,152 beside one in use. */
START_TEST(growth_does_without_slack_that_is_refused)
{
	char *block = kmem_malloc(1024), *other = kmem_malloc(1100);

	faults_begin(1, ~0ul);
	while (kmem_malloc(1536))
		;
	block = kmem_realloc(block, 1100);
	faults_end();
	ck_assert_ptr_nonnull(block);
	ck_assert_uint_eq(kmem_usable_size(block), kmem_good_size(1100));
	kmem_free(other);
}
END_TEST

/* A block of a bin, in a mapping as its zone got no more: shrunk, it is of that bin no longer. */
START_TEST(a_shrunk_mapping_leaves_its_bin)
{
	char *block = NULL;

	while (!root_record.mapped_bytes) {
		faults_begin(1, 2);
		block = kmem_malloc(900000);
		faults_end();
		ck_assert_ptr_nonnull(block);
	}
	ck_assert_ptr_eq(kmem_realloc(block, 300000), block);
	kmem_free(block);
	block = kmem_malloc(900000);
	ck_assert_uint_ge(kmem_usable_size(block), 900000);
	memset(block, 1, 900000);
	kmem_free(block);
}
END_TEST

START_TEST(a_large_shrink_gives_memory_back)
{
	char *block = kmem_malloc(80 * MIB);

	ck_assert_ptr_eq(kmem_realloc(block, 70 * MIB), block);
	block = kmem_realloc(block, 2 * MIB);
	ck_assert_uint_le(kmem_usable_size(block), 2 * MIB + 4096);
	ck_assert_uint_le(root_record.mapped_bytes, 2 * MIB);
	block = kmem_realloc(block, 10);
	ck_assert_uint_le(kmem_usable_size(block), 64);
	ck_assert_uint_eq(root_record.mapped_bytes, 0);
}
END_TEST

static size_t resident(void)
{
	unsigned long total, pages;
	FILE *file = fopen("/proc/self/statm", "r");

	require(file && fscanf(file, "%lu %lu", &total, &pages) == 2);
	fclose(file);
	return pages * 4096;
}

/* A copy would make twice the block resident. */
START_TEST(growth_of_large_blocks_moves_no_bytes)
{
	char *block = kmem_malloc(80 * MIB), *wall;
	size_t before;

	memset(block, 7, 80 * MIB);
	before = resident();
	faults_count();
	for (size_t mib = 90; mib <= 200; mib += 10) {
		block = kmem_realloc(block, mib * MIB);
		wall = mmap(block + mib * MIB, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		ck_assert_ptr_ne(wall, MAP_FAILED);
		ck_assert_int_eq(block[80 * MIB - 1], 7);
	}
	ck_assert_uint_ge(faults.calls[FAULT_MREMAP], 6);
	faults_end();
	ck_assert_uint_lt(resident(), before + 8 * MIB);
	kmem_free(block);
}
END_TEST

START_TEST(growth_out_of_a_zone_moves_pages)
{
	char *block = kmem_malloc(8 * MIB), *blocker = kmem_malloc(8 * MIB);
	size_t before;

	memset(block, 7, 8 * MIB);
	before = resident();
	block = kmem_realloc(block, 16 * MIB);
	ck_assert_int_eq(block[8 * MIB - 1], 7);
	ck_assert_uint_lt(resident(), before + 2 * MIB);
	kmem_free(block);
	kmem_free(blocker);
}
END_TEST

/* Whatever is refused from the Nth call on: the block moves or stays, the bytes are there. */
START_TEST(refused_growth_leaves_the_block)
{
	for (unsigned long n = 1; n < 12; n++) {
		char *block = kmem_malloc(8 * MIB), *blocker = kmem_malloc(8 * MIB), *grown;

		memset(block, 9, 8 * MIB);
		faults_begin(n, ~0ul);
		errno = 0;
		grown = kmem_realloc(block, 100 * MIB);
		faults_end();
		ck_assert(grown || errno == ENOMEM);
		for (size_t i = 0; i < 8 * MIB; i += 512)
			require((grown ? grown : block)[i] == 9);
		kmem_free(grown ? grown : block);
		kmem_free(blocker);
	}
}
END_TEST

START_TEST(a_refused_shrink_is_no_failure)
{
	char *block = kmem_malloc(3 * MIB);

	faults_begin(1, ~0ul);
	ck_assert_ptr_nonnull(kmem_realloc(block, 1000));
	faults_end();
}
END_TEST

UNIT_MAIN("realloc", realloc_of_null_allocates, realloc_to_zero_frees,
	  too_much_is_enomem_and_leaves_the_block, contents_survive_any_walk_through_the_sizes,
	  a_little_more_or_less_stays_where_it_is, growth_by_steps_copies_seldom,
	  only_a_little_growth_is_given_slack, growth_does_without_slack_that_is_refused,
	  a_shrunk_mapping_leaves_its_bin, a_large_shrink_gives_memory_back,
	  growth_of_large_blocks_moves_no_bytes, growth_out_of_a_zone_moves_pages,
	  refused_growth_leaves_the_block, a_refused_shrink_is_no_failure)
