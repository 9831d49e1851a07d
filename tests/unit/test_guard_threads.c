// SPDX-License-Identifier: MIT
/* Guarded objects in many threads, and in children. */
#include "guarded.h"

#include "children.h"

#include "lib/stats.h"

#include <pthread.h>
#include <stdatomic.h>

static struct kmem_cache *plain;

#define NTHREADS 4
#define NHELD	 512u

static _Atomic unsigned nguarded;
static _Atomic(char *) exchange[NHELD];
static unsigned rounds = UNDER_TSAN || UNDER_ASAN ? 100 : 1000;

/* Objects change hands: who frees one is mostly another. */
static void *hammer(void *number)
{
	uint64_t random = 12345 + (uintptr_t)number;

	for (unsigned round = 0; round < rounds; round++)
		for (unsigned i = 0; i < NHELD; i++) {
			bool of_cache = below(&random, 2);
			size_t nbytes = of_cache ? 80 : 1 + below(&random, 4000);
			char *block = of_cache ? kmem_cache_alloc(plain, GFP_KERNEL)
					       : kmem_malloc(nbytes);

			require(block);
			nguarded += guard_holds(block);
			memset(block, 1, nbytes);
			block = atomic_exchange(&exchange[below(&random, NHELD)], block);
			if (block)
				block[0] = 2;
			kmem_free(block);
		}
	return NULL;
}

static void hammer_all(void)
{
	pthread_t threads[NTHREADS];

	plain = kmem_cache_create("hammered", 80, 0, 0, NULL);
	guard_on();
	for (uintptr_t i = 0; i < NTHREADS; i++)
		require(pthread_create(&threads[i], NULL, hammer, (void *)i) == 0);
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < NHELD; i++)
		kmem_free(exchange[i]);
	kmem_cache_shrink(plain);
	require(nguarded > 0);
	require(pool_taken() == 0);
	require(cache_stats(plain).active == 0);
	require(kmem_cache_destroy(plain) == 0);
}

START_TEST(many_threads)
{
	expect_words(hammer_all, "");
}
END_TEST

static char *inherited;

static void in_child(void)
{
	char *block;

	inherited[0] = 3;
	kmem_free(inherited);
	for (int i = 0; i < 5; i++) {
		block = guarded_object(NULL, 48, EDGE_ANY);
		memset(block, 4, 48);
		kmem_free(block);
	}
	block = guarded_object(NULL, 48, EDGE_RIGHT);
	kmem_free(block);
	*(volatile char *)block = 1;
}

static _Atomic bool started;

static void *until_told(void *stop)
{
	started = true;
	while (!*(_Atomic bool *)stop) {
		char *block = guarded_next(NULL, 200);

		kmem_free(block);
	}
	return NULL;
}

static void fork_often(void)
{
	static _Atomic bool stop;
	pthread_t thread;

	guard_on();
	inherited = guarded_object(NULL, 48, EDGE_ANY);
	require(pthread_create(&thread, NULL, until_told, &stop) == 0);
	/* gcc's ASan keeps the locks of its malloc across a fork; a starting thread calls it. */
	while (UNDER_ASAN && !started)
		unit_sleep_ms(1);
	for (int i = 0; i < 20; i++) {
		struct last_words words = unit_child(in_child);

		if (!unit_aborted(&words) ||
		    !strstr(words.text, "BUG: KFENCE: use-after-free write in 0x"))
			ck_abort_msg("status %#x: %s", (unsigned)words.status, words.text);
	}
	stop = true;
	pthread_join(thread, NULL);
	inherited[0] = 5;
	kmem_free(inherited);
}

START_TEST(a_child_goes_on)
{
	expect_words(fork_often, "");
}
END_TEST

UNIT_MAIN("guard_threads", many_threads, a_child_goes_on)
