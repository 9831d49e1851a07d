// SPDX-License-Identifier: MIT
/* Machines that say little or much, and moments at which a thread moves, or ends: see place.h. */
#include "tests/unit/unit.h"

#include "tests/numa/machine.h"

#include "buddy/buddy.h"
#include "slab/cache_place.h"
#include "slab/numa.h"
#include "slab/shade.h"

#include <kmem.h>
#include <linux/mempolicy.h>

#define MANY 3000

static struct kmem_cache *cache;
static void *objects[MANY];

static void setup(const struct machine *which, int node, void (*ctor)(void *object))
{
	machine_start(which, node);
	places_read();
	cache = kmem_cache_create("odd", 200, 0, 0, ctor);
	ck_assert_ptr_nonnull(cache);
}

static int node_of_block(const void *block)
{
	return place_node(buddy_zone(block)->place);
}

/* Whose turn it is behind that of the node. */
static int next_of(int node)
{
	struct place_walk walk = place_walk_from(place_of_node(node), false);

	require(place_walk_next(&walk));
	return place_node(walk.place);
}

START_TEST(what_has_no_distance_is_far)
{
	static const struct machine terse = {.possible = "0-3",
					     .online = "0-3",
					     .memory = "0-3",
					     .lines = {{0, "10 40"}, {1, "40 10 x 5"}, {2, ""}}};

	setup(&terse, 0, NULL);
	ck_assert_int_eq(next_of(0), 1);
	ck_assert_int_eq(next_of(1), 0);
	ck_assert_int_eq(next_of(3), 0);
}
END_TEST

START_TEST(local_without_memory_is_the_nearest)
{
	setup(&machine_holes, 7, NULL);
	ck_assert_int_eq(place_node((unsigned)place_of_local()), 5);
	machine_node = 12;
	ck_assert_int_eq(place_node((unsigned)place_of_local()), 12);
}
END_TEST

START_TEST(local_is_the_one_node_with_memory)
{
	static const struct machine board = {
		.possible = "0-1", .online = "0-1", .memory = "0", .lines = {{0, "10 20"}}};

	setup(&board, 1, NULL);
	ck_assert_int_eq(place_node((unsigned)place_of_local()), 0);
	require(place_has_memory(0) && !place_has_memory(1));
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 1));
}
END_TEST

/* Their zones are the nearest's, but zones can be bound to each. */
START_TEST(nodes_behind_the_last_place_are_there)
{
	static const struct numa_ops ops = {.bind = machine_bind};
	static const struct machine wide = {
		.possible = "0-99", .online = "0-99", .memory = "0-99", .lines = {{0, "10"}}};

	setup(&wide, 99, NULL);
	ck_assert_uint_eq(places_nodes(), PLACE_POLICIES);
	require(kmem_cache_alloc(cache, GFP_KERNEL));
	require_errno(ENOMEM, kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 99));
	require(kmem_cache_alloc_node(cache, GFP_KERNEL, 98));
	kmem_private_numa_attach(&ops);
	ck_assert_int_eq(
		node_of_block(kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, 99)), 99);
	ck_assert_int_eq(place_node((unsigned)place_of_local()), 99);
	ck_assert_uint_eq(machine_nbound, 1);
}
END_TEST

START_TEST(room_is_what_the_kernel_does_not_keep)
{
	setup(&machine_two, 0, NULL);
	require(place_has_room(0, 1 << 20));
	machine_free_kib[0] = 100 << 10; /* of 95 GiB */
	require(!place_has_room(0, 1 << 20));
	machine_free_kib[0] = 500 << 10;
	require(place_has_room(0, 1 << 20) && !place_has_room(0, 200 << 20));
	machine_mute = true;
	require(place_has_room(0, 200 << 20));
}
END_TEST

static void *take_without_waiting(void *unused)
{
	(void)unused;
	objects[0] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (int i = 1; i < MANY; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_NOWAIT | __GFP_NOWARN);
	return NULL;
}

