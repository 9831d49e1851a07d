// SPDX-License-Identifier: MIT
/* The runs of a zone: cut, merged, joined, claimed. */
#include "zone_fixture.h"

#include "faults.h"

/* The state has one free block of these pages. */
static void expect_only(enum block_state state, uint32_t index, uint32_t npages)
{
	ck_assert_uint_eq(*zone_free_pages(&zone, state), npages);
	ck_assert_uint_eq(zone.lists[state][zone_list(npages)].head, index);
	ck_assert_uint_eq(zone.pages[index].length, npages);
	ck_assert_ptr_null(zone_check(&zone));
}

START_TEST(growth_commits_at_least_what_is_asked)
{
	setup(8);
	ck_assert_uint_ge(zone.pub.committed, 8);
	expect_only(CLEAN, 0, (uint32_t)zone.pub.committed);
	ck_assert_int_eq(zone_grow(&zone, 700), 0);
	ck_assert_uint_ge(zone.pub.committed, 700);
	expect_only(CLEAN, 0, (uint32_t)zone.pub.committed);
	ck_assert_int_eq(zone_grow(&zone, NPAGES + 1), -ENOSPC);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(refused_growth_changes_nothing)
{
	uint64_t before;

	setup(1);
	before = zone.pub.committed;
	faults_refuse(FAULT_MPROTECT);
	ck_assert_int_eq(zone_grow(&zone, before + 32), -ENOMEM);
	faults_end();
	ck_assert_uint_eq(zone.pub.committed, before);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(each_size_is_in_the_list_its_neighbours_are_not_beyond)
{
	for (size_t n = 1; n < LEAF_PAGES; n++)
		require(zone_list(n) <= zone_list(n + 1) && zone_list(n + 1) <= zone_list(n) + 1);
	ck_assert_uint_eq(zone_list(15), 15);
	ck_assert_uint_eq(zone_list(16), 16);
	ck_assert_uint_eq(zone_list(17), 16);
	ck_assert_uint_eq(zone_list(LEAF_PAGES), ZONE_LISTS - 1);
}
END_TEST

START_TEST(taking_leaves_the_rest_in_one_block)
{
	setup(NPAGES);
	ck_assert_uint_eq(zone_take(&zone, 5, 1, CLEAN), 0);
	expect_only(CLEAN, 5, NPAGES - 5);
	ck_assert_uint_eq(zone_take(&zone, NPAGES - 4, 1, CLEAN), LIST_END);
	ck_assert_uint_eq(zone_take(&zone, NPAGES - 5, 1, CLEAN), 5);
	ck_assert_uint_eq(zone.pub.clean, 0);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(the_best_fit_is_taken)
{
	setup_full();
	insert({100, 40, DIRTY}, {200, 7, DIRTY}, {300, 9, DIRTY});
	ck_assert_uint_eq(zone_take(&zone, 6, 1, DIRTY), 200);
	ck_assert_uint_eq(zone_take(&zone, 8, 1, DIRTY), 300);
	ck_assert_uint_eq(zone_take(&zone, 8, 1, DIRTY), 100);
	ck_assert_uint_eq(zone_take(&zone, 8, 1, CLEAN), LIST_END);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(an_aligned_block_is_cut_out_of_the_middle)
{
	setup_full();
	insert({61, 70, DIRTY}); /* 61 … 130 */
	ck_assert_uint_eq(zone_take(&zone, 64, 128, DIRTY), LIST_END);
	ck_assert_uint_eq(zone_take(&zone, 32, 64, DIRTY), 64);
	ck_assert_uint_eq(zone.pub.dirty, 38);
	ck_assert_uint_eq(zone_take(&zone, 3, 1, DIRTY), 61);
	expect_only(DIRTY, 96, 35);
}
END_TEST

START_TEST(an_exactly_aligned_hole_is_found_among_others)
{
	setup_full();
	insert({16, 8, DIRTY}, {33, 8, DIRTY});
	ck_assert_uint_eq(zone_take(&zone, 8, 8, DIRTY), 16);
	ck_assert_uint_eq(zone_take(&zone, 8, 8, DIRTY), LIST_END);
}
END_TEST

START_TEST(merging_makes_the_block_whole_again)
{
	setup(NPAGES);
	for (unsigned i = 0; i < NPAGES; i++)
		ck_assert_uint_eq(zone_take(&zone, 1, 1, CLEAN), i);
	ck_assert_uint_eq(zone_take(&zone, 1, 1, CLEAN), LIST_END);
	for (unsigned i = 0; i < NPAGES; i++)
		zone_insert(&zone, (i * 37) % NPAGES, 1, CLEAN, 0);
	expect_only(CLEAN, 0, NPAGES);
}
END_TEST

START_TEST(dirty_and_clean_blocks_stay_apart)
{
	setup(NPAGES);
	ck_assert_uint_eq(zone_take(&zone, 2, 1, CLEAN), 0);
	zone_insert(&zone, 0, 1, DIRTY, 5);
	zone_insert(&zone, 1, 1, CLEAN, 5);
	expect_only(DIRTY, 0, 1);
	expect_only(CLEAN, 1, NPAGES - 1);
	ck_assert_uint_eq(zone_take(&zone, 1, 1, DIRTY), 0);
	zone_insert(&zone, 0, 1, CLEAN, 5);
	expect_only(CLEAN, 0, NPAGES);
}
END_TEST

START_TEST(a_whole_is_as_old_as_its_largest_part)
{
	setup_full();
	zone_insert(&zone, 10, 20, DIRTY, 5);
	zone_insert(&zone, 30, 3, DIRTY, 900);
	zone_insert(&zone, 9, 1, DIRTY, 901);
	expect_only(DIRTY, 9, 24);
	ck_assert_uint_eq(zone.pages[9].stamp, 5);
	zone_insert(&zone, 33, 25, DIRTY, 902);
	ck_assert_uint_eq(zone.pages[9].stamp, 902);
}
END_TEST

START_TEST(the_tail_of_a_list_is_the_longest_free)
{
	setup_full();
	zone_insert(&zone, 8, 1, DIRTY, 2);
	zone_insert(&zone, 4, 1, DIRTY, 3);
	zone_insert(&zone, 16, 1, DIRTY, 4);
	ck_assert_uint_eq(zone.lists[DIRTY][1].tail, 8);
	zone_insert(&zone, 20, 1, DIRTY, 1);
	ck_assert_uint_eq(zone.lists[DIRTY][1].tail, 20);
	zone_remove(&zone, 20);
	ck_assert_int_eq(zone.pages[20].kind, PAGE_BUSY);
	ck_assert_uint_eq(zone.lists[DIRTY][1].tail, 8);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(blocks_that_touch_serve_together)
{
	setup_full();
	insert({100, 40, DIRTY}, {140, 20, CLEAN}, {80, 20, CLEAN});
	ck_assert_uint_eq(zone_take_joined(&zone, 81, DIRTY), LIST_END);
	/* Behind first, before it only for what lacks. */
	ck_assert_uint_eq(zone_take_joined(&zone, 65, DIRTY), 95);
	expect_only(CLEAN, 80, 15);
	ck_assert_uint_eq(zone.pub.dirty, 0);
	insert({95, 10, DIRTY});
	ck_assert_uint_eq(zone_take_joined(&zone, 20, CLEAN), 80);
	expect_only(DIRTY, 100, 5);
}
END_TEST

START_TEST(joined_blocks_are_cut_behind)
{
	setup_full();
	insert({100, 40, DIRTY}, {140, 20, CLEAN});
	ck_assert_uint_eq(zone_take_joined(&zone, 50, DIRTY), 100);
	expect_only(CLEAN, 150, 10);
	ck_assert_uint_eq(zone.pub.dirty, 0);
}
END_TEST

START_TEST(the_top_is_what_is_free_below_the_watermark)
{
	setup_full();
	ck_assert_uint_eq(zone_top(&zone), NPAGES);
	insert({NPAGES - 9, 9, CLEAN});
	ck_assert_uint_eq(zone_top(&zone), NPAGES - 9);
	insert({NPAGES - 19, 10, DIRTY});
	ck_assert_uint_eq(zone_top(&zone), NPAGES - 19);
	ck_assert_uint_eq(zone_top_clean(&zone), NPAGES - 9);
}
END_TEST

START_TEST(the_top_is_taken_from_any_page_on)
{
	setup_full();
	insert({NPAGES - 9, 9, CLEAN}, {NPAGES - 19, 10, DIRTY});
	zone_take_top(&zone, NPAGES - 5, 2);
	ck_assert_uint_eq(zone.pub.clean, 7);
	insert({NPAGES - 5, 2, CLEAN});
	zone_take_top(&zone, NPAGES - 15, 15);
	ck_assert_uint_eq(zone.pub.clean, 0);
	expect_only(DIRTY, NPAGES - 19, 4);
}
END_TEST

START_TEST(claim_takes_exactly_these_pages)
{
	setup(NPAGES);
	ck_assert_uint_eq(zone_take(&zone, 4, 1, CLEAN), 0);
	require(zone_claim(&zone, 4, 9));
	expect_only(CLEAN, 13, NPAGES - 13);
	insert({0, 13, CLEAN});
	expect_only(CLEAN, 0, NPAGES);
}
END_TEST

START_TEST(claim_crosses_states)
{
	setup_full();
	insert({4, 4, DIRTY}, {8, 8, CLEAN});
	require(zone_claim(&zone, 4, 6));
	ck_assert_uint_eq(zone.pub.dirty, 0);
	expect_only(CLEAN, 10, 6);
}
END_TEST

START_TEST(claim_of_a_used_page_changes_nothing)
{
	setup_full();
	insert({4, 4, DIRTY});
	require(!zone_claim(&zone, 4, 5));
	require(!zone_claim(&zone, 3, 2));
	require(!zone_claim(&zone, NPAGES, 1));
	require(!zone_claim(&zone, 4, NPAGES));
	expect_only(DIRTY, 4, 4);
}
END_TEST

/* Claims and inserts at random, of free pages and pages in use. */
START_TEST(random_runs_against_a_shadow)
{
	setup_full();
	for (int round = 0; round < 20000; round++) {
		uint32_t index = (uint32_t)unit_below(NPAGES);
		size_t npages = 1 + unit_below(40), n[3];
		unsigned char state = (unsigned char)(1 + unit_below(2));

		npages = npages > NPAGES - index ? NPAGES - index : npages;
		shadow_count(index, npages, n);
		if (n[0] == npages) {
			zone_insert(&zone, index, npages, state - 1, 0);
			memset(shadow + index, state, npages);
		} else if (n[0] || (index && shadow[index - 1] == shadow[index])) {
			continue; /* in use in part, or no block begins there */
		} else {
			require(zone_claim(&zone, index, npages));
			memset(shadow + index, 0, npages);
		}
		shadow_compare();
	}
}
END_TEST

UNIT_MAIN("zone", growth_commits_at_least_what_is_asked, refused_growth_changes_nothing,
	  each_size_is_in_the_list_its_neighbours_are_not_beyond,
	  taking_leaves_the_rest_in_one_block, the_best_fit_is_taken,
	  an_aligned_block_is_cut_out_of_the_middle, an_exactly_aligned_hole_is_found_among_others,
	  merging_makes_the_block_whole_again, dirty_and_clean_blocks_stay_apart,
	  a_whole_is_as_old_as_its_largest_part, the_tail_of_a_list_is_the_longest_free,
	  blocks_that_touch_serve_together, joined_blocks_are_cut_behind,
	  the_top_is_what_is_free_below_the_watermark, the_top_is_taken_from_any_page_on,
	  claim_takes_exactly_these_pages, claim_crosses_states,
	  claim_of_a_used_page_changes_nothing, random_runs_against_a_shadow)
