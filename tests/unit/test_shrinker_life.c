// SPDX-License-Identifier: MIT
/*
 * Shrinkers and caches' reclaim callbacks as they come and go: freed or destroyed while they run
 * in other threads, by themselves, and in a child of fork.
 */
#include "shrinker.h"

#include <pthread.h>

/* A callback that is under way, and stays so until it is let go. */
static _Atomic bool entered, let_go, done;

static void hang_about(void)
{
	entered = true;
	while (!let_go)
		unit_sleep_ms(1);
	use_allocator();
}

static unsigned long scan_and_hang(struct kmem_shrinker *shrinker,
				   struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	hang_about();
	return 0;
}

static void reclaim_and_hang(struct kmem_cache *cache, void *data)
{
	(void)cache;
	(void)data;
	hang_about();
}

static void *shrink(void *unused)
{
	kmem_shrink();
	return unused;
}

static void *free_shrinker(void *shrinker)
{
	kmem_shrinker_free(shrinker);
	done = true;
	return NULL;
}

static void *destroy_cache(void *cache)
{
	require(kmem_cache_destroy(cache) == 0);
	done = true;
	return NULL;
}

/* end(what) waits for the callback that another thread runs. */
static void require_waits(void *(*end)(void *), void *what)
{
	pthread_t runner, ender;

	pthread_create(&runner, NULL, shrink, NULL);
	while (!entered)
		unit_sleep_ms(1);
	pthread_create(&ender, NULL, end, what);
	unit_sleep_ms(100);
	ck_assert(!done);
	let_go = true;
	pthread_join(ender, NULL);
	pthread_join(runner, NULL);
}

START_TEST(freeing_waits_for_other_threads)
{
	count = 10;
	require_waits(free_shrinker, made(scan_and_hang));
	ck_assert_uint_eq(kmem_shrink(), 0);
}
END_TEST

START_TEST(destroying_waits_for_other_threads)
{
	require_waits(destroy_cache, cache_with(reclaim_and_hang, NULL));
	ck_assert_uint_eq(kmem_shrink(), 0);
}
END_TEST

static unsigned long scan_and_free_itself(struct kmem_shrinker *shrinker,
					  struct kmem_shrink_control *control)
{
	(void)control;
	kmem_shrinker_free(shrinker);
	return 0;
}

static struct kmem_shrinker *victim;

static void shrink_once(void)
{
	kmem_shrink();
}

static void free_twice(void)
{
	kmem_shrinker_free(victim);
	kmem_shrinker_free(victim);
}

static void require_report(void (*crime)(void), const char *line)
{
	struct last_words words = unit_child(crime);

	ck_assert(unit_aborted(&words));
	ck_assert_ptr_nonnull(strstr(words.text, line));
}

START_TEST(freed_by_itself_or_twice_is_reported)
{
	count = 10;
	victim = made(scan_and_free_itself);
	require_report(shrink_once,
		       "kmem_shrinker_free: shrinker 'test-1' frees itself while it runs\n");
	require_report(free_twice, "was freed before\n");
	kmem_shrinker_free(victim);
}
END_TEST

static void destroy_itself(struct kmem_cache *cache, void *data)
{
	(void)data;
	kmem_cache_destroy(cache);
}

START_TEST(destroyed_by_its_callback_is_reported)
{
	struct kmem_cache *cache = cache_with(destroy_itself, NULL);

	require_report(shrink_once,
		       "kmem_cache_destroy: cache 'asked' is destroyed by a callback of its own\n");
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static struct kmem_cache *other_cache;

static void use_in_child(void)
{
	struct kmem_shrinker *own;

	count = 0;
	kmem_shrinker_free(victim);
	if (kmem_cache_destroy(other_cache) != 0)
		_exit(10);
	own = kmem_shrinker_alloc(0, "child");
	own->count_objects = count_some;
	own->scan_objects = scan_some;
	if (kmem_shrinker_register(own) != 0)
		_exit(11);
	count = 10;
	progress = 5;
	if (kmem_shrink() != 5)
		_exit(12);
	kmem_shrinker_free(own);
}

/* The threads that ran callbacks are gone in the child: nobody waits for them. */
START_TEST(a_child_waits_for_nobody)
{
	struct last_words words;
	pthread_t runners[2];

	count = 10;
	other_cache = cache_with(reclaim_and_hang, NULL);
	pthread_create(&runners[0], NULL, shrink, NULL);
	while (!entered)
		unit_sleep_ms(1);
	entered = false;
	victim = made(scan_and_hang);
	pthread_create(&runners[1], NULL, shrink, NULL);
	while (!entered)
		unit_sleep_ms(1);
	words = unit_child(use_in_child);
	ck_assert_msg(words.status == 0, "status %#x, %s", (unsigned)words.status, words.text);
	let_go = true;
	pthread_join(runners[0], NULL);
	pthread_join(runners[1], NULL);
	kmem_shrinker_free(victim);
	ck_assert_int_eq(kmem_cache_destroy(other_cache), 0);
}
END_TEST

static _Atomic bool stop;

static void *shrink_until_stopped(void *unused)
{
	while (!stop)
		kmem_shrink();
	return unused;
}

static unsigned long count_few(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)control;
	require(shrinker->private_data == shrinker);
	return 1;
}

static unsigned long scan_none(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)control;
	require(shrinker->private_data == shrinker);
	return 0;
}

static void look_at_it(struct kmem_cache *cache, void *data)
{
	require(strcmp(kmem_cache_name(cache), "asked") == 0);
	require(data == &stop);
}

/* Come and go while two threads run them: each is whole whenever it runs. */
START_TEST(come_and_go_while_they_run)
{
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, shrink_until_stopped, NULL);
	for (int i = 0; i < 2000; i++) {
		struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "short-lived");
		struct kmem_cache *cache = cache_with(look_at_it, &stop);

		shrinker->private_data = shrinker;
		shrinker->count_objects = count_few;
		shrinker->scan_objects = scan_none;
		require(kmem_shrinker_register(shrinker) == 0);
		kmem_shrinker_free(shrinker);
		require(kmem_cache_destroy(cache) == 0);
	}
	stop = true;
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}
END_TEST

UNIT_MAIN("shrinker_life", freeing_waits_for_other_threads, destroying_waits_for_other_threads,
	  freed_by_itself_or_twice_is_reported, destroyed_by_its_callback_is_reported,
	  a_child_waits_for_nobody, come_and_go_while_they_run)
