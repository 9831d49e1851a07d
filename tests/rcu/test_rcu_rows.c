// SPDX-License-Identifier: MIT
/* The kernel's calls that need RCU, by the kernel's names, on liburcu's own flavours. */
#include "tests/unit/unit.h"

#include "lib/stats.h"
#include "slab/slab.h"

#include <linux/slab.h>
#include <pthread.h>
#include <stdatomic.h>
#include <urcu.h>

#define N 1000u

struct node {
	unsigned long key;
	struct rcu_head rcu;
	char text[80];
};

static struct node *nodes[N];
static _Atomic bool reading, leave;

/* A reader who stays inside until it is told to leave. */
static void *read_for_long(void *unused)
{
	rcu_register_thread();
	rcu_read_lock();
	reading = true;
	while (!leave)
		unit_sleep_ms(1);
	rcu_read_unlock();
	rcu_unregister_thread();
	return unused;
}

static void *leave_later(void *unused)
{
	unit_sleep_ms(100);
	leave = true;
	return unused;
}

static pthread_t reader, teller;

static void begin_reading(void)
{
	ck_assert_int_eq(pthread_create(&reader, NULL, read_for_long, NULL), 0);
	while (!reading)
		unit_sleep_ms(1);
}

static void end_reading_soon(void)
{
	ck_assert_int_eq(pthread_create(&teller, NULL, leave_later, NULL), 0);
}

static void check_has_left(void)
{
	ck_assert(leave);
	pthread_join(reader, NULL);
	pthread_join(teller, NULL);
}

static void fill(struct kmem_cache *cache)
{
	for (unsigned i = 0; i < N; i++) {
		nodes[i] = cache ? kmem_cache_alloc(cache, GFP_KERNEL)
				 : kmalloc(sizeof(struct node), GFP_KERNEL);
		require(nodes[i]);
		nodes[i]->key = i;
	}
}

static bool are_there(void)
{
	for (unsigned i = 0; i < N; i++)
		if (nodes[i]->key != i)
			return false;
	return true;
}

START_TEST(kfree_rcu_waits_for_readers)
{
	struct kmem_cache *of;
	uint64_t before;

	fill(NULL);
	of = cache_of(pagemap_id(nodes[0]));
	before = cache_stats(of).active;
	begin_reading();
	for (unsigned i = 0; i < N; i++)
		kfree_rcu(nodes[i], rcu);
	unit_sleep_ms(100); /* longer than a gathering */
	ck_assert(are_there());
	ck_assert_uint_ge(cache_stats(of).active, before);
	end_reading_soon();
	kvfree_rcu_barrier();
	check_has_left();
	ck_assert_uint_le(cache_stats(of).active, before - N + 50); /* others use the class too */
}
END_TEST

START_TEST(kfree_rcu_mightsleep_needs_no_field)
{
	struct kmem_cache *cache = kmem_cache_create("nodes", sizeof(struct node), 0, 0, NULL);

	fill(cache);
	begin_reading();
	for (unsigned i = 0; i < N; i++)
		kfree_rcu_mightsleep(nodes[i]);
	unit_sleep_ms(100);
	ck_assert(are_there());
	ck_assert_uint_eq(cache_stats(cache).active, N);
	end_reading_soon();
	kvfree_rcu_barrier();
	check_has_left();
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	kvfree_rcu(nodes[0] = NULL, rcu);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(kmem_cache_destroy_waits_for_kfree_rcu)
{
	struct kmem_cache *cache = kmem_cache_create("nodes", sizeof(struct node), 0, 0, NULL);

	fill(cache);
	begin_reading();
	for (unsigned i = 0; i < N; i++)
		kvfree_rcu(nodes[i], rcu);
	end_reading_soon();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	check_has_left();
}
END_TEST

START_TEST(SLAB_TYPESAFE_BY_RCU_keeps_pages_for_readers)
{
	struct kmem_cache *cache =
		kmem_cache_create("nodes", sizeof(struct node), 0, SLAB_TYPESAFE_BY_RCU, NULL);

	ck_assert_ptr_nonnull(cache);
	fill(cache);
	begin_reading();
	for (unsigned i = 0; i < N; i++)
		kmem_cache_free(cache, nodes[i]);
	kmem_cache_shrink(cache);
	unit_sleep_ms(100);
	for (unsigned i = 0; i < N; i++)
		require(pagemap_id(nodes[i]) == cache->id);
	ck_assert(are_there());
	end_reading_soon();
	kvfree_rcu_barrier();
	check_has_left();
	for (unsigned i = 0; i < N; i++)
		require(pagemap_id(nodes[i]) == ID_NONE);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("rcu_rows", kfree_rcu_waits_for_readers, kfree_rcu_mightsleep_needs_no_field,
	  kmem_cache_destroy_waits_for_kfree_rcu, SLAB_TYPESAFE_BY_RCU_keeps_pages_for_readers)
