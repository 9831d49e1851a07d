// SPDX-License-Identifier: MIT
/* Buddies in chunks: split, merged, claimed, returned. */
#include "zone_fixture.h"

static void expect_free_blocks(const struct span *block)
{
	for (; block->npages; block++) {
		const struct page *page = &zone.pages[block->index];

		ck_assert_int_eq(page->kind,
				 block->state == CLEAN ? PAGE_BUDDY_CLEAN : PAGE_BUDDY_DIRTY);
		ck_assert_uint_eq(page->length, block->npages);
	}
}

/* Blocks that are free, each whole: expect_free({index, npages, state}, …). */
#define expect_free(...) expect_free_blocks((const struct span[]){__VA_ARGS__, {0}})

static void expect_counts(uint64_t dirty, uint64_t clean)
{
	ck_assert_uint_eq(zone.pub.dirty, dirty);
	ck_assert_uint_eq(zone.pub.clean, clean);
	ck_assert_ptr_null(zone_check(&zone));
}

START_TEST(only_small_requests_are_for_chunks)
{
	require(chunk_serves(1, 1));
	require(chunk_serves(CHUNK_PAGES / 2, CHUNK_PAGES / 2));
	require(!chunk_serves(CHUNK_PAGES / 2 + 1, 1));
	require(!chunk_serves(1, CHUNK_PAGES));
}
END_TEST

START_TEST(a_chunk_is_split_down_to_each_order)
{
	for (unsigned order = 0; order < CHUNK_ORDER; order++) {
		setup_full();
		chunk_open(&zone, 64, 1u << order, CLEAN);
		for (unsigned rest = order; rest < CHUNK_ORDER; rest++)
			expect_free({64 + (1u << rest), 1u << rest, CLEAN});
		expect_counts(0, CHUNK_PAGES - (1u << order));
		require(chunk_holds(&zone, 64) && chunk_holds(&zone, 95));
		require(!chunk_holds(&zone, 63) && !chunk_holds(&zone, 96));
	}
}
END_TEST

START_TEST(buddies_of_each_order_merge_up_to_the_chunk)
{
	for (unsigned order = 0; order < CHUNK_ORDER; order++) {
		uint32_t step = 1u << order, n = CHUNK_PAGES / step;

		setup_full();
		chunk_open(&zone, 0, step, CLEAN);
		for (uint32_t i = 1; i < n; i++)
			ck_assert_uint_eq(chunk_take(&zone, step, step, CLEAN), i * step);
		ck_assert_uint_eq(chunk_take(&zone, step, step, CLEAN), LIST_END);
		for (uint32_t i = 0; i < n; i++) {
			chunk_insert(&zone, i * 13 % n * step, step, DIRTY, 0);
			expect_counts((i + 1) * step, 0);
		}
		expect_free({0, CHUNK_PAGES, DIRTY});
	}
}
END_TEST

START_TEST(those_that_are_no_buddies_do_not_merge)
{
	setup_chunk(0);
	insert({1, 1, DIRTY}, {2, 1, DIRTY});
	expect_free({1, 1, DIRTY}, {2, 1, DIRTY});
	insert({3, 1, DIRTY});
	expect_free({2, 2, DIRTY});
	insert({0, 1, DIRTY});
	expect_free({0, 4, DIRTY});
	expect_counts(4, 0);
}
END_TEST

START_TEST(what_a_request_leaves_is_free_at_once)
{
	setup_full();
	chunk_open(&zone, 32, 5, CLEAN);
	expect_free({32 + 5, 1, CLEAN}, {32 + 6, 2, CLEAN}, {32 + 8, 8, CLEAN});
	ck_assert_uint_eq(chunk_take(&zone, 1, 1, CLEAN), 32 + 5);
	ck_assert_uint_eq(chunk_take(&zone, 7, 1, CLEAN), 32 + 8);
	expect_free({32 + 15, 1, CLEAN});
	insert({32 + 8, 7, CLEAN});
	expect_free({32 + 8, 8, CLEAN});
	insert({32, 6, CLEAN});
	expect_free({32, CHUNK_PAGES, CLEAN});
	expect_counts(0, CHUNK_PAGES);
}
END_TEST

START_TEST(an_alignment_asks_for_a_higher_order)
{
	setup_full();
	chunk_open(&zone, 0, 1, CLEAN);
	ck_assert_uint_eq(chunk_take(&zone, 3, 8, CLEAN), 8);
	expect_free({11, 1, CLEAN}, {12, 4, CLEAN});
	ck_assert_uint_eq(chunk_take(&zone, 1, 16, CLEAN), 16);
	ck_assert_uint_eq(chunk_take(&zone, 1, 16, CLEAN), LIST_END);
	expect_counts(0, CHUNK_PAGES - 5);
}
END_TEST

