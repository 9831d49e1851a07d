// SPDX-License-Identifier: MIT
/* The page allocator: random runs against a shadow, alignment, zeros, small blocks. */
#include "buddy_fixture.h"

#include "faults.h"

#include "buddy/row.h"

#define NRUNS 200u

static struct run {
	char *base;
	size_t npages;
} runs[NRUNS];

static void fill(const struct run *run)
{
	for (size_t i = 0; i < run->npages; i++)
		*(uint64_t *)(run->base + i * PAGE_BYTES + 64) = (uintptr_t)run->base + i;
}

static void verify(const struct run *run)
{
	for (size_t i = 0; i < run->npages; i++)
		require(*(uint64_t *)(run->base + i * PAGE_BYTES + 64) == (uintptr_t)run->base + i);
}

static void check_zeroed(const char *base, size_t npages)
{
	for (size_t i = 0; i < npages * PAGE_BYTES; i += 8)
		require(*(const uint64_t *)(base + i) == 0);
}

static void get(struct run *run)
{
	size_t align = (size_t)1 << unit_below(6);

	run->npages = 1 + unit_below(unit_below(20) ? 40 : 1000);
	run->base = buddy_alloc(run->npages, align, PAGE_RUN, &zeroed);
	ck_assert_ptr_nonnull(run->base);
	ck_assert_uint_eq((uintptr_t)run->base % (align * PAGE_BYTES), 0);
	require(buddy_holds(run->base));
	ck_assert_int_eq(pagemap_page(run->base)->kind, PAGE_RUN);
	ck_assert_uint_eq(pagemap_page(run->base)->npages, run->npages);
	if (zeroed)
		check_zeroed(run->base, run->npages);
	fill(run);
}

/* Give back the run, or only its end. */
static void put(struct run *run)
{
	size_t keep = unit_below(3) ? 0 : run->npages / 2;

	verify(run);
	buddy_free(run->base + keep * PAGE_BYTES, run->npages - keep);
	run->npages = keep;
	if (!keep)
		run->base = NULL;
}

/* The next npages taken are these, in this state. */
static void expect_next(size_t npages, const char *base, enum block_state state)
{
	ck_assert_ptr_eq(take(npages), base);
	ck_assert_int_eq(zeroed, state == BLOCK_CLEAN);
}

START_TEST(random_runs_against_a_shadow)
{
	uint64_t live = 0;

	for (int round = 0; round < 3000; round++) {
		struct run *run = &runs[unit_below(NRUNS)];

		live -= run->npages;
		if (run->base)
			put(run);
		else
			get(run);
		live += run->npages;
		if (unit_below(200) == 0)
			buddy_purge(0);
		if (round % 64 == 0)
			ck_assert_ptr_null(buddy_check());
		ck_assert_uint_eq(pages_used(), live);
	}
	for (unsigned i = 0; i < NRUNS; i++)
		if (runs[i].base)
			buddy_free(runs[i].base, runs[i].npages);
	expect_used(0);
}
END_TEST

START_TEST(dirty_memory_comes_before_clean)
{
	char *one = take(4);

	require(zeroed);
	buddy_free(one, 4);
	expect_next(4, one, BLOCK_DIRTY);
}
END_TEST

START_TEST(purged_memory_is_known_to_be_zero)
{
	char *one = buddy_alloc(16, 16, PAGE_RUN, &zeroed);

	memset(one, 0xff, 16 * PAGE_BYTES);
	buddy_free(one, 16);
	ck_assert_uint_eq(buddy_purge(0), 16);
	one = buddy_alloc(16, 16, PAGE_RUN, &zeroed);
	require(zeroed);
	check_zeroed(one, 16);
}
END_TEST

START_TEST(pages_past_the_request_go_straight_back)
{
	take(9);
	ck_assert_uint_eq(pages_used(), 9);
	ck_assert_ptr_nonnull(buddy_alloc(1, 64, PAGE_RUN, &zeroed));
	ck_assert_uint_eq(pages_used(), 10);
}
END_TEST

START_TEST(aligned_runs_above_the_watermark)
{
	take(1);
	for (size_t align = 4096; align >= 1; align /= 4)
		for (size_t npages = 1; npages < 10000; npages *= 10) {
			char *one = buddy_alloc(npages, align, PAGE_RUN, &zeroed);

			ck_assert_uint_eq((uintptr_t)one % (align * PAGE_BYTES), 0);
			require(zeroed);
			one[npages * PAGE_BYTES - 1] = 1;
			ck_assert_ptr_null(buddy_check());
			ck_assert_uint_eq(zone_next(buddy_zones()) != NULL, 0);
		}
	ck_assert_uint_eq(pages_used(), 1 + 7 * 1111);
}
END_TEST

