// SPDX-License-Identifier: MIT
/* The reserve: full and empty, grown and shrunk, and never missed what was there. */
#include "unit.h"

#include "faults.h"

#include "lib/reserve.h"

#include <pthread.h>
#include <sched.h>

#define MANY	 1000u
#define NTHREADS 4u
#define ROUNDS	 50000

static struct reserve reserve;
static char elements[MANY];

static void setup(uint32_t least)
{
	ck_assert_int_eq(reserve_grow(&reserve, least), 0);
	reserve.least = least;
}

static void put(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		require(reserve_put(&reserve, &elements[i]) == NULL);
}

START_TEST(as_many_as_it_is_to_have)
{
	static const uint32_t numbers[] = {1, 2, 15, 16, 17, 47, 48, 49, 112, MANY - 1};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint32_t n = numbers[i];

		setup(n);
		require(!reserve_is_full(&reserve));
		put(n);
		require(reserve_is_full(&reserve));
		ck_assert_ptr_eq(reserve_put(&reserve, &elements[n]), &elements[n]);
		ck_assert_int_eq(reserve.count, (int)n);
		for (uint32_t k = n; k > 0; k--)
			require(reserve_take(&reserve) == &elements[k - 1]);
		ck_assert_ptr_null(reserve_take(&reserve));
		ck_assert_int_eq(reserve.count, 0);
	}
	reserve_free(&reserve);
}
END_TEST

/* Whatever the order in which places were filled and emptied. */
START_TEST(any_place_is_found)
{
	setup(100);
	put(100);
	for (uint32_t i = 0; i < 100; i += 3)
		require(reserve_take_at(&reserve, i) == &elements[i]);
	ck_assert_int_eq(reserve.count, 66);
	for (uint32_t i = 0; i < 100; i += 3)
		require(reserve_put(&reserve, &elements[i]) == NULL);
	require(reserve_is_full(&reserve));
	for (uint32_t i = 10; i < 100; i++)
		require(reserve_take_at(&reserve, i));
	for (uint32_t i = 0; i < 10; i++)
		require(reserve_take(&reserve));
	ck_assert_ptr_null(reserve_take(&reserve));
}
END_TEST

START_TEST(without_memory_it_does_not_grow)
{
	setup(10);
	faults_begin(1, ~0ul);
	ck_assert_int_eq(reserve_grow(&reserve, 1u << 30), -ENOMEM);
	faults_end();
	put(10);
	require(reserve_is_full(&reserve));
}
END_TEST

/* As many elements as threads, each of which has one at most: there is always one, and room. */
static void *take_and_put(void *unused)
{
	for (int i = 0; i < ROUNDS; i++) {
		char *element = reserve_take(&reserve);

		require(element);
		require(__atomic_exchange_n(element, 1, __ATOMIC_RELAXED) == 0);
		__atomic_store_n(element, 0, __ATOMIC_RELAXED);
		require(reserve_put(&reserve, element) == NULL);
	}
	return unused;
}

/* The same from whichever place, so that elements go from place to place. */
static void *move_about(void *unused)
{
	uint64_t random = default_seed() | 1;

	for (int i = 0; i < 4 * ROUNDS;) {
		void *element = reserve_take_at(&reserve, (uint32_t)below(&random, reserve.least));

		if (!element)
			continue;
		require(reserve_put(&reserve, element) == NULL);
		i++;
	}
	return unused;
}

static void run_with(unsigned nthreads, void *(*first)(void *))
{
	pthread_t threads[NTHREADS];

	setup(nthreads);
	put(nthreads);
	for (unsigned i = 0; i < nthreads; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, i ? take_and_put : first, NULL),
				 0);
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	require(reserve_is_full(&reserve));
	ck_assert_ptr_null(reserve_check(&reserve));
}

START_TEST(nothing_that_is_there_is_missed)
{
	run_with(NTHREADS, take_and_put);
}
END_TEST

START_TEST(nothing_that_moves_is_missed)
{
	run_with(2, move_about);
}
END_TEST

static _Atomic int started, finished; /* rounds */

/* Without sleep, if the other thread runs: both are to go on at once. */
static void await(const _Atomic int *rounds, int n)
{
	for (int spins = 0; atomic_load(rounds) < n; spins++)
		if (spins > 10000)
			sched_yield();
}

static void *put_each_round(void *element)
{
	for (int i = 1; i <= ROUNDS / 2; i++) {
		await(&started, i);
		reserve_put(&reserve, element);
		atomic_store(&finished, i);
	}
	return NULL;
}

/* An element that comes to a place that is in use no longer is taken out again (R2). */
START_TEST(a_place_beyond_is_left_empty)
{
	pthread_t thread;

	setup(2);
	ck_assert_int_eq(pthread_create(&thread, NULL, put_each_round, &elements[1]), 0);
	for (int i = 1; i <= ROUNDS / 2; i++) {
		reserve.least = 2;
		put(1);
		atomic_store(&started, i);
		for (uint64_t n = unit_below(400); n > 0; n--)
			__asm__ volatile("");
		reserve.least = 1;
		reserve_take_at(&reserve, 1);
		await(&finished, i);
		require(reserve_check(&reserve) == NULL);
		require(reserve_take(&reserve) && !reserve_take(&reserve));
	}
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(what_is_broken_is_found)
{
	setup(20);
	put(20);
	ck_assert_ptr_null(reserve_check(&reserve));
	reserve.count--;
	unit_broken(reserve_check(&reserve), "R1");
	reserve.count++;
	reserve.least = 19;
	unit_broken(reserve_check(&reserve), "R2");
}
END_TEST

UNIT_MAIN("reserve", as_many_as_it_is_to_have, any_place_is_found, without_memory_it_does_not_grow,
	  nothing_that_is_there_is_missed, nothing_that_moves_is_missed,
	  a_place_beyond_is_left_empty, what_is_broken_is_found)
