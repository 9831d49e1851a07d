// SPDX-License-Identifier: MIT
/* The heap's walk: each invariant broken on purpose must be named. */
#include "unit.h"

#include "lib/heap_list.h"

static struct heap heap; /* setup begins anew: what was broken before stays behind */
static struct block *one, *two, *three;

/* Three live blocks, the middle one freed, the rest of the span behind. */
static void setup(void)
{
	void *a, *b, *c;

	heap = (struct heap){.spans = NULL};
	heap_init(&heap, "test", HEAP_SPAN_MIN);
	a = heap_alloc(&heap, 1000, 16);
	b = heap_alloc(&heap, 1000, 16);
	c = heap_alloc(&heap, 1000, 16);
	heap_free(&heap, b);
	one = block_of(a);
	two = block_of(b);
	three = block_of(c);
	ck_assert_ptr_null(heap_validate(&heap));
}

static void expect_broken(const char *invariant)
{
	unit_broken(heap_validate(&heap), invariant);
}

START_TEST(H1_an_overwritten_head_is_found)
{
	setup();
	one->head ^= 1ull << 40;
	expect_broken("H1:");
	setup();
	one->head += 16;
	expect_broken("H1:");
	setup();
	block_set(three, 100 << 20, BLOCK_PREV_FREE);
	expect_broken("H1:");
}
END_TEST

START_TEST(H2_two_free_neighbours_are_found)
{
	setup();
	heap_list_add(&heap, one, block_size(one));
	block_flag(one, 0, BLOCK_FREE);
	block_set_footer(one, block_size(one));
	block_flag(two, 0, BLOCK_PREV_FREE);
	expect_broken("H2:");
}
END_TEST

START_TEST(H3_a_wrong_tag_or_footer_is_found)
{
	setup();
	block_flag(three, BLOCK_PREV_FREE, 0);
	expect_broken("H3:");
	block_flag(three, 0, BLOCK_PREV_FREE);
	((uint64_t *)three)[-1] += 16;
	expect_broken("H3:");
	setup();
	block_flag(two, 0, BLOCK_PREV_FREE);
	expect_broken("H3:");
}
END_TEST

START_TEST(H4_a_free_block_in_no_list_is_found)
{
	setup();
	heap_list_del(&heap, two, block_size(two));
	expect_broken("H4:");
}
END_TEST

START_TEST(H4_a_live_block_in_a_list_is_found)
{
	setup();
	heap_list_add(&heap, one, block_size(one));
	expect_broken("H4:");
}
END_TEST

START_TEST(H4_a_wrong_bit_is_found)
{
	setup();
	heap.filled[0] ^= 1u << 20;
	expect_broken("H4:");
	setup();
	heap.words ^= 1u << 2;
	expect_broken("H4:");
}
END_TEST

START_TEST(H5_a_wrong_count_is_found)
{
	setup();
	heap.spans->live++;
	expect_broken("H5:");
}
END_TEST

START_TEST(H5_a_second_empty_span_is_found)
{
	setup();
	heap_free(&heap, block_payload(one));
	heap_free(&heap, block_payload(three));
	ck_assert_ptr_null(heap_validate(&heap));
	heap.empty = NULL;
	expect_broken("H5:");
}
END_TEST

UNIT_MAIN("heap_validate", H1_an_overwritten_head_is_found, H2_two_free_neighbours_are_found,
	  H3_a_wrong_tag_or_footer_is_found, H4_a_free_block_in_no_list_is_found,
	  H4_a_live_block_in_a_list_is_found, H4_a_wrong_bit_is_found, H5_a_wrong_count_is_found,
	  H5_a_second_empty_span_is_found)
