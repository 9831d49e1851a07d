// SPDX-License-Identifier: MIT
/* Frees that wait for a grace period: when, by whom, how many at once, and who may wait. */
#include "flavor.h"

#include <kmem/options.h>

#define MANY 10000u

START_TEST(a_free_waits_for_a_grace_period)
{
	void *object;

	make_cache(SIZE, 0);
	object = make_object();
	ck_assert_int_eq(kmem_cache_free_rcu(cache, object), 0);
	wait_for_period(1); /* by itself, after a while */
	unit_sleep_ms(HOLD_MS);
	ck_assert_uint_eq(in_use(), 1);
	ck_assert(is_untouched(object));
	periods_end = true;
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(frees_are_gathered)
{
	make_cache(SIZE, 0);
	periods_end = true;
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_int_eq(kmem_cache_free_rcu(cache, make_object()), 0);
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_uint_ge(periods_begun, 1);
	ck_assert_uint_lt(periods_begun, MANY / 100);
}
END_TEST

START_TEST(a_free_during_a_period_waits_for_the_next)
{
	void *later;

	make_cache(SIZE, 0);
	kmem_cache_free_rcu(cache, make_object());
	wait_for_period(1);
	later = make_object();
	kmem_cache_free_rcu(cache, later);
	end_periods_soon();
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	check_period_ended();
	ck_assert_uint_eq(periods_begun, 2);
	ck_assert_uint_eq(in_use(), 0);
}
END_TEST

START_TEST(nothing_is_freed_of_NULL_and_nothing_waited_for)
{
	make_cache(SIZE, 0);
	ck_assert_int_eq(kmem_cache_free_rcu(cache, NULL), 0);
	kmem_kfree_rcu(NULL, NULL);
	kmem_kfree_rcu(KMEM_ZERO_SIZE, NULL);
	kmem_kfree_rcu_mightsleep(NULL);
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(periods_begun, 0);
}
END_TEST

static void free_to_another(void)
{
	struct kmem_cache *other = kmem_cache_create("other", SIZE, 0, 0, NULL);

	kmem_cache_free_rcu(other, make_object());
}

static void free_foreign(void)
{
	int local;

	kmem_cache_free_rcu(cache, &local);
}

START_TEST(a_wrong_object_is_reported_at_once)
{
	struct last_words words;

	make_cache(SIZE, 0);
	words = unit_child(free_to_another);
	ck_assert(unit_aborted(&words) && strstr(words.text, "wrong cache"));
	words = unit_child(free_foreign);
	ck_assert(unit_aborted(&words) && strstr(words.text, "foreign pointer"));
}
END_TEST

static void barrier_as_a_reader(void)
{
	is_reader = true;
	if (kmem_rcu_barrier() != -EDEADLK)
		_exit(1);
}

START_TEST(a_reader_does_not_wait)
{
	struct last_words words;

	make_cache(SIZE, 0);
	kmem_cache_free_rcu(cache, make_object());
	words = unit_child(barrier_as_a_reader);
	ck_assert_int_eq(words.status, 0);
	ck_assert(strstr(words.text, "kmem_rcu_barrier: called in a read-side critical section"));
	is_reader = true;
	ck_assert_int_eq(kmem_cache_destroy(cache), -EBUSY);
	is_reader = false;
	end_periods_soon();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	check_period_ended();
}
END_TEST

START_TEST(one_who_is_online_goes_offline_to_wait)
{
	make_cache(SIZE, 0);
	kmem_cache_free_rcu(cache, make_object());
	is_online = true;
	end_periods_soon();
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	check_period_ended();
	ck_assert(is_online);
	ck_assert_uint_eq(ntimes_offline, 1);
	ck_assert_uint_eq(in_use(), 0);
}
END_TEST

START_TEST(destroy_waits_for_what_is_freed)
{
	make_cache(SIZE, 0);
	for (unsigned i = 0; i < MANY; i++)
		kmem_cache_free_rcu(cache, make_object());
	end_periods_soon();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	check_period_ended();
}
END_TEST

static uint32_t time_of_frees(unsigned n)
{
	uint32_t begin = sys_now_ms();

	while (n-- > 0)
		kmem_cache_free_rcu(cache, make_object());
	return sys_now_ms() - begin;
}

START_TEST(who_frees_is_held_up_when_periods_lag)
{
	ck_assert_int_eq(kmem_option_set("rcu_pending", "8M"), 0);
	make_cache(256 << 10, 0); /* each fills a batch */
	ck_assert_uint_lt(time_of_frees(32), 1000);
	ck_assert_uint_ge(time_of_frees(2), 190); /* 100 ms each */
	is_reader = true;
	ck_assert_uint_lt(time_of_frees(20), 1000);
	is_reader = false;
	periods_end = true;
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_uint_lt(time_of_frees(40), 1000);
}
END_TEST

/* All memory there may be, down to the size of what notes frees down. */
static void fill_memory(void)
{
	ck_assert_int_eq(kmem_limit_set(KMEM_LIMIT_MIN), 0);
	for (size_t nbytes = 64 << 10; nbytes >= 1000; nbytes /= 2)
		while (kmem_kmalloc(nbytes, GFP_KERNEL | __GFP_NOWARN))
			;
}

START_TEST(without_memory_a_reader_keeps_the_object)
{
	void *object;

	make_cache(SIZE, 0);
	object = make_object();
	fill_memory();
	is_reader = true;
	ck_assert_int_eq(kmem_cache_free_rcu(cache, object), -ENOMEM);
	ck_assert(is_untouched(object));
	is_reader = false;
	end_periods_soon();
	ck_assert_int_eq(kmem_cache_free_rcu(cache, object), 0); /* it has waited */
	check_period_ended();
	ck_assert_uint_eq(in_use(), 0);
}
END_TEST

/* A node as sources have them: with an rcu_head somewhere inside. */
struct node {
	char text[100];
	struct rcu_head head;
};

START_TEST(without_memory_a_node_has_room_itself)
{
	struct node *node;

	make_cache(sizeof(struct node), 0);
	node = make_object();
	fill_memory();
	is_reader = true;
	kmem_kfree_rcu(node, (struct kmem_rcu_room *)&node->head);
	is_reader = false;
	wait_for_period(1);
	unit_sleep_ms(HOLD_MS);
	ck_assert_uint_eq(in_use(), 1);
	ck_assert_int_eq(node->text[99], 0x5a);
	periods_end = true;
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(in_use(), 0);
}
END_TEST

static void *free_many(void *unused)
{
	for (unsigned i = 0; i < MANY; i++)
		require(kmem_cache_free_rcu(cache, make_object()) == 0);
	return unused;
}

START_TEST(many_threads_free)
{
	pthread_t threads[12]; /* more than there are shards */

	make_cache(SIZE, 0);
	periods_end = true;
	for (unsigned i = 0; i < 12; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, free_many, NULL), 0);
	for (unsigned i = 0; i < 12; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(kmem_rcu_barrier(), 0);
	ck_assert_uint_eq(in_use(), 0);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

UNIT_MAIN("free_rcu", a_free_waits_for_a_grace_period, frees_are_gathered,
	  a_free_during_a_period_waits_for_the_next,
	  nothing_is_freed_of_NULL_and_nothing_waited_for, a_wrong_object_is_reported_at_once,
	  a_reader_does_not_wait, one_who_is_online_goes_offline_to_wait,
	  destroy_waits_for_what_is_freed, who_frees_is_held_up_when_periods_lag,
	  without_memory_a_reader_keeps_the_object, without_memory_a_node_has_room_itself,
	  many_threads_free)
