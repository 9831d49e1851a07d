// SPDX-License-Identifier: MIT
/* Placement on simulated machines: whose node memory is of, and whose next. */
#include "tests/unit/unit.h"

#include "tests/numa/machine.h"

#include "buddy/buddy.h"
#include "slab/cache_place.h"

#include <kmem.h>

#define MANY   2000
#define NPAGES 400 /* runs of 16, less than a zone */

static struct kmem_cache *cache;

/* The node that an object, or a run of pages, is of. */
static int node_of_block(const void *block)
{
	return place_node(buddy_zone(block)->place);
}

static void setup(const struct machine *which, int node)
{
	machine_start(which, node);
	places_read();
	cache = kmem_cache_create("placed", 200, 0, 0, NULL);
	ck_assert_ptr_nonnull(cache);
}

/* Nothing is out, and all goes home. */
static void teardown(void)
{
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_ptr_null(buddy_check());
	for (struct cache_place *at = cache_places(cache); at; at = cache_place_next(at))
		ck_assert_uint_le(at->nslabs, cache->pub.nslabs);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	for (struct cache_place *at = cache_places(cache); at; at = cache_place_next(at))
		ck_assert_uint_eq(at->nslabs, 0);
}

/* Allocates MANY objects into the array, and leaves them. */
static void *take(void *objects)
{
	for (int i = 0; i < MANY; i++)
		if (!(((void **)objects)[i] = kmem_cache_alloc(cache, GFP_KERNEL)))
			abort();
	return NULL;
}

static void *give(void *objects)
{
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, ((void **)objects)[i]);
	return NULL;
}

static void require_of(void **objects, int node)
{
	for (int i = 0; i < MANY; i++)
		require(node_of_block(objects[i]) == node);
}

static void *objects[16][MANY];

START_TEST(each_thread_has_its_nodes)
{
	setup(&machine_four, 0);
	for (int node = 0; node < 4; node++)
		machine_on(node, take, objects[node]);
	for (int node = 0; node < 4; node++)
		require_of(objects[node], node);
	for (int node = 0; node < 4; node++)
		machine_on(node, give, objects[node]);
	teardown();
}
END_TEST

START_TEST(two_nodes_are_apart)
{
	setup(&machine_two, 1);
	take(objects[1]);
	machine_on(0, take, objects[0]);
	require_of(objects[1], 1);
	require_of(objects[0], 0);
	machine_on(1, give, objects[0]);
	give(objects[1]);
	teardown();
}
END_TEST

START_TEST(numbers_may_have_holes)
{
	setup(&machine_holes, 5);
	machine_on(2, take, objects[2]);
	take(objects[5]);
	machine_on(12, take, objects[12]);
	require_of(objects[2], 2);
	require_of(objects[5], 5);
	require_of(objects[12], 12);
	require_errno(EINVAL, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_NOWARN, 16));
	for (int node = 2; node <= 12; node++)
		if (node == 2 || node == 5 || node == 12)
			give(objects[node]);
	teardown();
}
END_TEST

START_TEST(without_memory_the_nearest_is_ones_own)
{
	void *one;

	setup(&machine_holes, 2);
	machine_on(7, take, objects[7]);
	require_of(objects[7], 5);
	one = kmem_cache_alloc_node(cache, GFP_KERNEL, 7);
	ck_assert_int_eq(node_of_block(one), 5);
	kmem_cache_free(cache, one);
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 7));
	/* There may be one some day, today it has nothing. */
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 9));
	machine_on(7, give, objects[7]);
	teardown();
}
END_TEST

START_TEST(a_process_that_starts_there_begins_with_the_nearest)
{
	setup(&machine_holes, 7);
	take(objects[0]);
	require_of(objects[0], 5);
	ck_assert_int_eq(place_node(0), 5);
	give(objects[0]);
	teardown();
}
END_TEST

/* The node has no more, and all of it that was committed is used. */
static void *fill_node(void *unused)
{
	int node = machine_node;

	(void)unused;
	machine_free_kib[node] = -1;
	for (unsigned order = 6; order-- > 0;)
		for (int i = 0; i < 512; i++)
			if (!kmem_pages_alloc_node(
				    order, GFP_KERNEL | __GFP_THISNODE | __GFP_NOWARN, node))
				break;
	return NULL;
}

/* Of a node that is asked for, or the nearest that has room. */
static int node_for(int node)
{
	return node_of_block(kmem_pages_alloc_node(0, GFP_KERNEL, node));
}

