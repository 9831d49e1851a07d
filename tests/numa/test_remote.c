// SPDX-License-Identifier: MIT
/* What is freed on another node than its own, and threads that go to another: it goes home. */
#include "tests/unit/unit.h"

#include "tests/numa/machine.h"

#include "buddy/buddy.h"
#include "slab/cache_place.h"
#include "slab/sheaves.h"

#include <kmem.h>

#define MANY 20000

static struct kmem_cache *cache;
static void *objects[MANY];

static int node_of_object(const void *object)
{
	return place_node(buddy_zone(object)->place);
}

static void setup(int node, slab_flags_t flags)
{
	machine_start(&machine_four, node);
	places_read();
	cache = kmem_cache_create("remote", 64, 0, flags, NULL);
	ck_assert_ptr_nonnull(cache);
}

static void *take(void *unused)
{
	(void)unused;
	for (int i = 0; i < MANY; i++)
		if (!(objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)))
			abort();
	return NULL;
}

/* All go home that other threads' barns hold too, but not this thread's. */
static unsigned parked_strangers(unsigned place, unsigned *total)
{
	struct barn *barns = barns_at(cache, (place + 1) * BARN_ELSEWHERE);
	unsigned n = 0;

	*total = 0;
	for (unsigned i = 0; barns && i < BARNS; i++)
		for (struct sheaf *sheaf; (sheaf = barn_pop(&barns[i]));) {
			for (unsigned k = 0; k < sheaf_capacity(sheaf_level(sheaf)); k++, ++*total)
				n += slab_of(sheaf->object[k])->place != place;
			cache->ops->home(cache, sheaf->object, sheaf_capacity(sheaf_level(sheaf)));
			cache_count(cache, 0, sheaf_capacity(sheaf_level(sheaf)),
				    0 - (uint64_t)sheaf_capacity(sheaf_level(sheaf)));
			sheaf_put(sheaf);
		}
	return n;
}

static unsigned nslabs_at(unsigned place)
{
	struct cache_place *at = place ? cache_place_find(cache, place) : NULL;

	if (at)
		return at->nslabs;
	return place ? 0 : cache->pub.nslabs;
}

static void *give_all(void *counts)
{
	unsigned *n = counts;

	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	n[0] = parked_strangers(1, &n[1]);
	return NULL;
}

START_TEST(a_remote_free_goes_home)
{
	unsigned counts[2];

	setup(0, 0);
	take(NULL);
	machine_on(1, give_all, counts);
	/* Nothing of node 0 waits on node 1. */
	ck_assert_uint_eq(counts[0], 0);
	ck_assert_uint_eq(counts[1], 0);
	ck_assert_ptr_null(cache_check(cache));
	/* And node 0 has its own again, without new slabs. */
	counts[0] = cache->pub.nslabs;
	kmem_cache_shrink(cache);
	ck_assert_uint_le(cache->pub.nslabs, counts[0]);
	take(NULL);
	for (int i = 0; i < MANY; i++)
		require(node_of_object(objects[i]) == 0);
}
END_TEST