START_TEST(what_was_made_ahead_is_found_from_any_node)
{
	setup(&machine_four, 2, NULL);
	ck_assert_int_eq(kmem_cache_prealloc(cache, MANY + 2 * SHEAF_CAP_MAX), 0);
	machine_on(1, take_without_waiting, NULL);
	for (int i = 0; i < MANY; i++) {
		require(objects[i]);
		kmem_cache_free(cache, objects[i]);
	}
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

#define AHEAD 200

/* Moves with the last of the objects: the new node has nothing of the cache then. */
static void move(void *object)
{
	static int n;

	(void)object;
	if (++n < AHEAD)
		return;
	machine_node = 3;
	thread_note_move(thread_known());
}

START_TEST(a_constructor_may_move_while_objects_are_made_ahead)
{
	setup(&machine_four, 1, move);
	ck_assert_int_eq(kmem_cache_prealloc(cache, AHEAD), 0);
	ck_assert_int_eq(machine_node, 3);
	require(!cache_places(cache));
	for (int i = 0; i < MANY; i++)
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static void leave(void *object)
{
	(void)object;
	pthread_exit(NULL);
}

static void *ask_for_three(void *unused)
{
	(void)unused;
	return kmem_cache_alloc_node(cache, GFP_KERNEL, 3);
}

/* With a record, which is that of the thread before. */
static void *take_one(void *unused)
{
	void *block = kmem_malloc(100);

	(void)unused;
	require(!thread_known()->wish);
	return block;
}

START_TEST(what_a_thread_wished_ends_with_it)
{
	setup(&machine_four, 1, leave);
	machine_on(1, ask_for_three, NULL);
	ck_assert_int_eq(node_of_block(machine_on(1, take_one, NULL)), 1);
}
END_TEST

static void *ask_for_two(void *unused)
{
	(void)unused;
	return kmem_cache_alloc_node(cache, GFP_KERNEL, 2);
}

START_TEST(a_slab_among_anothers_is_found)
{
	struct slab *slab;

	setup(&machine_four, 1, NULL);
	slab = slab_of(machine_on(1, ask_for_two, NULL));
	machine_on(1, ask_for_three, NULL);
	ck_assert_ptr_null(cache_check(cache));
	slab->place = place_of_node(3);
	ck_assert_str_eq(cache_check(cache), "S2: a slab is on a list of another place");
}
END_TEST

static unsigned nnoted;

static void *note_alloc(struct kmem_cache *of, gfp_t flags)
{
	void *object;

	shade_lift();
	nnoted++;
	object = kmem_cache_alloc(of, flags);
	shade_drop();
	return object;
}

START_TEST(what_is_recorded_is_recorded_of_any_node)
{
	static const struct shade_hooks hooks = {.alloc = note_alloc};

	setup(&machine_four, 0, NULL);
	shade_hooks = &hooks;
	shade_drop();
	for (int node = 0; node < 4; node++)
		require(kmem_cache_alloc_node(cache, GFP_KERNEL, node));
	ck_assert_uint_eq(nnoted, 4);
	shade_lift();
	shade_hooks = NULL;
}
END_TEST

static _Atomic bool enough;

static void *mill(void *unused)
{
	(void)unused;
	while (!enough) {
		void *object = kmem_cache_alloc(cache, GFP_KERNEL);

		require(object);
		kmem_cache_free(cache, object);
		kmem_cache_shrink(cache);
	}
	return NULL;
}

START_TEST(policies_come_while_others_allocate)
{
	static const struct numa_ops ops = {.bind = machine_bind};
	const struct numa_core *core = kmem_private_numa_attach(&ops);
	struct machine_thread thread = {2, mill, NULL};
	struct place_policy policy;
	pthread_t id;

	setup(&machine_four, 0, NULL);
	ck_assert_int_eq(pthread_create(&id, NULL, machine_run, &thread), 0);
	for (int i = 1; i < 16; i++) {
		struct node_set nodes = {{(uint64_t)i}};

		ck_assert_int_eq(core->policy_of(&policy, MPOL_BIND, &nodes), 0);
		core->set(cache, policy);
		kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	}
	enough = true;
	pthread_join(id, NULL);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("odd", what_has_no_distance_is_far, local_without_memory_is_the_nearest,
	  local_is_the_one_node_with_memory, room_is_what_the_kernel_does_not_keep,
	  nodes_behind_the_last_place_are_there, what_was_made_ahead_is_found_from_any_node,
	  a_constructor_may_move_while_objects_are_made_ahead, what_a_thread_wished_ends_with_it,
	  a_slab_among_anothers_is_found, what_is_recorded_is_recorded_of_any_node,
	  policies_come_while_others_allocate)
