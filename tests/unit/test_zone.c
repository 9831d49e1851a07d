// SPDX-License-Identifier: MIT
/* Blocks within one zone: split, merge, exact tails, claims; each invariant broken on purpose. */
#include "unit.h"

#include "faults.h"

#include "buddy/zone.h"

#define NPAGES 1024u

static struct zone zone;

/* A zone of 4 MiB with order 0 to 10 committed as asked. */
static void setup(unsigned order)
{
	void *base = sys_reserve(NPAGES * PAGE_BYTES, NPAGES * PAGE_BYTES);

	ck_assert_ptr_nonnull(base);
	ck_assert_int_eq(pagemap_cover(base), 0);
	zone_init(&zone, base, NPAGES);
	ck_assert_int_eq(zone_grow(&zone, order), 0);
	ck_assert_ptr_null(zone_check(&zone));
}

static uint64_t free_pages(void)
{
	return zone.pub.dirty + zone.pub.clean;
}

START_TEST(growth_commits_at_least_the_block)
{
	setup(3);
	ck_assert_uint_ge(zone.pub.committed, 8);
	ck_assert_uint_eq(zone.pub.clean, zone.pub.committed);
	ck_assert_int_eq(zone_grow(&zone, 9), 0);
	ck_assert_uint_ge(zone.pub.committed, 512 + 8);
	ck_assert_uint_ne(zone_take(&zone, 9, BLOCK_CLEAN), LIST_END);
	ck_assert_int_eq(zone_grow(&zone, 10), -ENOSPC);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(refused_growth_changes_nothing)
{
	uint64_t before;

	setup(0);
	before = zone.pub.committed;
	faults_refuse(FAULT_MPROTECT);
	ck_assert_int_eq(zone_grow(&zone, 5), -ENOMEM);
	faults_end();
	ck_assert_uint_eq(zone.pub.committed, before);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(split_leaves_the_upper_halves)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 0, BLOCK_CLEAN), 0);
	ck_assert_uint_eq(zone.mask[BLOCK_CLEAN], 0x3ff);
	for (unsigned order = 0; order < 10; order++)
		ck_assert_uint_eq(zone.lists[BLOCK_CLEAN][order].head, 1u << order);
	ck_assert_uint_eq(zone.pub.clean, NPAGES - 1);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(merge_makes_the_block_whole_again)
{
	setup(10);
	for (unsigned i = 0; i < NPAGES; i++)
		ck_assert_uint_eq(zone_take(&zone, 0, BLOCK_CLEAN), i);
	ck_assert_uint_eq(zone_take(&zone, 0, BLOCK_CLEAN), LIST_END);
	for (unsigned i = 0; i < NPAGES; i++)
		zone_insert(&zone, (i * 37) % NPAGES, 1, BLOCK_CLEAN, 0);
	ck_assert_uint_eq(zone.mask[BLOCK_CLEAN], 1u << 10);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(dirty_and_clean_buddies_stay_apart)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 1, BLOCK_CLEAN), 0);
	zone_insert(&zone, 0, 1, BLOCK_DIRTY, 5);
	zone_insert(&zone, 1, 1, BLOCK_CLEAN, 5);
	ck_assert_uint_eq(zone.pub.dirty, 1);
	ck_assert_uint_eq(zone.mask[BLOCK_DIRTY], 1);
	ck_assert_ptr_null(zone_check(&zone));
	ck_assert_uint_eq(zone_take(&zone, 0, BLOCK_DIRTY), 0);
	zone_insert(&zone, 0, 1, BLOCK_CLEAN, 5);
	ck_assert_uint_eq(zone.mask[BLOCK_CLEAN], 1u << 10);
}
END_TEST

START_TEST(exact_tails_are_cut_into_aligned_blocks)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	zone_insert(&zone, 5, 11, BLOCK_DIRTY, 0); /* 5 | 6-7 | 8-15 */
	ck_assert_uint_eq(zone.mask[BLOCK_DIRTY], 1 | 2 | 8);
	ck_assert_uint_eq(zone.lists[BLOCK_DIRTY][0].head, 5);
	ck_assert_uint_eq(zone.lists[BLOCK_DIRTY][1].head, 6);
	ck_assert_uint_eq(zone.lists[BLOCK_DIRTY][3].head, 8);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(the_tail_of_a_list_is_the_longest_free)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	zone_insert(&zone, 8, 1, BLOCK_DIRTY, 1);
	zone_insert(&zone, 4, 1, BLOCK_DIRTY, 2);
	zone_insert(&zone, 16, 1, BLOCK_DIRTY, 3);
	ck_assert_uint_eq(zone.lists[BLOCK_DIRTY][0].tail, 8);
	zone_remove(&zone, 8);
	ck_assert_int_eq(zone.pages[8].kind, PAGE_BUSY);
	ck_assert_uint_eq(zone.lists[BLOCK_DIRTY][0].tail, 4);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(claim_takes_exactly_these_pages)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 2, BLOCK_CLEAN), 0);
	require(zone_claim(&zone, 4, 9));
	ck_assert_uint_eq(free_pages(), NPAGES - 13);
	ck_assert_ptr_null(zone_check(&zone));
	zone_insert(&zone, 0, 13, BLOCK_CLEAN, 0);
	ck_assert_uint_eq(zone.mask[BLOCK_CLEAN], 1u << 10);
}
END_TEST

