// SPDX-License-Identifier: MIT
/* The option stats: each allocation and free is counted, whichever way it goes. */
#include "unit.h"

#include "lib/classes.h"
#include "lib/stats.h"
#include "slab/counted.h"
#include "slab/guard.h"
#include "slab/slot.h"

#include <kmem.h>
#include <pthread.h>

#define N	1000
#define THREADS 4
#define ROUNDS	(UNDER_TSAN || UNDER_ASAN ? 2000 : 20000)

static struct kmem_cache *cache;
static void *objects[N];

static struct kmem_cache *counting(unsigned size, const struct kmem_cache_args *args,
				   slab_flags_t flags)
{
	ck_assert_int_eq(kmem_option_set("stats", "true"), 0);
	cache = kmem_cache_create_args("counted", size, args, flags);
	ck_assert_ptr_nonnull(cache);
	ck_assert_uint_eq(cache_stats(cache).counted, 1);
	return cache;
}

static void expect(uint64_t allocs, uint64_t frees)
{
	struct kmem_cache_stats stats = {.size = sizeof(stats)};

	ck_assert_int_eq(kmem_cache_stats(cache, &stats), 0);
	ck_assert_uint_eq(stats.allocs, allocs);
	ck_assert_uint_eq(stats.frees, frees);
	ck_assert_uint_eq(stats.active, allocs - frees);
	ck_assert_uint_le(stats.active, stats.objects);
	ck_assert_ptr_null(cache_check(cache));
}

static void get(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		require((objects[i] = kmem_cache_alloc(cache, GFP_KERNEL)));
}

static void put(unsigned n)
{
	while (n > 0)
		kmem_cache_free(cache, objects[--n]);
}

static void finish(void)
{
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

/* Some, then many, then pairs, in a cache of this kind. */
static void count_all(void)
{
	get(3);
	expect(3, 0);
	put(3);
	expect(3, 3);
	get(N);
	expect(N + 3, 3);
	put(N);
	for (unsigned i = 0; i < N; i++) {
		get(1);
		put(1);
	}
	expect(2 * N + 3, 2 * N + 3);
	finish();
}

START_TEST(every_kind_of_cache)
{
	const struct kmem_cache_args limited = {.limit_objects = N}, wide = {.sheaf_capacity = 255};
	static const unsigned sizes[] = {8, 100, 5000, 40000, 200000};

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		counting(sizes[i], NULL, 0);
		ck_assert_int_eq(cache->muted, sizes[i] <= SHEAF_OBJECT_MOST);
		count_all();
	}
	counting(100, &limited, 0);
	count_all();
	counting(100, &wide, 0);
	count_all();
	counting(100, NULL, 0);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	ck_assert_uint_ge(cache_stats(cache).objects, N);
	expect(0, 0);
	count_all();
	counting(100, NULL, SLAB_NOWAIT);
	ck_assert_int_eq(kmem_cache_prealloc(cache, N), 0);
	expect(0, 0);
	count_all();
	counting(100, NULL, SLAB_RED_ZONE | SLAB_POISON);
	count_all();
	ck_assert_int_eq(kmem_option_set("hardened", "true"), 0);
	counting(100, NULL, 0);
	count_all();
	ck_assert_int_eq(kmem_option_set("hardened", "false"), 0);
	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0);
	counting(100, NULL, 0);
	count_all();
}
END_TEST

START_TEST(every_way)
{
	struct slab_sheaf *sheaf;

	counting(100, NULL, 0);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL, N, objects), N);
	expect(N, 0);
	kmem_cache_free_bulk(cache, N / 2, objects);
	kmem_cache_free_bulk(NULL, N / 2, objects + N / 2);
	expect(N, N);
	objects[0] = kmem_cache_zalloc(cache, GFP_KERNEL);
	objects[1] = kmem_cache_alloc_node(cache, GFP_KERNEL, 0);
	objects[2] = kmem_cache_alloc(cache, GFP_NOWAIT);
	ck_assert_ptr_nonnull(objects[2]);
	kmem_free(objects[0]);
	kmem_kfree(objects[1]);
	kmem_cache_free(cache, objects[2]);
	expect(N + 3, N + 3);
	sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 10);
	expect(N + 13, N + 3);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	expect(N + 13, N + 13);
	ck_assert_int_eq(kmem_cache_shrink(cache), 0);
	expect(N + 13, N + 13);
	finish();
}
END_TEST

