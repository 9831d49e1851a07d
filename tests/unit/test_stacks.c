// SPDX-License-Identifier: MIT
/* Stacks under numbers: one each, whoever enters it, and whoever enters it at once. */
#include "unit.h"

#include "buddy/stacks.h"

#include <pthread.h>
#include <stdatomic.h>

#define NTHREADS 8u
#define DEPTHS	 40u

static __attribute__((noinline)) uint32_t enter(void)
{
	uint32_t number = stack_here();

	__asm__ volatile("" ::: "memory"); /* no tail call */
	return number;
}

static __attribute__((noinline)) uint32_t enter_deep(unsigned depth)
{
	uint32_t number = depth > 0 ? enter_deep(depth - 1) : enter();

	__asm__ volatile("" : "+r"(number));
	return number;
}

START_TEST(the_same_place_is_the_same_number)
{
	uint32_t numbers[3];

	/* One place, even if the compiler would unroll the loop. */
	for (volatile unsigned i = 0; i < 3; i++)
		numbers[i] = enter();
	ck_assert_uint_ne(numbers[0], 0);
	ck_assert_uint_eq(numbers[0], numbers[1]);
	ck_assert_uint_eq(numbers[0], numbers[2]);
	ck_assert_uint_ne(enter(), numbers[0]);
}
END_TEST

/* The test's own functions are in it, though the library is part of the same program. */
START_TEST(frames_are_those_of_the_caller)
{
	const uintptr_t *frames = NULL;
	unsigned n = stack_frames(enter(), &frames), mine = 0;

	ck_assert_uint_ge(n, 2);
	ck_assert_uint_le(n, STACK_DEPTH);
	for (unsigned i = 0; i < n; i++)
		mine += frames[i] - (uintptr_t)enter < 200;
	ck_assert_uint_ge(mine, 1);
	ck_assert_uint_eq(stack_frames(0, &frames), 0);
}
END_TEST

START_TEST(each_depth_is_another)
{
	uint32_t numbers[10];

	for (unsigned i = 0; i < 10; i++) {
		numbers[i] = enter_deep(i);
		for (unsigned k = 0; k < i; k++)
			require(numbers[k] != numbers[i]);
	}
}
END_TEST

/* As they stand in tracks that somebody has written over. */
START_TEST(other_numbers_are_no_stacks)
{
	uint32_t number = enter_deep(3);
	const uintptr_t *frames;

	require(stack_frames(number, &frames) > 0);
	require(stack_frames(number + 1, &frames) == 0);
	require(stack_frames(0x41414141, &frames) == 0);
	for (uint64_t other = 0; other <= UINT32_MAX; other += 0x10001)
		if (other != number)
			stack_frames((uint32_t)other, &frames);
}
END_TEST

static pthread_barrier_t barrier;
static uint32_t entered[NTHREADS][DEPTHS];

static void *enter_all(void *number)
{
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < DEPTHS; i++)
		entered[(uintptr_t)number][i] = enter_deep(i);
	return NULL;
}

START_TEST(threads_that_enter_at_once_agree)
{
	pthread_t threads[NTHREADS];

	pthread_barrier_init(&barrier, NULL, NTHREADS);
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, enter_all, (void *)i);
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < NTHREADS; i++)
		for (unsigned k = 0; k < DEPTHS; k++)
			require(entered[i][k] && entered[i][k] == entered[0][k]);
}
END_TEST

UNIT_MAIN("stacks", the_same_place_is_the_same_number, frames_are_those_of_the_caller,
	  each_depth_is_another, other_numbers_are_no_stacks, threads_that_enter_at_once_agree)
