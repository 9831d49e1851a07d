// SPDX-License-Identifier: MIT
/* Debugged caches by all ways in and out: bulk, pools, sheaves, limits. */
#include "debug_fixture.h"

#include "lib/stats.h"

#define N 700u

static void *objects[N];

/* All of what is out may be written to. */
static void write_all(unsigned n, unsigned size)
{
	for (unsigned i = 0; i < n; i++)
		memset(objects[i], (int)i, size);
	sound();
}

START_TEST(bulk)
{
	make(56, FZPU);
	listen();
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, N, objects), N);
	write_all(N, 56);
	kmem_cache_free_bulk(cache, N / 2, objects);
	kmem_cache_free_bulk(NULL, N - N / 2, objects + N / 2);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_ZERO, N, objects), N);
	for (unsigned i = 0; i < N; i++)
		for (unsigned k = 0; k < 56; k++)
			require(((char *)objects[i])[k] == 0);
	kmem_cache_free_bulk(cache, N, objects);
	finish();
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(zeroed_and_poisoned)
{
	unsigned char *object;

	make(56, FZPU);
	object = get();
	for (unsigned i = 0; i < 55; i++)
		require(object[i] == POISON_FREE);
	require(object[55] == POISON_END);
	put(object);
	object = kmem_cache_zalloc(cache, GFP_KERNEL);
	for (unsigned i = 0; i < 56; i++)
		require(object[i] == 0);
	put(object);
	finish();
}
END_TEST

START_TEST(pools_and_prefilled_sheaves)
{
	struct kmem_mempool *pool;
	struct slab_sheaf *sheaf;

	make(56, FZPU);
	listen();
	pool = kmem_mempool_create_slab(30, cache);
	for (unsigned i = 0; i < 40; i++)
		objects[i] = kmem_mempool_alloc(pool, GFP_KERNEL);
	write_all(40, 56);
	for (unsigned i = 0; i < 40; i++)
		kmem_mempool_free(objects[i], pool);
	kmem_mempool_destroy(pool);
	sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 40);
	for (unsigned i = 0; i < 30; i++)
		objects[i] = kmem_cache_alloc_from_sheaf(cache, GFP_KERNEL, sheaf);
	write_all(30, 56);
	for (unsigned i = 0; i < 30; i++)
		put(objects[i]);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	finish();
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* The limit is of the program's bytes, not of red zones. */
START_TEST(limits)
{
	struct kmem_cache_args args = {.limit_bytes = 10 * 64, .reserve_objects = 2};

	make_args(64, &args, FZPU);
	for (unsigned i = 0; i < 8; i++)
		objects[i] = get();
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
	for (unsigned i = 8; i < 10; i++)
		require(objects[i] = kmem_cache_alloc(cache, GFP_KERNEL | __GFP_HIGH));
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_HIGH | __GFP_NOWARN));
	write_all(10, 64);
	kmem_cache_free_bulk(cache, 10, objects);
	finish();
	args = (struct kmem_cache_args){.limit_bytes = 64};
	make_args(64, &args, FZPU);
	objects[0] = get();
	require_errno(ENOMEM, kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
	put(objects[0]);
	finish();
}
END_TEST

static void damage_some(unsigned n)
{
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, n, objects), (int)n);
	for (unsigned i = 0; i < n; i++)
		put(objects[i]);
	for (unsigned i = 0; i < n; i += 3)
		((char *)objects[i])[5] = 1;
}

START_TEST(damaged_ones_are_replaced_in_bulk)
{
	void *others[30];

	make(64, FZPU);
	damage_some(30);
	listen();
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 30, others), 30);
	expect_bugs(10, "Poison overwritten");
	ck_assert_uint_eq(unit_count(said, "set aside"), 10);
	for (unsigned i = 0; i < 30; i++)
		for (unsigned k = 0; k < 30; k += 3)
			require(others[i] != objects[k]);
	/* What is set aside counts as in use. */
	ck_assert_uint_eq(atomic_load(&cache->used), 40);
	ck_assert_uint_eq(cache_stats(cache).active, 40);
	listen();
	sound();
	for (unsigned i = 0; i < 30; i++)
		memset(others[i], 1, 64);
	kmem_cache_free_bulk(cache, 30, others);
	put(objects[0]); /* is nobody's */
	expect_bugs(1, "Object already free");
	ck_assert_uint_eq(atomic_load(&cache->used), 10);
	kmem_cache_shrink(cache);
	sound();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