START_TEST(what_a_node_lacks_is_of_the_nearest)
{
	static const int next[4][4] = {{0, 1, 2, 3}, {1, 0, 3, 2}, {2, 3, 0, 1}, {3, 2, 1, 0}};

	setup(&machine_four, 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(node_for(2), next[2][i]);
		machine_on(next[2][i], fill_node, NULL);
	}
	ck_assert_int_eq(node_for(2), next[2][3]);
	ck_assert_int_eq(node_for(3), 1);
	machine_free_kib[0] = 0;
	ck_assert_int_eq(node_for(2), 0);
	teardown();
}
END_TEST

static void *ask_for_three(void *held)
{
	for (int i = 0; i < MANY; i++)
		((void **)held)[i] = kmem_cache_alloc_node(cache, GFP_KERNEL, 3);
	return NULL;
}

START_TEST(objects_of_a_node_that_ran_out_are_of_the_nearest)
{
	setup(&machine_four, 0);
	machine_on(3, fill_node, NULL);
	ask_for_three(objects[3]);
	require_of(objects[3], 2);
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 3));
	require_errno(ENOMEM, kmem_pages_alloc_node(0, GFP_KERNEL | __GFP_THISNODE, 3));
	give(objects[3]);
	teardown();
}
END_TEST

/* Zones that cannot grow, and no others to be had. */
static long refuse_mmap(void *addr, size_t nbytes, int prot, int flags)
{
	(void)addr, (void)nbytes, (void)prot, (void)flags;
	return -ENOMEM;
}

static long refuse_commit(void *addr, size_t nbytes, int prot)
{
	if (buddy_zone(addr) && buddy_zone(addr)->node == 2)
		return -ENOMEM;
	return sys_real.mprotect(addr, nbytes, prot);
}

static void *take_pages(void *nodes)
{
	for (int i = 0; i < NPAGES; i++)
		((int *)nodes)[i] = node_of_block(kmem_pages_alloc(4, GFP_KERNEL));
	return NULL;
}

START_TEST(what_cannot_grow_is_followed_by_the_nearest)
{
	static int nodes[NPAGES];
	struct sys_table table = sys_real;

	setup(&machine_four, 0);
	for (int node = 0; node < 4; node++)
		machine_on(node, take, objects[node]);
	table.mmap = refuse_mmap;
	table.mprotect = refuse_commit;
	sys_calls = &table;
	machine_on(2, take_pages, nodes);
	sys_calls = &sys_real;
	ck_assert_int_eq(nodes[0], 2);
	ck_assert_int_eq(nodes[NPAGES - 1], 3);
	for (int i = 1; i < NPAGES; i++)
		require(nodes[i] == nodes[i - 1] || (nodes[i] == 3 && nodes[i - 1] == 2));
	for (int node = 0; node < 4; node++)
		give(objects[node]);
	teardown();
}
END_TEST

START_TEST(where_all_are_out_the_kernel_is_asked)
{
	setup(&machine_four, 1);
	for (int node = 0; node < 4; node++)
		machine_free_kib[node] = -1;
	take(objects[1]);
	require_of(objects[1], 1);
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 2));
	ck_assert_int_eq(node_of_block(kmem_cache_alloc_node(cache, GFP_KERNEL, 2)), 1);
	/* Nothing is committed there, and nowhere is room: then where it was asked for. */
	ck_assert_int_eq(node_of_block(kmem_pages_alloc_node(10, GFP_KERNEL, 3)), 3);
}
END_TEST

static void one_of(int node, gfp_t flags)
{
	void *block;

	block = kmem_cache_alloc_node(cache, flags, node);
	require(node_of_block(block) == node);
	kmem_cache_free(cache, block);
	block = kmem_pages_alloc_node(3, flags, node);
	require(node_of_block(block) == node);
	kmem_pages_free(block);
	for (size_t nbytes = 8; nbytes < (size_t)4 << 20; nbytes *= 5) {
		block = kmem_kmalloc_node(nbytes, flags, node);
		require(node_of_block(block) == node);
		require(((uintptr_t)block & ((nbytes & (0 - nbytes)) - 1)) == 0);
		memset(block, 0xff, nbytes);
		kmem_kfree(block);
	}
}

START_TEST(one_may_ask_for_a_node)
{
	setup(&machine_four, 1);
	for (int node = 3; node >= 0; node--) {
		one_of(node, GFP_KERNEL | __GFP_THISNODE);
		one_of(node, GFP_KERNEL | __GFP_ZERO);
	}
	teardown();
}
END_TEST

