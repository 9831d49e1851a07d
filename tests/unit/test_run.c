// SPDX-License-Identifier: MIT
/* Runs of pages: in place, trimmed, moved as pages; refused calls leave content and address. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "buddy/run.h"

#define BIG (((size_t)80 << 20) / PAGE_BYTES) /* pages of a mapping of its own */

static char *get(size_t npages)
{
	bool zeroed;
	char *base = run_alloc(npages, 1, PAGE_LARGE, &zeroed);

	ck_assert_ptr_nonnull(base);
	for (size_t i = 0; i < npages; i++)
		*(size_t *)(base + i * PAGE_BYTES) = i + 1;
	return base;
}

static void verify(const char *base, size_t npages)
{
	const struct page *page = run_find(base, PAGE_LARGE);

	ck_assert_ptr_nonnull(page);
	for (size_t i = 0; i < npages; i++)
		require(*(const size_t *)(base + i * PAGE_BYTES) == i + 1);
}

/* A mapping that grows gets an eighth more. */
static size_t roomy(size_t npages)
{
	return npages + npages / 8;
}

START_TEST(found_by_the_first_page_and_kind)
{
	char *base = get(3);

	ck_assert_ptr_nonnull(run_find(base, PAGE_LARGE));
	ck_assert_ptr_null(run_find(base, PAGE_RUN));
	ck_assert_ptr_null(run_find(base + 8, PAGE_LARGE));
	ck_assert_ptr_null(run_find(base + PAGE_BYTES, PAGE_LARGE));
	run_free(base);
	ck_assert_ptr_null(run_find(base, PAGE_LARGE));
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(grows_in_place_over_free_pages)
{
	char *base = get(16);

	faults_count();
	ck_assert_ptr_eq(run_resize(base, 24), base);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	verify(base, 16);
	ck_assert_uint_eq(run_find(base, PAGE_LARGE)->npages, 24);
	run_free(base);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(a_trimmed_end_can_be_used_again)
{
	char *base = get(64);
	bool zeroed;

	ck_assert_ptr_eq(run_resize(base, 10), base);
	verify(base, 10);
	ck_assert_ptr_null(buddy_check());
	ck_assert_ptr_eq(buddy_alloc(32, 32, PAGE_RUN, &zeroed), base + 32 * PAGE_BYTES);
	require(!zeroed);
}
END_TEST

START_TEST(a_blocked_run_moves_its_pages)
{
	char *base = get(256), *blocker, *moved;
	bool zeroed;

	blocker = buddy_alloc(64, 1, PAGE_RUN, &zeroed);
	ck_assert_ptr_eq(blocker, base + 256 * PAGE_BYTES);
	faults_count();
	moved = run_resize(base, 300);
	ck_assert_uint_ge(faults.calls[FAULT_MREMAP], 1);
	faults_end();
	ck_assert_ptr_nonnull(moved);
	ck_assert_ptr_ne(moved, base);
	verify(moved, 256);
	require(run_find(moved, PAGE_LARGE)->mapped);
	ck_assert_uint_eq(root_record.mapped_bytes, roomy(300) * PAGE_BYTES);
	ck_assert_ptr_null(run_find(base, PAGE_LARGE));
	run_free(moved);
	ck_assert_uint_eq(root_record.mapped_bytes, 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(a_small_blocked_run_is_left_to_be_copied)
{
	char *base = get(64);
	bool zeroed;

	ck_assert_ptr_eq(buddy_alloc(1, 1, PAGE_RUN, &zeroed), base + 64 * PAGE_BYTES);
	faults_count();
	ck_assert_ptr_null(run_resize(base, 300));
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
	verify(base, 64);
	ck_assert_uint_eq(run_find(base, PAGE_LARGE)->npages, 64);
}
END_TEST

START_TEST(large_runs_have_a_mapping_of_their_own)
{
	char *base = get(BIG);

	require(!buddy_holds(base));
	ck_assert_uint_eq(root_record.mapped_bytes, BIG * PAGE_BYTES);
	run_free(base);
	ck_assert_uint_eq(root_record.mapped_bytes, 0);
	ck_assert_uint_eq(pagemap_id(base), ID_NONE);
}
END_TEST

START_TEST(a_mapping_grows_without_copying)
{
	char *base = get(BIG), *grown;

	faults_count();
	grown = run_resize(base, 2 * BIG);
	ck_assert_uint_ge(faults.calls[FAULT_MREMAP], 1);
	faults_end();
	verify(grown, BIG);
	ck_assert_int_eq(grown[2 * BIG * PAGE_BYTES - 1], 0);
	ck_assert_uint_eq(root_record.mapped_bytes, roomy(2 * BIG) * PAGE_BYTES);
	/* What was given for the next growth serves it without a call. */
	ck_assert_uint_eq(run_find(grown, PAGE_LARGE)->npages, roomy(2 * BIG));
	ck_assert_ptr_eq(run_resize(grown, BIG / 2), grown);
	verify(grown, BIG / 2);
	ck_assert_uint_eq(root_record.mapped_bytes, BIG / 2 * PAGE_BYTES);
	run_free(grown);
}
END_TEST

START_TEST(alignment_of_mappings)
{
	bool zeroed;
	char *base = run_alloc(10, BIG * 2 / 5 * 5, PAGE_RUN, &zeroed);

	ck_assert_ptr_nonnull(base = run_alloc(3, (size_t)1 << 16, PAGE_RUN, &zeroed));
	ck_assert_uint_eq((uintptr_t)base % ((size_t)1 << 28), 0);
	require(zeroed);
	run_free(base);
}
END_TEST

/* Each call of a resize refused in turn: NULL leaves all as it was, else it is resized. */
static void sweep(size_t npages, size_t goal, bool blocked)
{
	bool zeroed;

	for (unsigned long n = 1;; n++) {
		char *base = get(npages), *moved;
		void *blocker = blocked ? buddy_alloc(npages, 1, PAGE_RUN, &zeroed) : NULL;

		faults_begin(n, ~0ul);
		moved = run_resize(base, goal);
		faults_end();
		verify(moved ? moved : base, npages < goal ? npages : goal);
		ck_assert_uint_ge(run_find(moved ? moved : base, PAGE_LARGE)->npages,
				  moved ? goal : npages);
		ck_assert_uint_le(run_find(moved ? moved : base, PAGE_LARGE)->npages,
				  moved && goal > npages ? roomy(goal) : npages);
		run_free(moved ? moved : base);
		if (blocker)
			buddy_free(blocker, npages);
		ck_assert_ptr_null(buddy_check());
		ck_assert_uint_eq(root_record.mapped_bytes, 0);
		if (!faults.nrefused)
			return;
	}
}

START_TEST(refused_moves_out_of_a_zone_change_nothing)
{
	sweep(256, 300, true);
}
END_TEST

START_TEST(refused_growth_of_a_mapping_changes_nothing)
{
	sweep(BIG, BIG + 1000, false);
	sweep(BIG, BIG / 2, false);
}
END_TEST

START_TEST(refused_mappings_are_null)
{
	bool zeroed;

	run_free(get(1)); /* a zone to be full of */
	for (unsigned long n = 1; n < 40; n++) {
		void *base;

		faults_begin(n, ~0ul);
		base = run_alloc(BIG, 1, PAGE_LARGE, &zeroed);
		faults_end();
		if (base)
			run_free(base);
		ck_assert_uint_eq(root_record.mapped_bytes, 0);
	}
	ck_assert_ptr_null(run_alloc((size_t)UINT32_MAX + 1, 1, PAGE_LARGE, &zeroed));
}
END_TEST

UNIT_MAIN("run", found_by_the_first_page_and_kind, grows_in_place_over_free_pages,
	  a_trimmed_end_can_be_used_again, a_blocked_run_moves_its_pages,
	  a_small_blocked_run_is_left_to_be_copied, large_runs_have_a_mapping_of_their_own,
	  a_mapping_grows_without_copying, alignment_of_mappings,
	  refused_moves_out_of_a_zone_change_nothing, refused_growth_of_a_mapping_changes_nothing,
	  refused_mappings_are_null)