START_TEST(the_least_block_that_fits_is_split)
{
	setup_chunk(0);
	insert({8, 8, DIRTY}, {2, 2, DIRTY}, {20, 4, CLEAN});
	ck_assert_uint_eq(chunk_take(&zone, 1, 1, DIRTY), 2);
	ck_assert_uint_eq(chunk_take(&zone, 4, 1, DIRTY), 8);
	ck_assert_uint_eq(chunk_take(&zone, 3, 1, CLEAN), 20);
	expect_counts(5, 1);
}
END_TEST

START_TEST(states_stay_apart)
{
	setup_chunk(0);
	insert({0, 1, DIRTY}, {1, 1, CLEAN});
	expect_free({0, 1, DIRTY}, {1, 1, CLEAN});
	ck_assert_uint_eq(chunk_take(&zone, 2, 1, DIRTY), LIST_END);
	ck_assert_uint_eq(chunk_take(&zone, 1, 1, DIRTY), 0);
	insert({0, 1, CLEAN});
	expect_free({0, 2, CLEAN});
	expect_counts(0, 2);
}
END_TEST

START_TEST(a_whole_is_as_old_as_its_largest_part)
{
	setup_chunk(0);
	chunk_insert(&zone, 8, 8, DIRTY, 5);
	chunk_insert(&zone, 4, 4, DIRTY, 900);
	chunk_insert(&zone, 0, 4, DIRTY, 901);
	expect_free({0, 16, DIRTY});
	ck_assert_uint_eq(zone.pages[0].stamp, 5);
	chunk_insert(&zone, 16, 16, DIRTY, 902);
	expect_free({0, CHUNK_PAGES, DIRTY});
	ck_assert_uint_eq(zone.pages[0].stamp, 902);
}
END_TEST

START_TEST(an_opened_chunk_keeps_the_age_of_its_run)
{
	setup_full();
	zone_insert(&zone, 20, 90, DIRTY, 77);
	ck_assert_uint_eq(zone_take(&zone, CHUNK_PAGES, CHUNK_PAGES, DIRTY), 32);
	chunk_open(&zone, 32, 16, DIRTY);
	ck_assert_uint_eq(zone.pages[48].stamp, 77);
	expect_counts(74, 0);
}
END_TEST

/* Chunks at 32 and 96 in use, free runs of both states around the latter. */
static void setup_two(void)
{
	setup_chunk(96);
	chunk_open(&zone, 32, CHUNK_PAGES, DIRTY);
	insert({90, 6, DIRTY}, {128, 10, CLEAN});
}

START_TEST(one_free_chunk_is_kept_the_next_goes_to_the_runs)
{
	setup_two();
	insert({32, CHUNK_PAGES, DIRTY});
	require(chunk_holds(&zone, 32));
	insert({96, CHUNK_PAGES, DIRTY});
	require(!chunk_holds(&zone, 96));
	ck_assert_uint_eq(zone.pages[90].length, 6 + CHUNK_PAGES);
	ck_assert_int_eq(zone.pages[90].kind, PAGE_DIRTY);
	expect_counts(6 + 2 * CHUNK_PAGES, 10);
}
END_TEST

START_TEST(a_chunk_in_use_again_is_not_spare)
{
	setup_two();
	insert({32, CHUNK_PAGES, DIRTY});
	ck_assert_uint_eq(chunk_take(&zone, 1, 1, DIRTY), 32);
	insert({96, CHUNK_PAGES, DIRTY});
	require(chunk_holds(&zone, 96));
	insert({32, 1, DIRTY});
	require(!chunk_holds(&zone, 32));
	expect_counts(6 + 2 * CHUNK_PAGES, 10);
}
END_TEST

START_TEST(the_spare_chunk_goes_back_when_asked_for)
{
	setup_two();
	require(!chunk_return_spare(&zone));
	insert({96, CHUNK_PAGES, DIRTY});
	require(chunk_return_spare(&zone));
	require(!chunk_holds(&zone, 96));
	require(!chunk_return_spare(&zone));
	ck_assert_uint_eq(zone.pages[90].length, 6 + CHUNK_PAGES);
	insert({32, CHUNK_PAGES, DIRTY});
	ck_assert_uint_eq(chunk_take(&zone, 1, 1, DIRTY), 32);
	require(!chunk_return_spare(&zone));
	expect_counts(6 + 2 * CHUNK_PAGES - 1, 10);
}
END_TEST

START_TEST(a_chunk_free_in_both_states_goes_back_in_pieces)
{
	setup_two();
	insert({32, CHUNK_PAGES, DIRTY}, {96, 3, DIRTY}, {107, 21, CLEAN}, {99, 8, DIRTY});
	require(!chunk_holds(&zone, 96));
	ck_assert_uint_eq(zone.pages[90].length, 6 + 11);
	ck_assert_uint_eq(zone.pages[107].length, 21 + 10);
	expect_counts(CHUNK_PAGES + 17, 31);
}
END_TEST

