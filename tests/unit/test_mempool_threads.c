// SPDX-License-Identifier: MIT
/* Pools used by many threads: who waits is woken, no wake-up is lost, the minimum is kept. */
#include "unit.h"

#include "lib/stats.h"

#include <kmem.h>
#include <pthread.h>
#include <sched.h>

#define NTHREADS 8
#define ROUNDS	 50000 /* of two players, and so 10^5 waits */

static struct kmem_mempool *pool, *other;
static struct kmem_cache *cache;
static _Atomic bool dry; /* the allocator has nothing */

static void *faucet_alloc(gfp_t flags, void *data)
{
	return atomic_load(&dry) ? NULL : kmem_cache_alloc(data, flags);
}

static struct kmem_mempool *pool_of(int min_nr)
{
	struct kmem_mempool *made =
		kmem_mempool_create(min_nr, faucet_alloc, kmem_mempool_free_slab, cache);

	ck_assert_ptr_nonnull(made);
	return made;
}

static void setup(int min_nr)
{
	cache = kmem_cache_create("threads", 64, 0, 0, NULL);
	pool = pool_of(min_nr);
	atomic_store(&dry, true);
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Sooner than a waiter would look by itself. */
#define SOON_MS 4500

static void *alloc_soon(struct kmem_mempool *from)
{
	uint64_t begin = now_ms();
	void *element = kmem_mempool_alloc(from, GFP_KERNEL);

	require(element);
	require(now_ms() - begin < SOON_MS);
	return element;
}

static void *wait_for_one(void *unused)
{
	(void)unused;
	return alloc_soon(pool);
}

/* They are asleep by then, or else the test is about less. */
static void let_them_wait(void)
{
	unit_sleep_ms(100);
}

START_TEST(who_waits_gets_what_is_freed)
{
	void *elements[4], *got[4];
	pthread_t threads[4];

	setup(4);
	for (int i = 0; i < 4; i++)
		elements[i] = kmem_mempool_alloc_preallocated(pool);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, wait_for_one, NULL), 0);
	let_them_wait();
	for (int i = 0; i < 4; i++)
		kmem_mempool_free(elements[i], pool);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], &got[i]);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 0);
	for (int i = 0; i < 4; i++)
		kmem_mempool_free(got[i], pool);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 4);
}
END_TEST

START_TEST(who_waits_gets_what_the_pool_grows_by)
{
	void *one, *got;
	pthread_t thread;

	setup(1);
	one = kmem_mempool_alloc_preallocated(pool);
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_for_one, NULL), 0);
	let_them_wait();
	atomic_store(&dry, false);
	ck_assert_int_eq(kmem_mempool_resize(pool, 2), 0);
	pthread_join(thread, &got);
	ck_assert_ptr_ne(got, one);
}
END_TEST

/* One element goes to and fro; each waits for what the other frees. */
static void *play(void *mine)
{
	struct kmem_mempool *from = mine, *to = from == pool ? other : pool;
	uint64_t random = (uintptr_t)mine | 1;

	for (int i = 0; i < ROUNDS; i++) {
		void *ball = alloc_soon(from);

		/* Now before the other looks, now as it falls asleep, now after. */
		for (uint64_t n = below(&random, 3) * below(&random, 2000); n > 0; n--)
			__asm__ volatile("");
		kmem_mempool_free(ball, to);
	}
	return NULL;
}

START_TEST(no_wake_up_is_lost)
{
	pthread_t one, two;

	setup(1);
	atomic_store(&dry, false);
	other = pool_of(1);
	atomic_store(&dry, true);
	require(kmem_mempool_alloc_preallocated(other));
	ck_assert_int_eq(pthread_create(&one, NULL, play, pool), 0);
	ck_assert_int_eq(pthread_create(&two, NULL, play, other), 0);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 1);
	ck_assert_int_eq(kmem_mempool_reserve(other), 0);
}
END_TEST

