// SPDX-License-Identifier: MIT
/* Each option of a private heap but given memory: limit, growth, fits, insertion, zero on free. */
#include "private_heap_fixture.h"

#include "lib/heaps.h"
#include "lib/private_heap.h"

START_TEST(a_limit_is_the_most_its_spans_take)
{
	setup(&(struct kmem_heap_options){.limit_bytes = 3 * MIB + 100 * KIB});
	ck_assert_uint_ge(fill(10000), 305);
	ck_assert_uint_eq(stats().span_bytes, 3 * MIB + 100 * KIB);
	ck_assert_uint_eq(stats().limit_bytes, 3 * MIB + 100 * KIB);
	ck_assert_uint_eq(stats().refusals, 1);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	kmem_heap_reset(heap);
	ck_assert_uint_ge(fill(10000), 305);
	ck_assert_uint_eq(stats().peak_span_bytes, 3 * MIB + 100 * KIB);
	teardown();
}
END_TEST

/* Neighbours that wait in quick lists are one block before a request is refused. */
START_TEST(a_full_heap_merges_what_was_freed)
{
	enum { BLOCKS = 512, ONCE = 32 };
	void *blocks[BLOCKS];

	setup(&(struct kmem_heap_options){.limit_bytes = KMEM_HEAP_SPAN_MIN});
	for (unsigned i = 0; i < BLOCKS; i++)
		blocks[i] = alloc(104);
	fill(104);
	for (unsigned i = 0; i < BLOCKS; i += ONCE) {
		for (unsigned j = i; j < i + ONCE; j++)
			kmem_heap_free(heap, blocks[j]);
		ck_assert_uint_ge(fill(488), ONCE * 112 / 496);
	}
	teardown();
}
END_TEST

/* The span that is kept without blocks goes where the limit leaves no room beside it. */
START_TEST(an_empty_heap_has_all_of_its_limit)
{
	for (size_t span_bytes = 0; span_bytes <= 128 * KIB; span_bytes += 128 * KIB) {
		unsigned char *blocks[50], *large;

		setup(&(struct kmem_heap_options){.limit_bytes = MIB, .span_bytes = span_bytes});
		for (unsigned i = 0; i < 50; i++)
			blocks[i] = alloc(10000);
		for (unsigned i = 0; i < 50; i++)
			kmem_heap_free(heap, blocks[i]);
		ck_assert_uint_gt(stats().span_bytes, 0);
		large = alloc(MIB - 4096);
		ck_assert_uint_le(stats().peak_span_bytes, MIB);
		require_errno(ENOMEM, kmem_heap_alloc(heap, MIB));
		kmem_heap_free(heap, large);
		teardown();
	}
}
END_TEST

START_TEST(a_heap_grows_by_its_step)
{
	setup(&(struct kmem_heap_options){.span_bytes = 256 * KIB});
	alloc(100);
	ck_assert_uint_eq(stats().span_bytes, 256 * KIB);
	alloc(200 * KIB);
	alloc(200 * KIB);
	ck_assert_uint_eq(stats().span_bytes, 512 * KIB);
	alloc(500 * KIB); /* more than a step: a span for it */
	ck_assert_uint_eq(stats().spans, 3);
	ck_assert_uint_lt(stats().span_bytes, 1100 * KIB);
	teardown();
}
END_TEST

/* Free blocks of these sizes, freed in this order, at rising addresses, what is between in use. */
static const size_t sizes[] = {4000, 2000, 8000, 3000, 6000};
static unsigned char *places[5];

static void setup_gaps(enum kmem_heap_fit fit, enum kmem_heap_insertion insertion)
{
	static const unsigned order[] = {3, 0, 4, 2, 1};

	setup(&(struct kmem_heap_options){
		.fit = fit, .insertion = insertion, .limit_bytes = KMEM_HEAP_SPAN_MIN});
	for (unsigned i = 0; i < 5; i++) {
		places[i] = alloc(sizes[i]);
		alloc(16);
	}
	/* The rest is in use. */
	for (size_t nbytes = 32768; nbytes; nbytes /= 2)
		while (kmem_heap_alloc(heap, nbytes))
			;
	for (unsigned i = 0; i < 5; i++)
		kmem_heap_free(heap, places[order[i]]);
}

START_TEST(first_fit_lifo_takes_what_was_freed_last)
{
	setup_gaps(KMEM_HEAP_FIRST_FIT, KMEM_HEAP_LIFO);
	ck_assert_ptr_eq(alloc(1500), places[1]);
	ck_assert_ptr_eq(alloc(2500), places[2]);
	ck_assert_ptr_eq(alloc(5500), places[4]);
	teardown();
}
END_TEST

START_TEST(first_fit_by_address_takes_the_lowest)
{
	setup_gaps(KMEM_HEAP_FIRST_FIT, KMEM_HEAP_ADDRESS_ORDER);
	ck_assert_ptr_eq(alloc(1500), places[0]);
	ck_assert_ptr_eq(alloc(5500), places[2]);
	ck_assert_ptr_eq(alloc(1500), places[0] + 1520);
	teardown();
}
END_TEST