START_TEST(claim_crosses_blocks_and_states)
{
	setup_chunk(0);
	insert({5, 3, DIRTY}, {8, 8, CLEAN});
	require(chunk_claim(&zone, 5, 4));
	expect_free({9, 1, CLEAN}, {10, 2, CLEAN}, {12, 4, CLEAN});
	expect_counts(0, 7);
	insert({0, 9, CLEAN});
	expect_free({0, 16, CLEAN});
}
END_TEST

START_TEST(claim_of_a_used_page_changes_nothing)
{
	setup_chunk(0);
	insert({4, 4, DIRTY});
	require(!chunk_claim(&zone, 4, 5));
	require(!chunk_claim(&zone, 3, 2));
	require(!chunk_claim(&zone, 4, NPAGES));
	expect_counts(4, 0);
	expect_free({4, 4, DIRTY});
}
END_TEST

START_TEST(claims_end_at_the_edge_of_a_chunk)
{
	setup_two();
	insert({120, 8, DIRTY});
	require(!chunk_claim(&zone, 120, 9)); /* into a run */
	require(!chunk_claim(&zone, 128, 1)); /* from the last page of the chunk */
	insert({96, 4, DIRTY});
	require(!zone_claim(&zone, 90, 7)); /* out of a run */
	expect_counts(6 + 12, 10);
	require(chunk_claim(&zone, 120, 8));
	require(zone_claim(&zone, 90, 6));
	expect_counts(4, 10);
}
END_TEST

START_TEST(runs_do_not_join_blocks_of_a_chunk)
{
	setup_two();
	insert({96, 4, DIRTY}, {127, 1, CLEAN}, {80, 10, CLEAN});
	ck_assert_uint_eq(zone_take_joined(&zone, 17, DIRTY), LIST_END);
	ck_assert_uint_eq(zone_take_joined(&zone, 16, DIRTY), 80);
	expect_counts(4, 11);
}
END_TEST

START_TEST(blocks_are_removed_and_put_back_as_one)
{
	setup_chunk(0);
	insert({5, 9, DIRTY});
	chunk_remove(&zone, 5, 9);
	ck_assert_int_eq(zone.pages[5].kind, PAGE_BUSY);
	ck_assert_int_eq(zone.pages[8].kind, PAGE_NONE);
	expect_counts(0, 0);
	insert({5, 9, CLEAN});
	expect_free({5, 1, CLEAN}, {6, 2, CLEAN}, {8, 4, CLEAN}, {12, 2, CLEAN});
	expect_counts(0, 9);
}
END_TEST

/* Claims and inserts at random in four chunks. */
START_TEST(random_blocks_against_a_shadow)
{
	setup_full();
	for (int round = 0; round < 20000; round++) {
		uint32_t index = (uint32_t)unit_below(4 * CHUNK_PAGES);
		size_t npages = 1 + unit_below(CHUNK_PAGES - index % CHUNK_PAGES), n[3];
		unsigned char state = (unsigned char)(1 + unit_below(2));

		shadow_count(index, npages, n);
		if (!chunk_holds(&zone, index)) {
			uint32_t first = index & ~(CHUNK_PAGES - 1);

			if (zone.pages[first].kind != PAGE_NONE)
				require(zone_claim(&zone, first, CHUNK_PAGES));
			chunk_open(&zone, first, CHUNK_PAGES, DIRTY);
			memset(shadow + first, 0, CHUNK_PAGES);
		} else if (n[0] == npages) {
			chunk_insert(&zone, index, npages, state - 1, 0);
			memset(shadow + index, state, npages);
		} else if (!n[0] && index % CHUNK_PAGES && zone.pages[index].kind) {
			require(chunk_claim(&zone, index, npages));
			memset(shadow + index, 0, npages);
		}
		shadow_compare();
	}
}
END_TEST

UNIT_MAIN("chunk", only_small_requests_are_for_chunks, a_chunk_is_split_down_to_each_order,
	  buddies_of_each_order_merge_up_to_the_chunk, those_that_are_no_buddies_do_not_merge,
	  what_a_request_leaves_is_free_at_once, an_alignment_asks_for_a_higher_order,
	  the_least_block_that_fits_is_split, states_stay_apart,
	  a_whole_is_as_old_as_its_largest_part, an_opened_chunk_keeps_the_age_of_its_run,
	  one_free_chunk_is_kept_the_next_goes_to_the_runs, a_chunk_in_use_again_is_not_spare,
	  the_spare_chunk_goes_back_when_asked_for, a_chunk_free_in_both_states_goes_back_in_pieces,
	  claim_crosses_blocks_and_states, claim_of_a_used_page_changes_nothing,
	  claims_end_at_the_edge_of_a_chunk, runs_do_not_join_blocks_of_a_chunk,
	  blocks_are_removed_and_put_back_as_one, random_blocks_against_a_shadow)
