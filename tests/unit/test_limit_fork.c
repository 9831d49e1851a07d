// SPDX-License-Identifier: MIT
/* Limits of caches and fork: what counts in a child, callbacks that fork, fork handlers refused. */
#include "limit_fixture.h"

#include "children.h"
#include "fork_handler.h"

#include "slab/limit.h"

#include <pthread.h>

static _Atomic bool stop;

static void *be_busy(void *unused)
{
	void *mine[60] = {NULL};

	while (!stop) {
		int n = kmem_cache_alloc_bulk(cache, QUIET, 50, mine);

		for (int i = 50; i < 60; i++)
			mine[i] = kmem_cache_alloc(cache, QUIET);
		for (int i = n ? 0 : 50; i < 60; i++)
			kmem_cache_free(cache, mine[i]);
	}
	return unused;
}

/*
 * What the vanished threads held stays out, as they might have given it to others;
 * what they were about to take does not.
 */
static void in_child(void)
{
	size_t held = used(), n = 0;

	if (held != limit_count(cache) || held < 100 || held > LIMIT)
		_exit(10);
	while ((objects[n] = kmem_cache_alloc(cache, QUIET)))
		n++;
	if (held + n != LIMIT || used() != LIMIT || limit_count(cache) != LIMIT)
		_exit(11);
	while (n > 0)
		kmem_cache_free(cache, objects[--n]);
	if (used() != held || limit_count(cache) != held)
		_exit(12);
}

START_TEST(children_of_fork_count_right)
{
	pthread_t threads[3];

	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	fill(100);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, be_busy, NULL), 0);
	expect_children(UNDER_TSAN ? 5 : 60, in_child);
	stop = true;
	for (unsigned i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	finish(100);
}
END_TEST

static void expect_100(void)
{
	if (used() != 100)
		_exit(1);
}

/* What a fork may find in between: counted and not yet taken. */
START_TEST(a_child_forgets_what_was_not_taken)
{
	create(&(struct kmem_cache_args){.limit_objects = LIMIT});
	fill(100);
	atomic_fetch_add(&cache->used, 50);
	ck_assert_int_eq(unit_child(expect_100).status, 0);
	atomic_fetch_sub(&cache->used, 50);
	finish(100);
}
END_TEST

static void destroy_in_child(void)
{
	alarm(5);
	kmem_cache_destroy(cache);
}

static bool is_child;

static void fork_when_reached(struct kmem_cache *from, void *data)
{
	struct last_words words;
	int *status = data;
	pid_t child;

	ck_assert_ptr_eq(from, cache);
	/* The caller has the cache in use. */
	words = unit_child(destroy_in_child);
	ck_assert_ptr_nonnull(strstr(words.text, "is destroyed by a callback of its own\n"));
	child = fork();
	is_child = child == 0;
	if (child > 0)
		waitpid(child, status, 0);
}

/* In the child nobody asks the cache once the callback is back. */
START_TEST(a_child_of_limit_reached_may_destroy)
{
	int status = -1;

	create(&(struct kmem_cache_args){
		.limit_objects = 1, .limit_reached = fork_when_reached, .data = &status});
	fill(1);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	if (is_child) {
		alarm(5);
		kmem_cache_free(cache, objects[0]);
		_exit(kmem_cache_destroy(cache) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(status, 0);
	finish(1);
}
END_TEST

static unsigned nrefused;

static void note_told(struct kmem_cache *from, void *data)
{
	(void)from;
	(void)data;
	require(!fork_handler_asks);
	nrefused++;
}

static void be_refused_in_fork(void)
{
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
}

/* All locks are held there. */
START_TEST(fork_handlers_are_refused_in_silence)
{
	create(&(struct kmem_cache_args){.limit_objects = 1, .limit_reached = note_told});
	fill(1);
	fork_and_ask(be_refused_in_fork);
	ck_assert_uint_eq(nrefused, 0);
	require_errno(ENOMEM, kmem_cache_alloc(cache, QUIET));
	ck_assert_uint_eq(nrefused, 1);
	finish(1);
}
END_TEST

UNIT_MAIN("limit_fork", children_of_fork_count_right, a_child_forgets_what_was_not_taken,
	  a_child_of_limit_reached_may_destroy, fork_handlers_are_refused_in_silence)