START_TEST(best_fit_takes_the_smallest)
{
	setup_gaps(KMEM_HEAP_BEST_FIT, KMEM_HEAP_LIFO);
	ck_assert_ptr_eq(alloc(2500), places[3]);
	ck_assert_ptr_eq(alloc(1990), places[1]);
	ck_assert_ptr_eq(alloc(3990), places[0]);
	ck_assert_ptr_eq(alloc(1500), places[4]);
	teardown();
}
END_TEST

START_TEST(worst_fit_takes_the_largest)
{
	setup_gaps(KMEM_HEAP_WORST_FIT, KMEM_HEAP_ADDRESS_ORDER);
	ck_assert_ptr_eq(alloc(4000), places[2]);
	ck_assert_ptr_eq(alloc(1000), places[4]);
	require_errno(ENOMEM, kmem_heap_alloc(heap, 7000));
	teardown();
}
END_TEST

START_TEST(good_fit_finds_the_last_block_where_there_is_no_other)
{
	setup_gaps(KMEM_HEAP_GOOD_FIT, KMEM_HEAP_LIFO);
	ck_assert_ptr_eq(alloc(8000), places[2]); /* not of a list all of whose blocks fit */
	ck_assert_ptr_eq(alloc(2500), places[3]);
	teardown();
}
END_TEST

/* Blocks of one size freed in this order; which one good fit takes next. */
static int next_of_three(enum kmem_heap_insertion insertion)
{
	unsigned char *blocks[3], *next;
	int found = -1;

	setup(&(struct kmem_heap_options){.insertion = insertion});
	for (unsigned i = 0; i < 3; i++) {
		blocks[i] = alloc(1024 - 8);
		alloc(16);
	}
	kmem_heap_free(heap, blocks[1]);
	kmem_heap_free(heap, blocks[0]);
	kmem_heap_free(heap, blocks[2]);
	next = alloc(1024 - 8);
	for (int i = 0; i < 3; i++)
		if (next == blocks[i])
			found = i;
	teardown();
	return found;
}

START_TEST(insertion_decides_which_of_a_size_comes_next)
{
	ck_assert_int_eq(next_of_three(KMEM_HEAP_LIFO), 2);
	ck_assert_int_eq(next_of_three(KMEM_HEAP_ADDRESS_ORDER), 0);
}
END_TEST

static char given[64 * KIB];

/* volatile: to the compiler a block that the heap was not handed back is as it was last written. */
static void expect_zeroes(const volatile unsigned char *from, const volatile unsigned char *to)
{
	for (; from < to; from++)
		require(*from == 0);
}

/* What stays are the links of a free block and its footer. */
START_TEST(zero_on_free_leaves_nothing_behind)
{
	unsigned char *block, *other;

	setup(&(struct kmem_heap_options){.zero_on_free = true});
	block = memset(alloc(3000), 0xee, 3000);
	alloc(16);
	kmem_heap_free(heap, block);
	expect_zeroes(block + 24, block + 2992);
	block = memset(alloc(3000), 0xee, 3000);
	ck_assert_ptr_eq(kmem_heap_realloc(heap, block, 1000), block);
	expect_zeroes(block + 1000 + 40, block + 2992);
	other = memset(alloc(5000), 0xee, 5000);
	kmem_heap_reset(heap);
	expect_zeroes(other + 32, other + 4990);
	teardown();
}
END_TEST

START_TEST(zero_on_free_holds_for_given_memory_at_its_end)
{
	unsigned char *block;

	setup(&(struct kmem_heap_options){
		.zero_on_free = true, .memory = given, .memory_bytes = sizeof(given)});
	block = memset(alloc(3000), 0xee, 3000);
	kmem_heap_destroy(heap);
	expect_zeroes(block, block + 3000);
}
END_TEST

START_TEST(heaps_are_published_by_name)
{
	struct kmem_root_heap published;
	bool found = false;

	setup(&(struct kmem_heap_options){.memory = given, .memory_bytes = sizeof(given)});
	alloc(100);
	for (unsigned i = 0; heap_published(i, &published); i++)
		if (strcmp(published.name, "test") == 0) {
			found = true;
			ck_assert_uint_eq(published.live_blocks, 1);
			ck_assert_uint_eq(published.given, published.span_bytes);
		}
	ck_assert(found);
	teardown();
	for (unsigned i = 0; heap_published(i, &published); i++)
		ck_assert_str_ne(published.name, "test");
}
END_TEST

UNIT_MAIN("private_heap_options", a_limit_is_the_most_its_spans_take,
	  a_full_heap_merges_what_was_freed, an_empty_heap_has_all_of_its_limit,
	  a_heap_grows_by_its_step, first_fit_lifo_takes_what_was_freed_last,
	  first_fit_by_address_takes_the_lowest, best_fit_takes_the_smallest,
	  worst_fit_takes_the_largest, good_fit_finds_the_last_block_where_there_is_no_other,
	  insertion_decides_which_of_a_size_comes_next, zero_on_free_leaves_nothing_behind,
	  zero_on_free_holds_for_given_memory_at_its_end, heaps_are_published_by_name)
