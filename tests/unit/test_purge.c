// SPDX-License-Identifier: MIT
/* Free pages back to the system: by age, in batches, outside the lock, refused or not. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"

#define NRUNS 200u

static char *runs[NRUNS];

/* Runs of one page that cannot merge: every second page stays in use. */
static void setup(void)
{
	bool zeroed;

	for (unsigned i = 0; i < NRUNS; i++) {
		runs[i] = buddy_alloc(2, 2, PAGE_RUN, &zeroed);
		ck_assert_ptr_nonnull(runs[i]);
		memset(runs[i], 0x77, 2 * PAGE_BYTES);
	}
}

static void free_from_to(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		buddy_free(runs[i], 1);
}

static uint64_t dirty(void)
{
	uint64_t npages = 0;

	for_each_zone (zone)
		npages += zone->pub.dirty;
	return npages;
}

START_TEST(age_is_respected)
{
	setup();
	free_from_to(0, 10);
	unit_sleep_ms(60);
	free_from_to(10, 15);
	ck_assert_uint_eq(buddy_purge(50), 10);
	ck_assert_uint_eq(dirty(), 5);
	ck_assert_uint_eq(buddy_purge(10000), 0);
	ck_assert_uint_eq(buddy_purge(0), 5);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(many_blocks_go_in_batches)
{
	setup();
	free_from_to(0, NRUNS);
	faults_count();
	ck_assert_uint_eq(buddy_purge(0), NRUNS);
	ck_assert_uint_eq(faults.calls[FAULT_MADVISE], NRUNS);
	faults_end();
	ck_assert_uint_eq(dirty(), 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(blocks_of_a_chunk_that_touch_go_in_one_call)
{
	bool zeroed;

	setup();
	/* Of the first chunk pages 6 to 10, 12 to 19, 24 and 25. */
	for (unsigned i = 3; i < 10; i++)
		buddy_free(runs[i], i == 5 ? 1 : 2);
	buddy_free(runs[12], 2);
	faults_count();
	ck_assert_uint_eq(buddy_purge(0), 15);
	ck_assert_uint_eq(faults.calls[FAULT_MADVISE], 3);
	faults_end();
	ck_assert_uint_eq(dirty(), 0);
	ck_assert_ptr_null(buddy_check());
	ck_assert_ptr_eq(buddy_alloc(4, 1, PAGE_RUN, &zeroed), runs[8]);
	require(zeroed);
}
END_TEST

START_TEST(young_blocks_beside_old_ones_stay)
{
	setup();
	buddy_free(runs[0], 2);
	unit_sleep_ms(60);
	buddy_free(runs[1], 1);
	buddy_free(runs[3], 2);
	ck_assert_uint_eq(buddy_purge(50), 2);
	ck_assert_uint_eq(dirty(), 3);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(refused_advice_keeps_pages_dirty)
{
	bool zeroed;

	setup();
	free_from_to(0, NRUNS);
	faults_refuse(FAULT_MADVISE);
	ck_assert_uint_eq(buddy_purge(0), 0);
	faults_end();
	ck_assert_uint_eq(dirty(), NRUNS);
	ck_assert_ptr_null(buddy_check());
	ck_assert_ptr_nonnull(buddy_alloc(1, 1, PAGE_RUN, &zeroed));
	require(!zeroed);
}
END_TEST

START_TEST(refused_advice_is_tried_again_later)
{
	setup();
	free_from_to(0, 5);
	faults_refuse(FAULT_MADVISE);
	buddy_purge(0);
	faults_end();
	ck_assert_uint_eq(buddy_purge(0), 5);
	ck_assert_uint_eq(runs[0][5], 0);
}
END_TEST

static bool lock_was_free;

static long watch_madvise(void *addr, size_t nbytes, int advice)
{
	lock_was_free = lock_try(&buddy_lock, LOCK_PAGES);
	if (lock_was_free)
		lock_release(&buddy_lock, LOCK_PAGES);
	return sys_real.madvise(addr, nbytes, advice);
}

START_TEST(advice_is_given_outside_the_lock)
{
	struct sys_table table = sys_real;

	setup();
	free_from_to(0, 1);
	table.madvise = watch_madvise;
	sys_calls = &table;
	ck_assert_uint_eq(buddy_purge(0), 1);
	sys_calls = &sys_real;
	require(lock_was_free);
}
END_TEST

static char *latecomer;

/* Time passes, and another block becomes free, while the first batch is advised. */
static long slow_madvise(void *addr, size_t nbytes, int advice)
{
	if (latecomer) {
		unit_sleep_ms(20);
		buddy_free(latecomer, 1);
		latecomer = NULL;
	}
	return sys_real.madvise(addr, nbytes, advice);
}

START_TEST(what_becomes_free_meanwhile_is_not_old)
{
	struct sys_table table = sys_real;

	setup();
	free_from_to(0, NRUNS - 1);
	unit_sleep_ms(60);
	latecomer = runs[NRUNS - 1];
	latecomer[9] = 9;
	table.madvise = slow_madvise;
	sys_calls = &table;
	ck_assert_uint_eq(buddy_purge(50), NRUNS - 1);
	sys_calls = &sys_real;
	ck_assert_int_eq(runs[NRUNS - 1][9], 9);
	ck_assert_uint_eq(dirty(), 1);
}
END_TEST

/* The longest advice given. */
static size_t longest;

static long measure_madvise(void *addr, size_t nbytes, int advice)
{
	longest = nbytes > longest ? nbytes : longest;
	return sys_real.madvise(addr, nbytes, advice);
}

START_TEST(a_large_block_goes_in_pieces_of_its_age)
{
	struct sys_table table = sys_real;
	bool zeroed;
	char *run = buddy_alloc(1000, 1, PAGE_RUN, &zeroed);

	memset(run, 0x77, 1000 * PAGE_BYTES);
	buddy_free(run, 1000);
	unit_sleep_ms(60);
	table.madvise = measure_madvise;
	sys_calls = &table;
	ck_assert_uint_eq(buddy_purge_some(50, 300), 300);
	ck_assert_ptr_null(buddy_check());
	ck_assert_uint_eq(dirty(), 700);
	ck_assert_uint_eq(buddy_purge_some(50, 300), 300); /* the rest is as old as it was */
	ck_assert_uint_eq(longest, 300 * PAGE_BYTES);
	ck_assert_uint_eq(buddy_purge(50), 400);
	sys_calls = &sys_real;
	ck_assert_uint_eq(dirty(), 0);
	ck_assert_int_eq(run[0] | run[500 * PAGE_BYTES] | run[1000 * PAGE_BYTES - 1], 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

UNIT_MAIN("purge", age_is_respected, many_blocks_go_in_batches,
	  blocks_of_a_chunk_that_touch_go_in_one_call, young_blocks_beside_old_ones_stay,
	  refused_advice_keeps_pages_dirty, refused_advice_is_tried_again_later,
	  advice_is_given_outside_the_lock, what_becomes_free_meanwhile_is_not_old,
	  a_large_block_goes_in_pieces_of_its_age)