/* More threads than elements: each waits, takes, gives. */
static void *share(void *unused)
{
	for (int i = 0; i < ROUNDS / NTHREADS; i++) {
		int *element = kmem_mempool_alloc(pool, GFP_KERNEL);

		require(__atomic_exchange_n(element, 1, __ATOMIC_RELAXED) == 0);
		if (i % 8 == 0)
			sched_yield();
		__atomic_store_n(element, 0, __ATOMIC_RELAXED);
		kmem_mempool_free(element, pool);
	}
	return unused;
}

static void run_all(void *(*act)(void *))
{
	pthread_t threads[NTHREADS];

	for (int i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, act, NULL), 0);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
}

static void clear_elements(int n)
{
	int *elements[100];

	for (int i = 0; i < n; i++) {
		elements[i] = kmem_mempool_alloc_preallocated(pool);
		*elements[i] = 0;
	}
	for (int i = 0; i < n; i++)
		kmem_mempool_free(elements[i], pool);
}

START_TEST(eight_threads_share_three_elements)
{
	setup(3);
	clear_elements(3);
	run_all(share);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 3);
	kmem_mempool_destroy(pool);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

/* Two elements a thread at most, with or without waiting, while the allocator comes and goes. */
#define EACH 2
static _Atomic unsigned hammers;

static void *hammer(void *unused)
{
	uint64_t random = default_seed() * (atomic_fetch_add(&hammers, 1) + 1) | 1;
	int *mine[EACH] = {NULL};

	for (int i = 0; i < 20000; i++) {
		int **one = &mine[below(&random, EACH)];

		if (*one) {
			require(__atomic_exchange_n(*one, 0, __ATOMIC_RELAXED) == 1);
			kmem_mempool_free(*one, pool);
			*one = NULL;
			continue;
		}
		switch (below(&random, 4)) {
		case 0:
			*one = kmem_mempool_alloc(pool, GFP_NOWAIT);
			break;
		case 1:
			*one = kmem_mempool_alloc_preallocated(pool);
			break;
		default:
			require((*one = kmem_mempool_alloc(pool, GFP_KERNEL)));
		}
		if (*one)
			__atomic_store_n(*one, 1, __ATOMIC_RELAXED);
		if (below(&random, 50) == 0)
			atomic_store(&dry, below(&random, 2));
	}
	for (int k = 0; k < EACH; k++)
		kmem_mempool_free(mine[k], pool);
	return unused;
}

START_TEST(eight_threads_and_the_minimum_is_kept)
{
	setup(NTHREADS * EACH);
	run_all(hammer);
	ck_assert_int_eq(kmem_mempool_reserve(pool), NTHREADS * EACH);
	kmem_mempool_destroy(pool);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static _Atomic bool done;

static void *resize_on_and_on(void *seed)
{
	uint64_t random = (uintptr_t)seed;

	while (!atomic_load(&done)) {
		int err = kmem_mempool_resize(pool, NTHREADS * EACH + (int)below(&random, 60));

		require(err == 0 || err == -ENOMEM);
		sched_yield();
	}
	return NULL;
}

START_TEST(sizes_change_meanwhile)
{
	pthread_t one, two;

	setup(NTHREADS * EACH);
	ck_assert_int_eq(pthread_create(&one, NULL, resize_on_and_on, (void *)11), 0);
	ck_assert_int_eq(pthread_create(&two, NULL, resize_on_and_on, (void *)13), 0);
	run_all(hammer);
	atomic_store(&done, true);
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	ck_assert_int_eq(kmem_mempool_reserve(pool), kmem_mempool_min(pool));
	kmem_mempool_destroy(pool);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

UNIT_MAIN("mempool_threads", who_waits_gets_what_is_freed, who_waits_gets_what_the_pool_grows_by,
	  no_wake_up_is_lost, eight_threads_share_three_elements,
	  eight_threads_and_the_minimum_is_kept, sizes_change_meanwhile)
