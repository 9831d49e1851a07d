// SPDX-License-Identifier: MIT
/* Nodes: which there are, and objects from the thread's own, any, another and none. */
#include "unit.h"

#include "faults.h"
#include "tests/numa/machine.h"

#include "buddy/node.h"
#include "lib/stats.h"
#include "slab/thread.h"

#include <kmem.h>

static struct kmem_cache *cache;
static void *objects[1000];

static void setup(void (*ctor)(void *))
{
	cache = kmem_cache_create("node", 100, 0, 0, ctor);
	ck_assert_ptr_nonnull(cache);
}

/* The thread's sheaf has objects; these, and as many at home, are full of this byte. */
static void stock_sheaf(int byte)
{
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 1000, objects), 1000);
	for (int i = 0; i < 1000; i++)
		memset(objects[i], byte, 100);
	kmem_cache_free_bulk(cache, 1000, objects);
	kmem_cache_shrink(cache);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 10, objects), 10);
	kmem_cache_free_bulk(cache, 10, objects);
}

static unsigned at_hand(void)
{
	return slot_fill(thread_slot(thread_self(), cache->id));
}

static int other_node(void)
{
	machine_start(&machine_two, 0);
	return 1;
}

START_TEST(the_machines_nodes_are_read)
{
	faults_count();
	require(node_exists(0, GFP_NOWAIT) && node_exists(1000, GFP_NOWAIT)); /* not known yet */
	require(node_exists(node_here(), GFP_KERNEL));
	require(!node_exists(-1, GFP_KERNEL) && !node_exists(NODES_MAX, GFP_KERNEL));
	require(!node_exists(NODES_MAX - 1, GFP_KERNEL) && !node_exists(NODES_MAX - 1, GFP_NOWAIT));
	faults_end();
}
END_TEST

START_TEST(lists_of_nodes_are_understood)
{
	nodes_enter("0,2-3,63-65,1000-2000\n");
	for (int node = 0; node < NODES_MAX; node++)
		require(node_exists(node, GFP_KERNEL) ==
			(node == 0 || node == 2 || node == 3 || (node >= 63 && node <= 65) ||
			 node >= 1000));
	nodes_enter("");
	nodes_enter("x");
	require(node_exists(2, GFP_KERNEL) && !node_exists(1, GFP_KERNEL));
}
END_TEST

START_TEST(one_node_is_here)
{
	nodes_enter("5\n");
	ck_assert_int_eq(node_here(), 5);
	nodes_enter("0-1");
	ck_assert_int_lt(node_here(), 2);
}
END_TEST

START_TEST(any_node_and_ones_own_are_the_sheafs)
{
	unsigned n;
	void *one;

	setup(NULL);
	stock_sheaf(0xff);
	n = at_hand();
	one = kmem_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE);
	ck_assert_ptr_eq(one, objects[0]);
	kmem_cache_free(cache, one);
	one = kmem_cache_alloc_node(cache, GFP_NOWAIT | __GFP_THISNODE, node_here());
	ck_assert_ptr_eq(one, objects[0]);
	kmem_cache_free(cache, one);
	ck_assert_ptr_eq(kmem_cache_alloc_lru(cache, NULL, GFP_KERNEL), objects[0]);
	ck_assert_uint_eq(at_hand(), n - 1);
}
END_TEST

START_TEST(another_node_passes_the_sheaves_by)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_KERNEL | __GFP_THISNODE,
				      GFP_KERNEL | __GFP_ZERO};
	int other = other_node();
	unsigned n;

	setup(NULL);
	stock_sheaf(0xff);
	n = at_hand();
	for (int i = 0; i < 300; i++) {
		char *one = kmem_cache_alloc_node(cache, flags[i % 3], other);

		require(one && at_hand() == n);
		for (int k = 0; flags[i % 3] & __GFP_ZERO && k < 100; k++)
			require(one[k] == 0);
		memset(one, 0xff, 100);
		objects[i] = one;
	}
	ck_assert_uint_eq(cache_stats(cache).active, 300);
	for (int i = 0; i < 300; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(nowait_insists_on_no_other_node)
{
	int other = other_node();

	setup(NULL);
	stock_sheaf(0);
	faults_count();
	ck_assert_ptr_eq(kmem_cache_alloc_node(cache, GFP_NOWAIT, other), objects[0]);
	require_errno(EAGAIN, kmem_cache_alloc_node(cache, GFP_NOWAIT | __GFP_THISNODE, other));
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
}
END_TEST

/* Slabs are empty, the system gives no more; the sheaf has one object. */
START_TEST(without_memory_any_node_will_do)
{
	int other = other_node();
	void *last = NULL, *one;

	setup(NULL);
	faults_begin(1, ~0ul);
	while ((one = kmem_cache_alloc(cache, GFP_KERNEL)))
		last = one;
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL, other));
	kmem_cache_free(cache, last);
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, other));
	ck_assert_ptr_eq(kmem_cache_alloc_node(cache, GFP_KERNEL, other), last);
	faults_end();
	require(kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, other));
}
END_TEST

static void build(void *object)
{
	memset(object, 0x5a, 100);
}

START_TEST(another_nodes_objects_are_constructed)
{
	int other = other_node();

	setup(build);
	for (int i = 0; i < 100; i++)
		require(((char *)kmem_cache_alloc_node(cache, GFP_KERNEL, other))[99] == 0x5a);
	require_errno(EINVAL,
		      kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN, other));
}
END_TEST

static void from_no_node(void)
{
	errno = 0;
	if (kmem_cache_alloc_node(cache, GFP_KERNEL, 1023) || errno != EINVAL)
		_exit(1);
	errno = 0;
	if (kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_NOWARN, -2) || errno != EINVAL)
		_exit(2);
}

START_TEST(a_node_that_is_not_there_is_einval)
{
	struct last_words words;

	setup(NULL);
	words = unit_child(from_no_node);
	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, "libkmem: kmem_cache_alloc_node: cache 'node': there is no "
				     "node 1023\n");
}
END_TEST

UNIT_MAIN("node", the_machines_nodes_are_read, lists_of_nodes_are_understood, one_node_is_here,
	  any_node_and_ones_own_are_the_sheafs, another_node_passes_the_sheaves_by,
	  nowait_insists_on_no_other_node, without_memory_any_node_will_do,
	  another_nodes_objects_are_constructed, a_node_that_is_not_there_is_einval)