static void *give_mixed(void *counts)
{
	static void *own[MANY];
	unsigned *n = counts;

	for (int i = 0; i < MANY; i++)
		own[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	/* One of sixteen is of node 0. */
	for (int i = 0, k = 0; i < MANY; i++) {
		kmem_cache_free(cache, own[i]);
		if (i % 16 == 0)
			kmem_cache_free(cache, objects[k++]);
	}
	n[0] = parked_strangers(1, &n[1]);
	return NULL;
}

START_TEST(a_few_strangers_stay)
{
	unsigned counts[2];

	setup(0, 0);
	take(NULL);
	machine_on(1, give_mixed, counts);
	ck_assert_uint_gt(counts[1], 0);
	ck_assert_uint_gt(counts[0], 0);
	ck_assert_uint_lt(counts[0], counts[1] / 8);
	ck_assert_ptr_null(cache_check(cache));
}
END_TEST

static void *give_own(void *counts)
{
	static void *own[MANY];
	unsigned *n = counts;

	for (int i = 0; i < MANY; i++)
		own[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, own[i]);
	n[0] = parked_strangers(1, &n[1]);
	return NULL;
}

START_TEST(ones_own_wait_in_the_nodes_barns)
{
	unsigned counts[2], total;

	setup(0, 0);
	machine_on(1, give_own, counts);
	ck_assert_uint_gt(counts[1], 0);
	ck_assert_uint_eq(counts[0], 0);
	ck_assert_uint_eq(parked_strangers(0, &total), 0);
	ck_assert_uint_eq(total, 0);
	ck_assert_uint_gt(nslabs_at(1), 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	ck_assert_uint_eq(nslabs_at(1), 0);
}
END_TEST

/* A thread that produces on one node, and one that consumes on another, and allocates too. */
static void *consume(void *unused)
{
	unsigned n[2] = {0, 0};

	(void)unused;
	for (int i = 0; i < MANY; i++) {
		kmem_cache_free(cache, objects[i]);
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
	}
	for (int i = 0; i < MANY; i++)
		n[node_of_object(objects[i]) != 2]++;
	require(n[0] + n[1] == MANY);
	return NULL;
}

START_TEST(a_consumer_may_have_what_it_frees)
{
	setup(0, 0);
	take(NULL);
	machine_on(2, consume, NULL);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(a_thread_that_moves_has_the_new_nodes)
{
	int strangers = 0;

	setup(0, 0);
	take(NULL);
	machine_node = 3;
	kmem_trim();
	for (int i = 0; i < MANY; i++) {
		kmem_cache_free(cache, objects[i]);
		objects[i] = NULL;
	}
	take(NULL);
	for (int i = 0; i < MANY; i++)
		strangers += node_of_object(objects[i]) != 3;
	ck_assert_int_le(strangers, 2 * SHEAF_CAP_MAX);
	ck_assert_uint_eq(thread_known()->barn / BARN_ELSEWHERE, 4);
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(nowait_caches_have_barns_for_all)
{
	struct cache_place *at;

	setup(0, SLAB_NOWAIT);
	kmem_cache_prealloc(cache, 1000);
	take(NULL);
	machine_node = 1;
	for (int i = 0; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	for (int i = 0; i < 500; i++)
		require(kmem_cache_alloc(cache, GFP_NOWAIT));
	for (at = cache_places(cache); at; at = cache_place_next(at))
		for (unsigned i = 0; i < BARNS; i++)
			require(at->barns[i].nfull == 0);
}
END_TEST

/* Threads on all nodes that allocate, hand on, free what others did, and move. */
static _Atomic uintptr_t exchange[512];

static void *mill(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	for (int i = 0; i < 60000; i++) {
		void *object = kmem_cache_alloc_node(cache, GFP_KERNEL,
						     below(&random, 16) ? NUMA_NO_NODE
									: (int)below(&random, 4));

		if (!object)
			abort();
		memset(object, i, 64);
		object = (void *)atomic_exchange(&exchange[below(&random, 512)], (uintptr_t)object);
		if (object)
			kmem_cache_free(cache, object);
		if (below(&random, 5000) == 0)
			machine_node = (int)below(&random, 4);
	}
	return NULL;
}

START_TEST(all_of_it_at_once)
{
	struct machine_thread threads[8];
	pthread_t ids[8];

	setup(0, 0);
	for (int i = 0; i < 8; i++) {
		threads[i] =
			(struct machine_thread){i % 4, mill, (void *)(uintptr_t)(unit_next() | 1)};
		ck_assert_int_eq(pthread_create(&ids[i], NULL, machine_run, &threads[i]), 0);
	}
	for (int i = 0; i < 8; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < 512; i++)
		if (exchange[i])
			kmem_cache_free(cache, (void *)exchange[i]);
	ck_assert_ptr_null(cache_check(cache));
	ck_assert_ptr_null(buddy_check());
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

/* malloc's blocks, of classes, bins and runs. */
static void *mill_blocks(void *arg)
{
	uint64_t random = (uintptr_t)arg;

	for (int i = 0; i < 20000; i++) {
		size_t nbytes = (size_t)1 << below(&random, 19);
		unsigned char *block = kmem_malloc(nbytes + below(&random, nbytes));

		if (!block)
			abort();
		block[0] = block[nbytes - 1] = (unsigned char)i;
		block = (void *)atomic_exchange(&exchange[below(&random, 512)], (uintptr_t)block);
		kmem_free(block);
		if (below(&random, 1000) == 0)
			machine_node = (int)below(&random, 4);
		if (below(&random, 5000) == 0)
			kmem_trim();
	}
	return NULL;
}

START_TEST(malloc_is_of_all_nodes)
{
	struct machine_thread threads[6];
	int nodes[4] = {0};
	pthread_t ids[6];

	setup(0, 0);
	for (int i = 0; i < 6; i++) {
		threads[i] = (struct machine_thread){i % 4, mill_blocks,
						     (void *)(uintptr_t)(unit_next() | 1)};
		ck_assert_int_eq(pthread_create(&ids[i], NULL, machine_run, &threads[i]), 0);
	}
	for (int i = 0; i < 6; i++)
		pthread_join(ids[i], NULL);
	for (int i = 0; i < 512; i++) {
		if (exchange[i])
			nodes[node_of_object((void *)exchange[i])]++;
		kmem_free((void *)exchange[i]);
	}
	for (int node = 0; node < 4; node++)
		ck_assert_int_gt(nodes[node], 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

/* Pages of free objects go back, of slabs on any node. */
START_TEST(trim_looks_at_all_nodes)
{
	uint32_t absent = 0;

	machine_start(&machine_four, 0);
	places_read();
	cache = kmem_cache_create("sparse", 2000, 0, 0, NULL);
	machine_on(2, take, NULL);
	for (int i = 0; i < MANY; i++)
		if (i % 64)
			kmem_cache_free(cache, objects[i]);
	kmem_cache_shrink(cache);
	kmem_trim();
	for_each_lists (cache, lists)
		for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
			for (struct slab *slab = lists[bucket]; slab; slab = slab->next)
				absent += slab->place == 2 ? slab->absent : 0;
	ck_assert_uint_gt(absent, 0);
	for (int i = 0; i < MANY; i += 64)
		kmem_cache_free(cache, objects[i]);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static void destroy_too_early(void)
{
	setup(0, 0);
	machine_on(3, take, NULL);
	for (int i = 1; i < MANY; i++)
		kmem_cache_free(cache, objects[i]);
	if (kmem_cache_destroy(cache) != -EBUSY)
		_exit(1);
	kmem_cache_free(cache, objects[0]);
	if (kmem_cache_destroy(cache))
		_exit(2);
}

START_TEST(what_lives_on_another_node_is_seen)
{
	struct last_words words = unit_child(destroy_too_early);

	ck_assert_int_eq(words.status, 0);
	ck_assert_uint_eq(unit_count(words.text, "is still live"), 1);
}
END_TEST

UNIT_MAIN("remote", a_remote_free_goes_home, a_few_strangers_stay, ones_own_wait_in_the_nodes_barns,
	  a_consumer_may_have_what_it_frees, a_thread_that_moves_has_the_new_nodes,
	  nowait_caches_have_barns_for_all, all_of_it_at_once, malloc_is_of_all_nodes,
	  trim_looks_at_all_nodes, what_lives_on_another_node_is_seen)
