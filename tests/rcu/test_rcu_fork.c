// SPDX-License-Identifier: MIT
/* Across a fork: what waits is freed in the parent, and in the child, whatever was under way. */
#include "flavor.h"
#include "tests/unit/children.h"

#define MANY 1000u

static void free_many(void)
{
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_int_eq(kmem_cache_free_rcu(cache, make_object()), 0);
}

/*
 * gcc's ASan keeps the locks of its malloc across a fork, and threads that start call it: there
 * all have started before the fork, the worker as well, which has made a pass.
 */
static void make_forked(slab_flags_t flags)
{
	make_cache(SIZE, flags);
	if (!UNDER_ASAN)
		return;
	periods_end = true;
	free_many();
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	periods_end = false;
	periods_begun = 0;
}

/* In the child too all is freed, and it can free more. */
static void finish(void)
{
	periods_end = true;
	is_reader = false;
	free_many();
	require(kmem_rcu_barrier() == 0);
	require(in_use() == 0 && !cache_check(cache));
	require(kmem_cache_destroy(cache) == 0);
}

static void fork_and_finish(void)
{
	expect_children(1, finish);
	finish();
}

START_TEST(what_waits_is_freed_in_the_child)
{
	make_forked(0);
	periods_end = true; /* if one has begun already */
	free_many();
	fork_and_finish();
}
END_TEST

/* A grace period is under way, and ends while the fork waits for it. */
START_TEST(a_fork_waits_for_the_period)
{
	make_forked(0);
	free_many();
	wait_for_period(1);
	free_many();
	end_periods_in(30);
	fork_and_finish();
	pthread_join(ender, NULL);
}
END_TEST

START_TEST(so_are_slabs)
{
	make_forked(SLAB_TYPESAFE_BY_RCU);
	free_many();
	periods_end = true;
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	periods_end = false;
	kmem_cache_shrink(cache);
	wait_for_period(periods_begun + 1);
	end_periods_in(30);
	fork_and_finish();
	pthread_join(ender, NULL);
}
END_TEST

/* Where it does not end there can be no other: nothing is waited for, and nothing is lost. */
static void go_on_without(void)
{
	periods_end = true;
	is_reader = false;
	free_many();
	require(kmem_rcu_barrier() == -EDEADLK);
	require(kmem_cache_destroy(cache) == -EBUSY);
	require(in_use() == 2 * MANY);
}

START_TEST(a_fork_does_not_wait_for_long)
{
	uint32_t begin;

	make_forked(0);
	free_many();
	wait_for_period(1);
	begin = sys_now_ms();
	expect_children(1, go_on_without);
	ck_assert_uint_ge(sys_now_ms() - begin, 990);
	finish();
}
END_TEST

START_TEST(a_readers_fork_does_not_wait)
{
	uint32_t begin;

	make_forked(0);
	free_many();
	wait_for_period(1);
	is_reader = true;
	begin = sys_now_ms();
	expect_children(1, go_on_without);
	ck_assert_uint_lt(sys_now_ms() - begin, 900);
	finish();
}
END_TEST

/* A fork handler of the program's own, run while libkmem-rcu's locks are held. */
static bool handles;

static void handler(void)
{
	if (!handles)
		return;
	free_many();
	kmem_cache_shrink(cache);
	require(kmem_rcu_barrier() == -EDEADLK);
}

static __attribute__((constructor(101))) void register_handler(void)
{
	pthread_atfork(handler, NULL, NULL);
}

START_TEST(a_fork_handler_may_free)
{
	make_forked(SLAB_TYPESAFE_BY_RCU);
	periods_end = true;
	free_many();
	handles = true;
	fork_and_finish();
}
END_TEST

static _Atomic bool storm_over;
static _Atomic unsigned nstarted;

static void *storm(void *unused)
{
	nstarted++;
	while (!storm_over)
		require(kmem_cache_free_rcu(cache, make_object()) == 0);
	return unused;
}

static void free_and_wait(void)
{
	free_many();
	require(kmem_rcu_barrier() == 0);
}

/* Whatever the worker and others are at, the child can free. */
START_TEST(forks_in_a_storm)
{
	pthread_t threads[3];

	make_forked(SLAB_TYPESAFE_BY_RCU);
	periods_end = true;
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, storm, NULL), 0);
	while (UNDER_ASAN && nstarted < 3)
		unit_sleep_ms(1);
	expect_children(50, free_and_wait);
	storm_over = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	finish();
}
END_TEST

UNIT_MAIN("rcu_fork", what_waits_is_freed_in_the_child, a_fork_waits_for_the_period, so_are_slabs,
	  a_fork_does_not_wait_for_long, a_readers_fork_does_not_wait, a_fork_handler_may_free,
	  forks_in_a_storm)