START_TEST(what_is_refused_does_not_count)
{
	const struct kmem_cache_args args = {.limit_objects = 10};

	counting(100, &args, SLAB_NOWARN);
	get(10);
	ck_assert_ptr_null(kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN));
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_KERNEL | __GFP_NOWARN, 5, objects + 10),
			 0);
	expect(10, 0);
	put(10);
	finish();
	counting(100, NULL, 0);
	ck_assert_ptr_null(kmem_cache_alloc(cache, GFP_NOWAIT));
	expect(0, 0);
	finish();
	/* Some are at hand, and go back. */
	counting(100, NULL, 0);
	get(3);
	put(3);
	ck_assert_int_eq(kmem_cache_alloc_bulk(cache, GFP_NOWAIT, N, objects), 0);
	expect(3, 3);
	finish();
}
END_TEST

static void free_wrongly(void)
{
	get(5);
	put(5);
	kmem_cache_free(cache, objects[0]);
	kmem_cache_free(cache, (char *)objects[1] + 8);
	kmem_trim();
	require(cache_stats(cache).active == 0);
	require(!cache_stats(cache).counted ||
		(cache_stats(cache).allocs == 5 && cache_stats(cache).frees == 5));
	require(cache_check(cache) == NULL);
	finish();
}

static void expect_two_reports(void)
{
	struct last_words words = unit_child(free_wrongly);

	ck_assert_msg(words.status == 0, "%#x %s", (unsigned)words.status, words.text);
	ck_assert_msg(strstr(words.text, "double free: ") && strstr(words.text, "interior "), "%s",
		      words.text);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}

START_TEST(what_is_ignored_does_not_count)
{
	ck_assert_int_eq(kmem_option_set("on_error", "continue"), 0);
	counting(100, NULL, 0);
	expect_two_reports();
	counting(200000, NULL, 0);
	expect_two_reports();
	ck_assert_int_eq(kmem_option_set("hardened", "true"), 0);
	counting(100, NULL, 0);
	expect_two_reports();
	ck_assert_int_eq(kmem_option_set("hardened", "false"), 0);
	/* Nobody counts, and what is active is right all the same. */
	ck_assert_int_eq(kmem_option_set("stats", "false"), 0);
	cache = kmem_cache_create("plain", 100, 0, 0, NULL);
	expect_two_reports();
}
END_TEST

START_TEST(only_caches_created_under_it)
{
	struct kmem_cache *before = kmem_cache_create("before", 100, 0, 0, NULL);

	counting(100, NULL, 0);
	ck_assert_int_eq(kmem_option_set("stats", "false"), 0);
	kmem_cache_free(before, kmem_cache_alloc(before, GFP_KERNEL));
	ck_assert_uint_eq(cache_stats(before).counted, 0);
	ck_assert_uint_eq(cache_stats(before).allocs, 0);
	ck_assert_uint_gt(cache_stats(before).taken, 1);
	get(5);
	put(5);
	expect(5, 5);
	finish();
	/* Its record is the next one's. */
	cache = kmem_cache_create("after", 100, 0, 0, NULL);
	ck_assert_uint_eq(cache_stats(cache).counted, 0);
	ck_assert_uint_eq(cache_stats(cache).taken, 0);
	get(5);
	put(5);
	ck_assert_uint_ne(slot_of(cache)->mask, 0);
	finish();
	ck_assert_int_eq(kmem_cache_destroy(before), 0);
}
END_TEST

START_TEST(malloc_counts_too)
{
	ck_assert_int_eq(kmem_option_set("stats", "true"), 0);
	kmem_free(kmem_malloc(777));
	cache = cache_of(ID_CLASSES + class_index(777));
	ck_assert_str_eq(kmem_cache_name(cache), "malloc-896");
	expect(1, 1);
	objects[0] = kmem_calloc(7, 111);
	objects[0] = kmem_realloc(objects[0], 800); /* stays where it is */
	expect(2, 1);
	objects[0] = kmem_realloc(objects[0], 5000);
	expect(2, 2);
	kmem_free(objects[0]);
}
END_TEST

/* The root says where the objects in sheaves are: kmem/inspect.h. */
START_TEST(muted_sheaves_are_published)
{
	const struct kmem_root_slot *slot;
	const uint64_t *top;
	uint64_t mask;
	void *object;

	counting(100, NULL, 0);
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	slot = (const struct kmem_root_slot *)slot_of(cache);
	ck_assert_uint_eq(slot->mask, 0);
	mask = (16ull << (slot->sp & 7)) - 8;
	ck_assert_uint_eq((slot->sp & mask) / 8, 14);
	kmem_cache_free(cache, object);
	ck_assert_uint_eq((slot->sp & mask) / 8, 15);
	top = (const uint64_t *)(slot->sp & ~7ull);
	ck_assert_uint_eq(*top, (uintptr_t)object);
	finish();
	ck_assert_uint_eq(slot->sp, 0);
}
END_TEST

