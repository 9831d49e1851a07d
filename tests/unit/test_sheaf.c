// SPDX-License-Identifier: MIT
/* Sheaves: geometry, the idle pool, and the lock-free stack under threads. */
#include "unit.h"

#include "slab/sheaf.h"

#include <pthread.h>

#define NTHREADS 4
#define NSHEAVES 64u
#define ROUNDS	 20000

START_TEST(levels_agree_about_size_mask_and_capacity)
{
	for (unsigned level = 0; level < SHEAF_LEVELS; level++) {
		struct sheaf *sheaf = sheaf_get(level);

		ck_assert_ptr_nonnull(sheaf);
		ck_assert_uint_eq((uintptr_t)sheaf % ((uintptr_t)16 << level), 0);
		ck_assert_uint_eq(sheaf_capacity(level) * 8, sheaf_mask(level));
		ck_assert_uint_eq(sheaf_level(sheaf), level);
	}
	ck_assert_uint_eq(sheaf_capacity(SHEAF_LEVELS - 1), SHEAF_CAP_MAX);
}
END_TEST

START_TEST(an_idle_sheaf_is_used_again)
{
	struct sheaf *sheaf = sheaf_get(2), *other = sheaf_get(3);

	sheaf_put(sheaf);
	ck_assert_ptr_ne(sheaf_get(3), sheaf);
	ck_assert_ptr_eq(sheaf_get(2), sheaf);
	ck_assert_ptr_ne(other, sheaf);
}
END_TEST

START_TEST(last_in_first_out_and_empty_is_null)
{
	struct sheaf_stack stack = {.top = 0};
	struct sheaf *one = sheaf_get(1), *two = sheaf_get(1);

	ck_assert_ptr_null(sheaf_pop(&stack));
	sheaf_push(&stack, one);
	sheaf_push(&stack, two);
	ck_assert_ptr_eq(sheaf_pop(&stack), two);
	ck_assert_uint_eq(sheaf_level(two), 1);
	ck_assert_ptr_eq(sheaf_pop(&stack), one);
	ck_assert_ptr_null(sheaf_pop(&stack));
}
END_TEST

/* Or a pop that was interrupted would take an old successor for the current one. */
START_TEST(every_change_changes_the_tag)
{
	struct sheaf_stack stack = {.top = 0};
	struct sheaf *sheaf = sheaf_get(1);

	for (uint64_t tag = 0; tag < 20; tag += 2) {
		ck_assert_uint_eq(stack.top >> 32, tag);
		sheaf_push(&stack, sheaf);
		ck_assert_uint_eq(stack.top >> 32, tag + 1);
		ck_assert_ptr_eq(sheaf_pop(&stack), sheaf);
	}
}
END_TEST

static struct sheaf_stack shared;

/* Take one, mark it as one's own, see that nobody else does, put it back. */
static void *trade(void *self)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct sheaf *sheaf = sheaf_pop(&shared);

		if (!sheaf)
			continue;
		sheaf->object[0] = self;
		for (int k = 0; k < 10; k++)
			require(*(void *volatile *)&sheaf->object[0] == self);
		sheaf_push(&shared, sheaf);
	}
	return NULL;
}

START_TEST(threads_lose_and_double_none)
{
	pthread_t threads[NTHREADS];
	unsigned n = 0;
	struct sheaf *sheaf;

	for (unsigned i = 0; i < NSHEAVES; i++)
		sheaf_push(&shared, sheaf_get(3));
	for (uintptr_t i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, trade, (void *)(i + 1)), 0);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	while ((sheaf = sheaf_pop(&shared))) {
		require(sheaf->object[1] == NULL);
		sheaf->object[1] = sheaf;
		n++;
	}
	ck_assert_uint_eq(n, NSHEAVES);
}
END_TEST

UNIT_MAIN("sheaf", levels_agree_about_size_mask_and_capacity, an_idle_sheaf_is_used_again,
	  last_in_first_out_and_empty_is_null, every_change_changes_the_tag,
	  threads_lose_and_double_none)
