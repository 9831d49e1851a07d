// SPDX-License-Identifier: MIT
/* The barn: its bound, how it follows the traffic, what nobody needed, its counts. */
#include "unit.h"

#include "slab/barn.h"

static struct kmem_cache *cache;

static int32_t limit(void)
{
	return cache->barns ? cache->barns[0].limit : cache->limit_first;
}

static struct sheaf *full(void)
{
	return sheaf_get(2);
}

static bool give(struct sheaf *sheaf, unsigned thread)
{
	uint32_t word = barn_word(thread);

	return barn_offer(barn_of_word(barns_make_at(cache, word), word), sheaf);
}

/* The barn as full as it may be; how many it took. */
static int32_t fill(void)
{
	int32_t n = 0;

	while (give(full(), 0))
		n++;
	return n;
}

static int32_t empty(void)
{
	int32_t n = 0;

	while (barn_take(cache, 0))
		n++;
	return n;
}

static void setup(void)
{
	cache = kmem_cache_create("barn", 64, 0, 0, NULL);
	ck_assert_ptr_nonnull(cache);
}

START_TEST(it_takes_as_many_as_its_bound)
{
	setup();
	ck_assert_int_eq(limit(), BARN_LIMIT_FIRST);
	ck_assert_int_eq(fill(), BARN_LIMIT_FIRST);
	ck_assert_int_eq(empty(), BARN_LIMIT_FIRST);
}
END_TEST

START_TEST(threads_have_barns_of_their_own_and_take_from_others)
{
	struct sheaf *one = full(), *two = full();

	setup();
	ck_assert_ptr_null(barn_take(cache, 0));
	require(give(one, 0) && give(two, 1));
	ck_assert_int_eq(cache->barns[0].nfull, 1);
	ck_assert_int_eq(cache->barns[1].nfull, 1);
	ck_assert_ptr_eq(barn_take(cache, barn_word(1)), two);
	ck_assert_ptr_eq(barn_take(cache, barn_word(1 + BARNS)), one);
	ck_assert_ptr_null(barn_take(cache, barn_word(1)));
	ck_assert_int_eq(cache->barns[0].nfull, 0);
}
END_TEST

START_TEST(turned_away_and_missed_doubles_the_bound)
{
	setup();
	empty();
	ck_assert_int_eq(limit(), BARN_LIMIT_FIRST); /* none was turned away */
	fill();
	empty();
	ck_assert_int_eq(limit(), 2 * BARN_LIMIT_FIRST);
	empty();
	ck_assert_int_eq(limit(), 2 * BARN_LIMIT_FIRST);
	for (int i = 0; i < 30; i++) {
		fill();
		empty();
	}
	ck_assert_int_le(limit(), cache->limit_max);
	ck_assert_int_gt(limit() * 2, cache->limit_max);
}
END_TEST

START_TEST(surplus_is_what_nobody_needed)
{
	setup();
	fill();
	barn_surplus(cache, barns_of(cache));
	barn_take(cache, 0);
	barn_take(cache, 0);
	give(full(), 0);
	ck_assert_int_eq(barn_surplus(cache, barns_of(cache)), BARN_LIMIT_FIRST - 2);
	ck_assert_int_eq(barn_surplus(cache, barns_of(cache)), BARN_LIMIT_FIRST - 1);
}
END_TEST

START_TEST(the_bound_falls_with_the_surplus_but_not_below_the_first)
{
	setup();
	for (int i = 0; i < 3; i++) {
		fill();
		empty();
	}
	ck_assert_int_eq(limit(), 8 * BARN_LIMIT_FIRST);
	fill();
	barn_surplus(cache, barns_of(cache));
	barn_surplus(cache, barns_of(cache));
	ck_assert_int_lt(limit(), 8 * BARN_LIMIT_FIRST);
	for (int i = 0; i < 20; i++)
		barn_surplus(cache, barns_of(cache));
	ck_assert_int_eq(limit(), BARN_LIMIT_FIRST);
}
END_TEST

UNIT_MAIN("barn", it_takes_as_many_as_its_bound,
	  threads_have_barns_of_their_own_and_take_from_others,
	  turned_away_and_missed_doubles_the_bound, surplus_is_what_nobody_needed,
	  the_bound_falls_with_the_surplus_but_not_below_the_first)
