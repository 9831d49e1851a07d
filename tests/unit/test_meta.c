// SPDX-License-Identifier: MIT
/* Memory for records: zeroed, aligned, named by an index; pools that reuse. */
#include "unit.h"

#include "faults.h"

#include "buddy/meta.h"
#include "buddy/root.h"

#define MIB ((size_t)1 << 20)

START_TEST(records_are_zeroed_aligned_and_apart)
{
	char *before = NULL;

	for (size_t align = 16; align <= 65536; align *= 2) {
		char *record = meta_alloc(3 * align / 2, align);

		ck_assert_ptr_nonnull(record);
		ck_assert_uint_eq((uintptr_t)record % align, 0);
		for (size_t i = 0; i < 3 * align / 2; i++)
			require(record[i] == 0);
		memset(record, 0xff, 3 * align / 2);
		require(!before || before + 3 * align / 4 <= record);
		before = record;
	}
}
END_TEST

START_TEST(index_round_trip)
{
	/* Enough to begin several chunks. */
	for (int i = 0; i < 60; i++) {
		char *record = meta_alloc(MIB, 64);

		ck_assert_ptr_nonnull(record);
		ck_assert_uint_ne(meta_index(record), 0);
		ck_assert_ptr_eq(meta_at(meta_index(record)), record);
		ck_assert_ptr_eq(meta_at(meta_index(record + 16 * 1000)), record + 16 * 1000);
	}
}
END_TEST

START_TEST(index_of_no_record_is_zero)
{
	int local = 0;

	meta_alloc(64, 64);
	ck_assert_uint_eq(meta_index(&local), 0);
	ck_assert_ptr_null(meta_at(0));
}
END_TEST

START_TEST(committed_bytes_are_published)
{
	uint64_t before = root_record.meta_bytes;

	ck_assert_ptr_nonnull(meta_alloc(5 * MIB, 64));
	ck_assert_uint_ge(root_record.meta_bytes, before + 5 * MIB);
	ck_assert_uint_le(root_record.meta_bytes, before + 6 * MIB);
}
END_TEST

START_TEST(pool_hands_out_the_freed_record_zeroed)
{
	struct meta_pool pool = {.nbytes = 96, .align = 32};
	char *one = meta_pool_get(&pool), *two = meta_pool_get(&pool), *again;

	ck_assert_ptr_ne(one, two);
	memset(one, 0xee, 96);
	meta_pool_put(&pool, one);
	again = meta_pool_get(&pool);
	ck_assert_ptr_eq(again, one);
	for (int i = 0; i < 96; i++)
		require(again[i] == 0);
	ck_assert_ptr_ne(meta_pool_get(&pool), one);
}
END_TEST

START_TEST(refused_reservation_is_halved)
{
	while (meta_alloc(MIB, 64))
		if (root_record.meta_bytes >= 7 * MIB)
			break;
	faults_begin(1, 3); /* the next chunk: 16 MiB, 8, 4 are refused */
	ck_assert_ptr_nonnull(meta_alloc(2 * MIB - 4096, 64));
	ck_assert_uint_eq(faults.nrefused, 3);
	faults_end();
}
END_TEST

START_TEST(no_memory_is_null_and_passes)
{
	meta_alloc(64, 64);
	faults_begin(1, ~0ul);
	ck_assert_ptr_null(meta_alloc(300 * MIB, 64));
	ck_assert_ptr_null(meta_alloc(MIB, 64)); /* not even a commit */
	faults_end();
	ck_assert_ptr_nonnull(meta_alloc(MIB, 64));
}
END_TEST

UNIT_MAIN("meta", records_are_zeroed_aligned_and_apart, index_round_trip,
	  index_of_no_record_is_zero, committed_bytes_are_published,
	  pool_hands_out_the_freed_record_zeroed, refused_reservation_is_halved,
	  no_memory_is_null_and_passes)