START_TEST(claim_crosses_states)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	zone_insert(&zone, 4, 4, BLOCK_DIRTY, 0);
	zone_insert(&zone, 8, 8, BLOCK_CLEAN, 0);
	require(zone_claim(&zone, 4, 6));
	ck_assert_uint_eq(zone.pub.dirty, 0);
	ck_assert_uint_eq(zone.pub.clean, 6);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

START_TEST(claim_of_a_used_page_changes_nothing)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	zone_insert(&zone, 4, 4, BLOCK_DIRTY, 0);
	require(!zone_claim(&zone, 4, 5));
	require(!zone_claim(&zone, 3, 2));
	require(!zone_claim(&zone, NPAGES, 1));
	require(!zone_claim(&zone, 4, NPAGES));
	ck_assert_uint_eq(zone.pub.dirty, 4);
	ck_assert_ptr_null(zone_check(&zone));
}
END_TEST

/* Pages of 0 in use, 1 dirty, 2 clean, in random runs; counts follow. */
START_TEST(random_runs_against_a_shadow)
{
	static unsigned char shadow[NPAGES];

	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	for (int round = 0; round < 20000; round++) {
		uint32_t index = (uint32_t)unit_below(NPAGES);
		size_t npages = 1 + unit_below(40), n[3] = {0};
		unsigned char state = (unsigned char)(1 + unit_below(2));

		for (npages = npages > NPAGES - index ? NPAGES - index : npages; npages--;)
			n[shadow[index + npages]]++;
		npages = n[0] + n[1] + n[2];
		if (n[0] == npages) {
			zone_insert(&zone, index, npages, state - 1, 0);
			memset(shadow + index, state, npages);
		} else if (zone.pages[index].kind == PAGE_NONE || n[0]) {
			continue;
		} else {
			require(zone_claim(&zone, index, npages));
			memset(shadow + index, 0, npages);
		}
		memset(n, 0, sizeof(n));
		for (unsigned i = 0; i < NPAGES; i++)
			n[shadow[i]]++;
		require(zone.pub.dirty == n[1] && zone.pub.clean == n[2]);
		require(zone_check(&zone) == NULL);
	}
}
END_TEST

static void expect_broken(const char *invariant)
{
	const char *wrong = zone_check(&zone);

	ck_assert_ptr_nonnull(wrong);
	ck_assert_msg(strncmp(wrong, invariant, 3) == 0, "%s", wrong);
}

START_TEST(Z1_a_descriptor_that_disagrees_is_found)
{
	setup(10);
	zone.pages[0].order = 9;
	expect_broken("Z1:");
	zone.pages[0].order = 10;
	zone.pages[77].kind = PAGE_RUN;
	expect_broken("Z1:");
	zone.pages[77].kind = PAGE_NONE;
	zone.lists[BLOCK_CLEAN][10].tail = 5;
	expect_broken("Z1:");
	zone.lists[BLOCK_CLEAN][10].tail = 0;
	zone.pub.committed = NPAGES / 2;
	expect_broken("Z1:");
}
END_TEST

START_TEST(Z2_buddies_left_apart_are_found)
{
	setup(10);
	ck_assert_uint_eq(zone_take(&zone, 10, BLOCK_CLEAN), 0);
	zone_insert(&zone, 6, 1, BLOCK_DIRTY, 0);
	/* Page 7, in use, enters the list behind its free buddy's back. */
	zone.pages[7].kind = PAGE_DIRTY;
	zone.pages[7].order = 0;
	zone.pages[7].prev = 6;
	zone.pages[7].next = LIST_END;
	zone.pages[6].next = zone.lists[BLOCK_DIRTY][0].tail = 7;
	zone.pub.dirty++;
	expect_broken("Z2:");
}
END_TEST

START_TEST(Z3_a_wrong_mask_bit_is_found)
{
	setup(10);
	zone.mask[BLOCK_DIRTY] |= 8;
	expect_broken("Z3:");
	zone.mask[BLOCK_DIRTY] = 0;
	zone.mask[BLOCK_CLEAN] = 0;
	expect_broken("Z3:");
}
END_TEST

START_TEST(Z4_a_wrong_count_is_found)
{
	setup(10);
	zone.pub.clean--;
	expect_broken("Z4:");
	zone.pub.clean++;
	zone.pub.dirty++;
	expect_broken("Z4:");
}
END_TEST

UNIT_MAIN("zone", growth_commits_at_least_the_block, refused_growth_changes_nothing,
	  split_leaves_the_upper_halves, merge_makes_the_block_whole_again,
	  dirty_and_clean_buddies_stay_apart, exact_tails_are_cut_into_aligned_blocks,
	  the_tail_of_a_list_is_the_longest_free, claim_takes_exactly_these_pages,
	  claim_crosses_states, claim_of_a_used_page_changes_nothing, random_runs_against_a_shadow,
	  Z1_a_descriptor_that_disagrees_is_found, Z2_buddies_left_apart_are_found,
	  Z3_a_wrong_mask_bit_is_found, Z4_a_wrong_count_is_found)