/* Some on guarded pages, and freed in all ways: counted once each. */
START_TEST(guarded_objects)
{
	struct guard_counts guarded = {0};
	unsigned n = 0;

	ck_assert_int_eq(kmem_option_set("kfence_sample_interval", "1"), 0);
	counting(100, NULL, 0);
	for (; guarded.nallocated < 10; n += 20) {
		get(20);
		if (n % 40)
			put(20);
		else
			kmem_cache_free_bulk(cache, 20, objects);
		guard_count(&guarded);
	}
	expect(n, n);
	finish();
}
END_TEST

static uint64_t nallocs[THREADS], nfrees[THREADS];
static void *_Atomic shared[N];

/* Objects are exchanged through the array, and freed by whoever finds them. */
static void *exchange(void *mine)
{
	uint64_t *allocs = &nallocs[(uintptr_t)mine], *frees = &nfrees[(uintptr_t)mine];
	uint64_t random = default_seed() + (uintptr_t)mine * 7919;

	for (int i = 0; i < ROUNDS; i++) {
		void *object = kmem_cache_alloc(cache, GFP_KERNEL);

		++*allocs;
		memset(object, 1, 100);
		object = atomic_exchange(&shared[below(&random, N)], object);
		if (!object)
			continue;
		kmem_cache_free(cache, object);
		++*frees;
		if (i % 1000 == 0)
			kmem_cache_shrink(cache);
	}
	return NULL;
}

static void sum_up(uint64_t *allocs, uint64_t *frees)
{
	*allocs = *frees = 0;
	for (int i = 0; i < THREADS; i++) {
		*allocs += nallocs[i];
		*frees += nfrees[i];
	}
}

START_TEST(threads_count_as_one)
{
	pthread_t threads[THREADS];
	uint64_t allocs, frees;

	counting(100, NULL, 0);
	for (uintptr_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, exchange, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	sum_up(&allocs, &frees);
	expect(allocs, frees);
	for (int i = 0; i < N; i++)
		if (shared[i])
			kmem_cache_free(cache, shared[i]);
	expect(allocs, allocs);
	finish();
}
END_TEST

static pthread_barrier_t ready, done;

static void *hold_a_sheaf(void *unused)
{
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	pthread_barrier_wait(&ready);
	pthread_barrier_wait(&done);
	return unused;
}

static void child_without_it(void)
{
	put(100);
	require(cache_stats(cache).allocs == 101 && cache_stats(cache).frees == 101);
	require(kmem_cache_destroy(cache) == 0);
}

START_TEST(a_child_has_what_vanished_threads_held)
{
	pthread_t thread;

	pthread_barrier_init(&ready, NULL, 2);
	pthread_barrier_init(&done, NULL, 2);
	counting(100, NULL, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, hold_a_sheaf, NULL), 0);
	pthread_barrier_wait(&ready);
	get(100);
	ck_assert_int_eq(unit_child(child_without_it).status, 0);
	pthread_barrier_wait(&done);
	pthread_join(thread, NULL);
	expect(101, 1);
	put(100);
	finish();
}
END_TEST

static unsigned nconstructed, nothers;
static bool inside;

/* Now and then it takes another object; not for that one, or there would be no end. */
static void construct(void *object)
{
	memset(object, 7, 100);
	if (inside || nconstructed++ % 50)
		return;
	inside = true;
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	inside = false;
	nothers++;
}

START_TEST(a_constructor_may_use_the_cache)
{
	struct kmem_cache_stats stats;

	counting(100, &(struct kmem_cache_args){.ctor = construct}, 0);
	get(N);
	stats = cache_stats(cache);
	ck_assert_uint_eq(stats.active, N);
	ck_assert_uint_eq(stats.allocs - N, stats.frees);
	ck_assert_uint_eq(stats.frees, nothers);
	ck_assert_uint_gt(nothers, 5);
	put(N);
	finish();
}
END_TEST

UNIT_MAIN("counted", every_kind_of_cache, every_way, what_is_refused_does_not_count,
	  what_is_ignored_does_not_count, only_caches_created_under_it, malloc_counts_too,
	  muted_sheaves_are_published, guarded_objects, threads_count_as_one,
	  a_child_has_what_vanished_threads_held, a_constructor_may_use_the_cache)
