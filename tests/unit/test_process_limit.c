// SPDX-License-Identifier: MIT
/*
 * The limit of the process: how it is set, what counts, what is refused, and how far a block
 * may grow.
 */
#include "process_limit.h"

#include "faults.h"

#include "buddy/buddy.h"

START_TEST(set_and_read)
{
	ck_assert_uint_eq(kmem_limit_get(), 0);
	ck_assert_int_eq(kmem_limit_set(KMEM_LIMIT_MIN - 1), -EINVAL);
	ck_assert_int_eq(kmem_limit_set(KMEM_LIMIT_MIN), 0);
	ck_assert_uint_eq(kmem_limit_get(), KMEM_LIMIT_MIN);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "64M"), 0);
	ck_assert_uint_eq(kmem_limit_get(), 64 * MIB);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "1M"), -EINVAL);
	ck_assert_int_eq(kmem_option_set("limit_bytes", "much"), -EINVAL);
	ck_assert_uint_eq(kmem_limit_get(), 64 * MIB);
	ck_assert_int_eq(kmem_limit_set(0), 0);
	ck_assert_uint_eq(kmem_limit_get(), 0);
}
END_TEST

/* What is in use, and what lies dirty until it is given back; the same with a limit as without. */
START_TEST(use_is_counted)
{
	for (int limited = 0; limited < 2; limited++) {
		size_t before, mapped;
		char *run, *mapping;

		kmem_limit_set(limited ? 1024 * MIB : 0);
		kmem_free(kmem_malloc(8 * MIB));
		kmem_trim();
		before = kmem_limit_usage();
		run = kmem_malloc(8 * MIB);
		ck_assert_uint_ge(kmem_limit_usage(), before + 8 * MIB);
		ck_assert_uint_lt(kmem_limit_usage(), before + 9 * MIB);
		kmem_free(run);
		ck_assert_uint_ge(kmem_limit_usage(), before + 8 * MIB);
		kmem_trim();
		ck_assert_uint_le(kmem_limit_usage(), before);
		mapping = kmem_malloc(100 * MIB);
		mapped = kmem_limit_usage();
		ck_assert_uint_ge(mapped, before + 100 * MIB);
		ck_assert_uint_lt(mapped, before + 101 * MIB);
		mapping = kmem_realloc(mapping, 40 * MIB);
		ck_assert_uint_eq(kmem_limit_usage(), mapped - 60 * MIB);
		kmem_free(mapping);
		ck_assert_uint_le(kmem_limit_usage(), before);
	}
}
END_TEST

/* Of all sizes as much as there is room for, whatever was there before. */
START_TEST(refuses_and_goes_on)
{
	static const size_t sizes[] = {1000, 20000, 100, 40000, 200000, 1000000, 5000000, 1000};

	limit_to(32 * MIB);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t nbytes = fill(sizes[i]);

		ck_assert_uint_le(nbytes, 32 * MIB);
		ck_assert_msg(nbytes > 24 * MIB, "%zu bytes in blocks of %zu", nbytes, sizes[i]);
		ck_assert_uint_eq(kmem_limit_refusals(), i + 1);
		empty();
	}
	kmem_limit_set(0);
	ck_assert_ptr_nonnull(blocks[0] = kmem_malloc(100 * MIB));
	kmem_free(blocks[0]);
}
END_TEST

/* The heap keeps an empty span, unless it is needed. */
START_TEST(what_a_heap_keeps_can_be_had)
{
	void *run;

	limit_to(32 * MIB);
	fill(40000);
	/* The first span, of full size, is the first to become empty. */
	for (size_t i = 0; i < nblocks; i++)
		kmem_free(blocks[i]);
	run = kmem_malloc(30 * MIB);
	ck_assert_ptr_nonnull(run);
	require_within();
	kmem_free(run);
}
END_TEST

START_TEST(a_run_grows_in_place_as_far_as_it_may)
{
	size_t nbytes = MIB;
	char *run, *grown;

	kmem_free(kmem_malloc(16 * MIB));
	kmem_trim();
	run = kmem_malloc(nbytes);
	kmem_trim();
	limit_to(4 * MIB);
	while ((grown = kmem_realloc(run, nbytes + MIB / 8))) {
		ck_assert_ptr_eq(grown, run);
		nbytes += MIB / 8;
		require_within();
	}
	ck_assert_uint_le(nbytes, 5 * MIB);
	ck_assert_uint_ge(nbytes, 4 * MIB);
	kmem_free(run);
}
END_TEST