START_TEST(a_large_run_spans_dirty_and_clean)
{
	char *one = take(512);
	uint64_t committed = buddy_zones()->pub.committed;

	buddy_free(one, 512);
	expect_next(committed, one, BLOCK_DIRTY);
	ck_assert_uint_eq(buddy_zones()->pub.committed, committed);
	buddy_free(one, committed);
	/* More than there is: on top of what is free below the watermark. */
	expect_next(committed + 100, one, BLOCK_DIRTY);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(extend_takes_what_lies_behind)
{
	char *one = buddy_alloc(8, 64, PAGE_RUN, &zeroed);

	require(buddy_extend(one, 8, 24));
	ck_assert_uint_eq(pages_used(), 32);
	require(!buddy_extend(one, 32, (size_t)1 << 30));
	buddy_free(one, 32);
	ck_assert_uint_eq(pages_used(), 0);
	require(!buddy_extend(&zeroed, 1, 1));
}
END_TEST

START_TEST(small_blocks_stay_together)
{
	char *one = take(1), *large = take(100), *two = take(5);

	ck_assert_ptr_eq(two, one + 8 * PAGE_BYTES);
	ck_assert_ptr_eq(large, one + CHUNK_PAGES * PAGE_BYTES);
	/* Dirty before clean, in the chunk before elsewhere. */
	buddy_free(two, 5);
	buddy_free(large, 100);
	expect_next(2, two, BLOCK_DIRTY);
	expect_next(16, one + 16 * PAGE_BYTES, BLOCK_CLEAN);
	/* The chunk has no room for these: a new one, of dirty pages. */
	expect_next(16, large, BLOCK_DIRTY);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(a_run_may_have_the_spare_chunk)
{
	char *one = take(1);

	buddy_free(one, 1);
	expect_next(64, one, BLOCK_DIRTY);
	expect_used(64);
}
END_TEST

START_TEST(without_room_for_a_chunk_a_small_block_is_a_run)
{
	char *one = take(40), *two;

	faults_refuse(FAULT_MPROTECT);
	two = take(3);
	ck_assert_ptr_eq(two, one + 40 * PAGE_BYTES);
	ck_assert_ptr_null(buddy_alloc(32, 1, PAGE_RUN, &zeroed));
	require(buddy_extend(two, 3, 2));
	faults_end();
	buddy_free(two, 5);
	buddy_free(one, 40);
	expect_used(0);
}
END_TEST

START_TEST(dirty_pages_without_room_for_a_chunk_come_before_clean_ones)
{
	char *one = take(20), *two = take(24);

	take(20);
	ck_assert_ptr_eq(two, one + 20 * PAGE_BYTES);
	buddy_free(two, 24);
	expect_next(5, two, BLOCK_DIRTY);
	require(buddy_extend(two, 5, 4));
	buddy_free(two, 9);
	expect_next(24, two, BLOCK_DIRTY);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(small_blocks_extend_in_their_chunk)
{
	char *one = take(3);

	require(buddy_extend(one, 3, 5));
	require(!buddy_extend(one, 8, CHUNK_PAGES - 7));
	require(buddy_extend(one, 8, CHUNK_PAGES - 8));
	require(!buddy_extend(one, CHUNK_PAGES, 1));
	ck_assert_uint_eq(pages_used(), CHUNK_PAGES);
	buddy_free(one, CHUNK_PAGES);
	expect_used(0);
}
END_TEST

START_TEST(a_row_is_blocks_of_dirty_pages)
{
	char *one = take(60), *row;

	ck_assert_ptr_null(row_alloc(20, 3, PAGE_LARGE));
	buddy_free(one, 60);
	row = row_alloc(20, 3, PAGE_LARGE);
	ck_assert_ptr_eq(row, one);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(pagemap_page(row + i * 20 * PAGE_BYTES)->kind, PAGE_LARGE);
		ck_assert_uint_eq(pagemap_page(row + i * 20 * PAGE_BYTES)->npages, 20);
	}
	expect_used(60);
	buddy_free(row + 20 * PAGE_BYTES, 20);
	buddy_free(row, 20);
	buddy_free(row + 40 * PAGE_BYTES, 20);
	expect_next(60, row, BLOCK_DIRTY);
	row_free(row, 20, 3);
	expect_used(0);
}
END_TEST

START_TEST(no_memory_is_null_and_passes)
{
	faults_begin(1, ~0ul);
	ck_assert_ptr_null(buddy_alloc(1, 1, PAGE_RUN, &zeroed));
	faults_end();
	ck_assert_ptr_null(buddy_alloc(LEAF_PAGES + 1, 1, PAGE_RUN, &zeroed));
	take(1);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

UNIT_MAIN("buddy", random_runs_against_a_shadow, dirty_memory_comes_before_clean,
	  purged_memory_is_known_to_be_zero, pages_past_the_request_go_straight_back,
	  aligned_runs_above_the_watermark, a_large_run_spans_dirty_and_clean,
	  extend_takes_what_lies_behind, small_blocks_stay_together, a_run_may_have_the_spare_chunk,
	  without_room_for_a_chunk_a_small_block_is_a_run,
	  dirty_pages_without_room_for_a_chunk_come_before_clean_ones,
	  small_blocks_extend_in_their_chunk, a_row_is_blocks_of_dirty_pages,
	  no_memory_is_null_and_passes)
