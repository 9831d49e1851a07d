// SPDX-License-Identifier: MIT
/* fork from a process with busy threads: the child allocates, frees and counts; no deadlock. */
#include "unit.h"

#include "buddy/buddy.h"
#include "lib/front.h"
#include "lib/stats.h"
#include "slab/thread.h"

#include <kmem.h>
#include <pthread.h>
#include <stdatomic.h>

#define NTHREADS 3
#define NKEPT	 64u

static struct kmem_cache *cache, *quiet;
static _Atomic bool stop;

static void *be_busy(void *unused)
{
	void *objects[NKEPT] = {NULL}, *blocks[NKEPT] = {NULL};

	for (unsigned i = 0; !stop; i = (i + 7) % NKEPT) {
		kmem_cache_free(cache, objects[i]);
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		kmem_free(blocks[i]);
		blocks[i] = kmem_malloc((size_t)1 << (i % 20));
		if (i == 3)
			kmem_cache_shrink(cache);
	}
	for (unsigned i = 0; i < NKEPT; i++) {
		kmem_cache_free(cache, objects[i]);
		kmem_free(blocks[i]);
	}
	return unused;
}

static void use_everything(void)
{
	struct kmem_cache *own = kmem_cache_create("child", 100, 0, 0, NULL);
	void *objects[500];

	if (!own)
		_exit(10);
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 500; i++) {
			objects[i] = i % 2 ? kmem_cache_alloc(cache, GFP_KERNEL)
					   : kmem_malloc((size_t)i * i);
			if (!objects[i])
				_exit(11);
		}
		for (unsigned i = 0; i < 500; i++)
			kmem_free(objects[i]);
		kmem_trim();
	}
	if (kmem_cache_destroy(own) != 0)
		_exit(12);
}

/* The quiet cache's counters are exact; the vanished threads' records wait for new ones. */
static void in_child(void)
{
	struct heap *heap;
	unsigned nthreads = 0;

	use_everything();
	kmem_cache_shrink(quiet);
	if (cache_stats(quiet).active != 100 || cache_check(quiet))
		_exit(20);
	for_each_thread (thread)
		nthreads += thread->pub.tid != 0;
	if (nthreads != 1)
		_exit(21);
	if (buddy_check())
		_exit(22);
	for (unsigned i = 0; (heap = front_heap(i)); i++)
		if (heap_validate(heap))
			_exit(23);
}

START_TEST(children_of_a_busy_process_are_whole)
{
	pthread_t threads[NTHREADS];

	cache = kmem_cache_create("busy", 200, 0, 0, NULL);
	quiet = kmem_cache_create("quiet", 50, 0, 0, NULL);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_ptr_nonnull(kmem_cache_alloc(quiet, GFP_KERNEL));
	for (int i = 0; i < NTHREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
	for (int i = 0; i < 60; i++) {
		struct last_words words = unit_child(in_child);

		if (words.status != 0)
			ck_abort_msg("child %d: status %#x, %s", i, (unsigned)words.status,
				     words.text);
	}
	stop = true;
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	kmem_cache_shrink(cache);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static void fork_again(void)
{
	struct last_words words = unit_child(use_everything);

	_exit(words.status ? 30 : 0);
}

START_TEST(a_child_may_fork_too)
{
	cache = kmem_cache_create("twice", 200, 0, 0, NULL);
	use_everything();
	ck_assert_int_eq(unit_child(fork_again).status, 0);
}
END_TEST

START_TEST(the_parents_blocks_are_the_childs)
{
	cache = kmem_cache_create("inherited", 200, 0, 0, NULL);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(unit_child(use_everything).status, 0);
	use_everything();
	kmem_cache_shrink(cache);
	ck_assert_uint_eq(cache_stats(cache).active, 0);
}
END_TEST

UNIT_MAIN("fork", children_of_a_busy_process_are_whole, a_child_may_fork_too,
	  the_parents_blocks_are_the_childs)