/* What they grow by as well; what they shrink by no longer. */
START_TEST(mappings_count)
{
	char *one, *other;

	limit_to(200 * MIB);
	one = kmem_malloc(100 * MIB);
	ck_assert_ptr_nonnull(one);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	one = kmem_realloc(one, 180 * MIB);
	ck_assert_ptr_nonnull(one);
	require_within();
	require_errno(ENOMEM, kmem_realloc(one, 220 * MIB));
	require_errno(ENOMEM, kmem_realloc(one, 201 * MIB));
	one = kmem_realloc(one, 70 * MIB);
	other = kmem_malloc(100 * MIB);
	ck_assert_ptr_nonnull(other);
	kmem_free(one);
	kmem_free(other);
	require_within();
}
END_TEST

/* A mapping the system refuses is not counted. */
START_TEST(what_the_system_refuses_is_not_counted)
{
	size_t before;
	char *one = kmem_malloc(100 * MIB);

	limit_to(400 * MIB);
	before = kmem_limit_usage();
	faults_refuse(FAULT_MMAP);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	faults_refuse(FAULT_MREMAP);
	faults.refused[FAULT_MMAP] = true;
	require_errno(ENOMEM, kmem_realloc(one, 150 * MIB));
	faults_end();
	ck_assert_uint_eq(kmem_limit_usage(), before);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	kmem_free(one);
}
END_TEST

/* Its pages go to a mapping: they are not there twice, so the limit need not hold both. */
START_TEST(a_run_that_moves_counts_once)
{
	unsigned *run = kmem_malloc(20 * MIB), *moved;
	void *behind = kmem_malloc(4 * MIB);
	size_t before;

	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		run[i] = (unsigned)i;
	kmem_trim();
	limit_to(4 * MIB);
	before = kmem_limit_usage();
	moved = kmem_realloc(run, 22 * MIB);
	ck_assert_ptr_nonnull(moved);
	ck_assert_uint_lt(kmem_limit_usage(), before + 3 * MIB);
	require_errno(ENOMEM, kmem_realloc(moved, 30 * MIB));
	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		require(moved[i] == i);
	ck_assert_ptr_null(buddy_check());
	kmem_free(moved);
	kmem_free(behind);
	kmem_trim();
	ck_assert_uint_lt(kmem_limit_usage(), before - 23 * MIB);
}
END_TEST

/* The same, and the system refuses the growth: all as it was. */
START_TEST(a_move_that_fails_counts_nothing)
{
	unsigned *run = kmem_malloc(20 * MIB);
	void *behind = kmem_malloc(4 * MIB);
	size_t before;

	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		run[i] = (unsigned)i;
	limit_to(100 * MIB);
	before = kmem_limit_usage();
	faults_begin(2, ~0ul);
	require_errno(ENOMEM, kmem_realloc(run, 300 * MIB / 4));
	faults_end();
	ck_assert_uint_eq(kmem_limit_usage(), before);
	for (size_t i = 0; i < 20 * MIB / sizeof(*run); i += 1024)
		require(run[i] == i);
	kmem_free(run);
	kmem_free(behind);
}
END_TEST

/* Less than is in use: what there is can be used, and freed. */
START_TEST(a_lower_limit_refuses_what_comes)
{
	void *kept = kmem_malloc(30 * MIB);

	memset(kept, 1, 30 * MIB);
	ck_assert_int_eq(kmem_limit_set(20 * MIB), 0);
	require_errno(ENOMEM, kmem_malloc(MIB));
	memset(kept, 2, 30 * MIB);
	kmem_free(kept);
	kept = kmem_malloc(MIB);
	ck_assert_ptr_nonnull(kept);
	kmem_free(kept);
}
END_TEST

UNIT_MAIN("process_limit", set_and_read, use_is_counted, refuses_and_goes_on,
	  what_a_heap_keeps_can_be_had, a_run_grows_in_place_as_far_as_it_may, mappings_count,
	  what_the_system_refuses_is_not_counted, a_run_that_moves_counts_once,
	  a_move_that_fails_counts_nothing, a_lower_limit_refuses_what_comes)
