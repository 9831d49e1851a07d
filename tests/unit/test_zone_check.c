// SPDX-License-Identifier: MIT
/* The walk of a zone: each invariant broken on purpose, in runs and in chunks, must be named. */
#include "zone_fixture.h"

static void expect_broken(const char *invariant)
{
	unit_broken(zone_check(&zone), invariant);
}

/* This value in that place breaks the invariant, and nothing is broken once it is gone. */
#define breaks(invariant, place, value)                                                            \
	do {                                                                                       \
		uint64_t was = (place);                                                            \
		(place) = (value);                                                                 \
		expect_broken(invariant);                                                          \
		(place) = was;                                                                     \
		ck_assert_ptr_null(zone_check(&zone));                                             \
	} while (0)

/* A chunk at 0 with four dirty pages from 4 on free. */
static void setup_four(void)
{
	setup_chunk(0);
	insert({4, 4, DIRTY});
}

START_TEST(Z1_a_descriptor_that_disagrees_is_found)
{
	setup(NPAGES);
	breaks("Z1:", zone.pages[0].length, NPAGES - 1);
	breaks("Z1:", zone.pages[NPAGES - 1].length, 5);
	breaks("Z1:", zone.pages[77].kind, PAGE_RUN);
	breaks("Z1:", zone.pages[0].prev, 7);
	breaks("Z1:", zone.lists[CLEAN][zone_list(NPAGES)].tail, 5);
	breaks("Z1:", zone.pub.committed, NPAGES / 2);
}
END_TEST

START_TEST(Z2_blocks_left_apart_are_found)
{
	setup_full();
	insert({6, 1, DIRTY});
	/* Page 7, in use, enters the list behind its free neighbour's back. */
	zone.pages[7].kind = PAGE_DIRTY;
	zone.pages[7].length = 1;
	zone.pages[7].prev = 6;
	zone.pages[7].next = LIST_END;
	zone.pages[6].next = zone.lists[DIRTY][1].tail = 7;
	zone.pub.dirty++;
	expect_broken("Z2:");
}
END_TEST

START_TEST(Z3_a_wrong_mask_bit_is_found)
{
	setup(NPAGES);
	breaks("Z3:", zone.mask[DIRTY][1], 8);
	breaks("Z3:", zone.mask[CLEAN][zone_list(NPAGES) / 64], 0);
}
END_TEST

START_TEST(Z3_a_wrong_bit_of_an_order_is_found)
{
	setup_four();
	breaks("Z3:", zone.orders[DIRTY], 0);
	breaks("Z3:", zone.orders[CLEAN], 1);
}
END_TEST

START_TEST(Z4_a_wrong_count_is_found)
{
	setup(NPAGES);
	breaks("Z4:", zone.pub.clean, NPAGES - 1);
	breaks("Z4:", zone.pub.dirty, 1);
}
END_TEST

START_TEST(Z4_a_wrong_count_with_chunks_is_found)
{
	setup_four();
	breaks("Z4:", zone.pub.dirty, 3);
}
END_TEST

START_TEST(Z5_a_descriptor_that_disagrees_is_found)
{
	setup_four();
	breaks("Z5:", zone.pages[4].length, 2);
	breaks("Z5:", zone.pages[4].kind, PAGE_BUDDY_CLEAN);
	breaks("Z5:", zone.pages[6].kind, PAGE_RUN);
	breaks("Z5:", zone.pages[4].prev, 9);
	breaks("Z5:", zone.buddies[DIRTY][2].tail, 3);
	breaks("Z5:", *zone.chunk, 0);
}
END_TEST

START_TEST(Z6_buddies_left_apart_are_found)
{
	setup_four();
	/* The block from 0 on, in use, enters the list behind its free buddy's back. */
	zone.pages[0] = zone.pages[4];
	zone.pages[0].prev = 4;
	zone.pages[4].next = zone.buddies[DIRTY][2].tail = 0;
	zone.pub.dirty += 4;
	*zone.chunk += 4;
	expect_broken("Z6:");
}
END_TEST

START_TEST(Z7_a_wrong_count_of_a_chunk_is_found)
{
	setup_four();
	breaks("Z7:", *zone.chunk, CHUNK_FULL + 5);
	insert({0, 4, DIRTY}, {8, CHUNK_PAGES - 8, DIRTY});
	breaks("Z7:", zone.spare, LIST_END);
}
END_TEST

START_TEST(Z8_a_run_in_a_chunk_is_found)
{
	setup_four();
	insert({40, 70, DIRTY});
	breaks("Z8:", *chunk_count(&zone, 2 * CHUNK_PAGES), CHUNK_FULL);
}
END_TEST

UNIT_MAIN("zone_check", Z1_a_descriptor_that_disagrees_is_found, Z2_blocks_left_apart_are_found,
	  Z3_a_wrong_mask_bit_is_found, Z3_a_wrong_bit_of_an_order_is_found,
	  Z4_a_wrong_count_is_found, Z4_a_wrong_count_with_chunks_is_found,
	  Z5_a_descriptor_that_disagrees_is_found, Z6_buddies_left_apart_are_found,
	  Z7_a_wrong_count_of_a_chunk_is_found, Z8_a_run_in_a_chunk_is_found)