START_TEST(zeroed_is_zero_on_any_node)
{
	setup(&machine_two, 0);
	for (int node = 0; node < 2; node++)
		for (size_t nbytes = 40; nbytes < 300000; nbytes *= 3) {
			char *dirty = kmem_kmalloc_node(nbytes, GFP_KERNEL, node), *block;

			memset(dirty, 0xff, nbytes);
			kmem_kfree(dirty);
			block = kmem_kmalloc_node(nbytes, GFP_KERNEL | __GFP_ZERO, node);
			for (size_t i = 0; i < kmem_ksize(block); i++)
				require(block[i] == 0);
			kmem_kfree(block);
		}
	teardown();
}
END_TEST

/* Debugged, hardened and limited caches have no sheaves to pass by. */
START_TEST(guarded_caches_are_placed_too)
{
	static const slab_flags_t flags[] = {SLAB_POISON | SLAB_RED_ZONE | SLAB_CONSISTENCY_CHECKS,
					     0};
	struct kmem_cache_args args = {.limit_objects = 1000};

	setup(&machine_four, 0);
	for (int i = 0; i < 2; i++) {
		struct kmem_cache *gated = kmem_cache_create_args("gated", 300, &args, flags[i]);
		void *held[40];

		for (int n = 0; n < 40; n++) {
			held[n] = kmem_cache_alloc_node(gated, GFP_KERNEL | __GFP_THISNODE, n % 4);
			require(node_of_block(held[n]) == n % 4);
		}
		for (int n = 0; n < 40; n++)
			kmem_cache_free(gated, held[n]);
		ck_assert_ptr_null(cache_check(gated));
		ck_assert_int_eq(kmem_cache_destroy(gated), 0);
	}
	teardown();
}
END_TEST

START_TEST(where_one_node_is_allowed_no_file_is_read)
{
	static const struct machine cpuset = {.possible = "0-3",
					      .online = "0-3",
					      .memory = "0-3",
					      .allowed = "2",
					      .lines = {{0, "10 20 20 20"}}};

	setup(&cpuset, 0);
	take(objects[0]);
	require(!places_several());
	ck_assert_int_eq(machine_reads, 0);
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 1));
	give(objects[0]);
	teardown();
}
END_TEST

START_TEST(what_a_cpuset_has_not_is_no_place)
{
	static const struct machine cpuset = {.possible = "0-3",
					      .online = "0-3",
					      .memory = "0-3",
					      .allowed = "0,2-3",
					      .lines = {{0, "10 12 32 35"},
							{1, "12 10 35 32"},
							{2, "32 35 10 12"},
							{3, "35 32 12 10"}}};

	setup(&cpuset, 2);
	machine_on(1, take, objects[1]);
	require_of(objects[1], 0);
	ck_assert_uint_eq(places_nodes(), 3);
	give(objects[1]);
	teardown();
}
END_TEST

START_TEST(where_nobody_says_what_is_allowed_all_is)
{
	machine_secret = true;
	setup(&machine_two, 0);
	machine_on(1, take, objects[1]);
	require_of(objects[1], 1);
	/* Three lists, and the distances. */
	ck_assert_int_le(machine_reads, 10);
	give(objects[1]);
	teardown();
}
END_TEST

START_TEST(one_node_is_not_placed)
{
	setup(&machine_one, 0);
	for (int i = 0; i < 50; i++)
		machine_on(0, take, objects[0]);
	require(!places_several() && !cache_places(cache));
	for_each_zone (zone)
		require(zone->place == 0 && zone->node == -1);
	require(kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 0));
}
END_TEST

START_TEST(nothing_is_bound_without_a_policy)
{
	setup(&machine_four, 0);
	for (int node = 0; node < 4; node++)
		machine_on(node, take, objects[node]);
	kmem_kfree(kmem_kmalloc_node(100 << 20, GFP_KERNEL, 2));
	ck_assert_uint_eq(machine_nbound, 0);
	for (int node = 0; node < 4; node++)
		give(objects[node]);
	teardown();
}
END_TEST

UNIT_MAIN("placement", each_thread_has_its_nodes, two_nodes_are_apart, numbers_may_have_holes,
	  without_memory_the_nearest_is_ones_own,
	  a_process_that_starts_there_begins_with_the_nearest, what_a_node_lacks_is_of_the_nearest,
	  objects_of_a_node_that_ran_out_are_of_the_nearest, where_all_are_out_the_kernel_is_asked,
	  one_may_ask_for_a_node, zeroed_is_zero_on_any_node, guarded_caches_are_placed_too,
	  where_one_node_is_allowed_no_file_is_read, what_a_cpuset_has_not_is_no_place,
	  where_nobody_says_what_is_allowed_all_is, what_cannot_grow_is_followed_by_the_nearest,
	  one_node_is_not_placed, nothing_is_bound_without_a_policy)
