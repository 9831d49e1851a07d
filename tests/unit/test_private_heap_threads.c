// SPDX-License-Identifier: MIT
/* Private heaps by several threads: use, limit, destroy from another, statistics, fork. */
#include "unit.h"

#include "lib/private_heap.h"

#include <kmem.h>
#include <pthread.h>
#include <stdatomic.h>

#define NTHREADS 4
#define NKEPT	 200u
#define ROUNDS	 (UNDER_TSAN || UNDER_ASAN ? 4000u : 40000u)

static struct kmem_heap *heap;
static _Atomic bool stop;

static void *replace_blocks(void *data)
{
	unsigned char *blocks[NKEPT] = {NULL}, tag = (unsigned char)(uintptr_t)data;
	uint64_t random = (uintptr_t)data;

	for (unsigned i = 0; i < ROUNDS && !stop; i++) {
		unsigned char **block = &blocks[below(&random, NKEPT)];
		size_t nbytes = below(&random, 3000) + 1;
		void *resized;

		if (*block)
			require(**block == tag);
		if (below(&random, 4) == 0) {
			resized = kmem_heap_realloc(heap, *block, nbytes);
			*block = resized ? resized : *block;
		} else {
			kmem_heap_free(heap, *block);
			*block = kmem_heap_alloc(heap, nbytes);
		}
		if (*block)
			**block = tag;
	}
	for (unsigned i = 0; i < NKEPT; i++)
		kmem_heap_free(heap, blocks[i]);
	return NULL;
}

static void run_threads(pthread_t threads[NTHREADS])
{
	for (uintptr_t i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, replace_blocks, (void *)(i + 1)),
				 0);
}

static void join_threads(const pthread_t threads[NTHREADS])
{
	for (unsigned i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
}

START_TEST(threads_share_a_heap)
{
	struct kmem_heap_stats stats = {.size = sizeof(stats)};
	pthread_t threads[NTHREADS];

	for (unsigned checked = 0; checked < 2; checked++) {
		heap = kmem_heap_create("shared", &(struct kmem_heap_options){.checked = checked});
		run_threads(threads);
		join_threads(threads);
		ck_assert_ptr_null(kmem_heap_validate(heap));
		ck_assert_int_eq(kmem_heap_stats(heap, &stats), 0);
		ck_assert_uint_eq(stats.live_blocks, 0);
		ck_assert_uint_eq(stats.allocs, stats.frees);
		kmem_heap_destroy(heap);
	}
}
END_TEST

START_TEST(threads_do_not_pass_a_limit)
{
	struct kmem_heap_options options = {.limit_bytes = 128 << 10, .span_bytes = 64 << 10};
	struct kmem_heap_stats stats = {.size = sizeof(stats)};
	pthread_t threads[NTHREADS];

	heap = kmem_heap_create("limited", &options);
	run_threads(threads);
	join_threads(threads);
	ck_assert_ptr_null(kmem_heap_validate(heap));
	ck_assert_int_eq(kmem_heap_stats(heap, &stats), 0);
	ck_assert_uint_le(stats.peak_span_bytes, 128 << 10);
	ck_assert_uint_gt(stats.refusals, 0);
	ck_assert_uint_eq(stats.live_blocks, 0);
	kmem_heap_destroy(heap);
}
END_TEST

static void *destroy(void *unused)
{
	kmem_heap_destroy(heap);
	return unused;
}

START_TEST(any_thread_may_destroy)
{
	pthread_t thread;

	for (unsigned one = 0; one < 2; one++) {
		heap = kmem_heap_create("short", &(struct kmem_heap_options){.one_thread = one});
		for (unsigned i = 0; i < 1000; i++)
			require(kmem_heap_alloc(heap, 5000) != NULL);
		ck_assert_int_eq(pthread_create(&thread, NULL, destroy, NULL), 0);
		pthread_join(thread, NULL);
		ck_assert_ptr_null(kmem_validate());
	}
}
END_TEST

static void *create_and_destroy(void *unused)
{
	while (!stop) {
		struct kmem_heap *one = kmem_heap_create("comes and goes", NULL);

		require(one && kmem_heap_alloc(one, 100));
		kmem_heap_destroy(one);
	}
	return unused;
}

static void look(void)
{
	struct kmem_stats stats = {.size = sizeof(stats)};

	for (unsigned i = 0; i < 300; i++) {
		require(kmem_stats_read(&stats) == 0);
		require(kmem_validate() == NULL);
	}
}

START_TEST(statistics_while_heaps_come_and_go)
{
	pthread_t thread;

	stop = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, create_and_destroy, NULL), 0);
	look();
	stop = true;
	pthread_join(thread, NULL);
}
END_TEST

static void use_in_child(void)
{
	struct kmem_heap *one = kmem_heap_create("child", NULL);
	void *block = kmem_heap_alloc(heap, 3000);

	if (!one || !block || !kmem_heap_alloc(one, 100) || kmem_heap_validate(heap))
		_exit(9);
	kmem_heap_free(heap, block);
	kmem_heap_destroy(heap);
	kmem_heap_destroy(one);
	_exit(42);
}

START_TEST(a_child_of_fork_uses_it_at_once)
{
	pthread_t threads[NTHREADS], another;

	heap = kmem_heap_create("forked", NULL);
	stop = false;
	run_threads(threads);
	ck_assert_int_eq(pthread_create(&another, NULL, create_and_destroy, NULL), 0);
	for (unsigned i = 0; i < (UNDER_TSAN ? 3 : 40); i++) {
		struct last_words words = unit_child(use_in_child);

		if (!WIFEXITED(words.status) || WEXITSTATUS(words.status) != 42)
			ck_abort_msg("child %u: status %#x: %s", i, (unsigned)words.status,
				     words.text);
	}
	stop = true;
	join_threads(threads);
	pthread_join(another, NULL);
	kmem_heap_destroy(heap);
}
END_TEST

UNIT_MAIN("private_heap_threads", threads_share_a_heap, threads_do_not_pass_a_limit,
	  any_thread_may_destroy, statistics_while_heaps_come_and_go,
	  a_child_of_fork_uses_it_at_once)