/* No other is at hand: what was let out already goes home unharmed. */
START_TEST(none_takes_the_place_of_a_damaged_one)
{
	unsigned all, n = 0;
	void *others[512];

	make(64, FZPU);
	all = cache->pub.slab_objects;
	ck_assert_uint_le(all, N);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, all, objects), (int)all);
	for (unsigned i = 0; i < all; i++)
		put(objects[i]);
	ck_assert_int_eq(kmem_cache_prealloc(cache, 1), 0);
	((char *)objects[all - 1])[5] = 1;
	listen();
	errno = 0;
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, all, others), 0);
	ck_assert_int_eq(errno, EAGAIN);
	expect_bugs(1, "Poison overwritten");
	ck_assert_uint_eq(atomic_load(&cache->used), 1);
	listen();
	sound();
	while (n < all && (others[n] = kmem_cache_alloc(cache, GFP_NOWAIT)))
		n++;
	ck_assert_uint_eq(n, all - 1);
	for (unsigned i = 0; i < n; i++)
		put(others[i]);
	sound();
	ck_assert_str_eq(heard(), "");
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

START_TEST(preallocated_and_without_waiting)
{
	static const unsigned sizes[] = {1, 60, 800, 5000, 150000};

	listen();
	for (unsigned i = 0; i < 5; i++) {
		struct kmem_cache_args args = {.align = i % 2 ? 8 : 512};
		unsigned n = 0;

		make_args(sizes[i], &args, FZPU | (i == 3 ? SLAB_NOWAIT : 0));
		ck_assert_int_eq(kmem_cache_prealloc(cache, 100), 0);
		sound();
		while (n < 10 && (objects[n] = kmem_cache_alloc(cache, GFP_NOWAIT)))
			n++;
		require(n > 0 || sizes[i] > 100000);
		write_all(n, sizes[i]);
		kmem_cache_free_bulk(cache, n, objects);
		kmem_cache_shrink(cache);
		finish();
	}
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(written_to_before_the_slab_goes)
{
	unsigned char *object;

	make(64, FZPU);
	put(object = get());
	object[9] = 1;
	listen();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
	expect_bugs(1, "Poison overwritten");
}
END_TEST

static _Atomic unsigned nbuilt, nended;

static void build(void *object)
{
	memset(object, 0x21, 64);
	nbuilt++;
}

static void end(void *object)
{
	require(*(char *)object == 0x21);
	nended++;
}

START_TEST(constructed_and_destructed_once)
{
	struct kmem_cache_args args = {.ctor = build, .dtor = end};

	make_args(64, &args, FZPU);
	listen();
	for (unsigned turn = 0; turn < 3; turn++) {
		ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, 300, objects), 300);
		kmem_cache_free_bulk(cache, 300, objects);
	}
	ck_assert_uint_eq(nbuilt, 300);
	finish();
	ck_assert_uint_eq(nended, 300);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(traced)
{
	unsigned char *object;
	char line[100];

	make(64, SLAB_TRACE);
	listen();
	put(object = get());
	heard();
	snprintf(line, sizeof(line), "TRACE debugged alloc %p inuse=1\nCPU: ", (void *)object);
	ck_assert_uint_eq(unit_count(said, line), 1);
	snprintf(line, sizeof(line), "TRACE debugged free %p inuse=1\nCPU: ", (void *)object);
	ck_assert_uint_eq(unit_count(said, line), 1);
	ck_assert_uint_eq(unit_count(said, "TRACE"), 2);
}
END_TEST

UNIT_MAIN("debug_ways", bulk, zeroed_and_poisoned, pools_and_prefilled_sheaves, limits,
	  damaged_ones_are_replaced_in_bulk, none_takes_the_place_of_a_damaged_one,
	  preallocated_and_without_waiting, written_to_before_the_slab_goes,
	  constructed_and_destructed_once, traced)
