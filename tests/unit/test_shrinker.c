// SPDX-License-Identifier: MIT
/*
 * Shrinkers and caches' reclaim callbacks: how many objects they are asked for, before which
 * requests fail, without locks, and not while they are freed or destroyed.
 */
#include "unit.h"

#include "short.h"

#include <kmem.h>
#include <pthread.h>

#define NSCANS 64

/* What the shrinker below has, is asked for, and answers. */
static unsigned long count, progress, looked_at;
static unsigned long asked[NSCANS];
static unsigned nscans, ncounts;
static gfp_t mask;

static unsigned long count_some(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)shrinker;
	mask = control->gfp_mask;
	ncounts++;
	return count;
}

static unsigned long scan_some(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)shrinker;
	require(nscans < NSCANS);
	asked[nscans++] = control->nr_to_scan;
	if (looked_at)
		control->nr_scanned = looked_at;
	return progress;
}

static struct kmem_shrinker *made(unsigned long (*scan)(struct kmem_shrinker *,
							struct kmem_shrink_control *))
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "test-%d", 1);

	ck_assert_ptr_nonnull(shrinker);
	shrinker->count_objects = count_some;
	shrinker->scan_objects = scan;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	return shrinker;
}

static unsigned long sum(void)
{
	unsigned long total = 0;

	for (unsigned i = 0; i < nscans; i++)
		total += asked[i];
	return total;
}

START_TEST(scans_all_it_has_in_batches)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 1000;
	progress = 3;
	ck_assert_uint_eq(kmem_shrink(), 8 * 3);
	ck_assert_uint_eq(nscans, 8);
	ck_assert_uint_eq(asked[0], 128);
	ck_assert_uint_eq(asked[7], 1000 - 7 * 128);
	ck_assert_uint_eq(mask, GFP_KERNEL);
	shrinker->batch = 400;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 3);
	ck_assert_uint_eq(sum(), 1000);
	kmem_shrinker_free(shrinker);
	kmem_shrink();
	ck_assert_uint_eq(nscans, 3);
}
END_TEST

/* Fewer of those that cost more seeks to make again. */
START_TEST(seeks_lower_the_share)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 1000;
	shrinker->seeks = 8;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 250);
	shrinker->seeks = 1;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 1000);
	count = 1;
	shrinker->seeks = 100;
	nscans = 0;
	kmem_shrink();
	ck_assert_uint_eq(sum(), 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

START_TEST(none_and_stop_end_it)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = KMEM_SHRINK_EMPTY;
	ck_assert_uint_eq(kmem_shrink(), 0);
	count = 0;
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_uint_eq(ncounts, 2);
	ck_assert_uint_eq(nscans, 0);
	count = 1000;
	progress = KMEM_SHRINK_STOP;
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_uint_eq(nscans, 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

/* One that looks at fewer is asked again; one that looks at too many, as at none, is not. */
START_TEST(what_was_looked_at_counts)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 100;
	looked_at = 10;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 10);
	nscans = 0;
	looked_at = 1000;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 1);
	kmem_shrinker_free(shrinker);
}
END_TEST

START_TEST(bad_ones_are_refused)
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "bad");

	ck_assert_int_eq(kmem_shrinker_register(NULL), -EINVAL);
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->count_objects = count_some;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->scan_objects = scan_some;
	shrinker->seeks = -1;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	shrinker->seeks = 0;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	ck_assert_int_eq(kmem_shrinker_register(shrinker), -EINVAL);
	kmem_shrinker_free(shrinker);
	kmem_shrinker_free(NULL);
	kmem_shrinker_free(kmem_shrinker_alloc(0, "never registered"));
}
END_TEST

/* Half of what it has, then all of it, then NULL. */
START_TEST(runs_before_a_request_fails)
{
	struct kmem_shrinker *shrinker;

	short_begin();
	shrinker = made(scan_some);
	count = 100;
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 2);
	ck_assert_uint_eq(asked[0], 50);
	ck_assert_uint_eq(asked[1], 100);
	nscans = 0;
	require_errno(ENOMEM, kmem_malloc((size_t)1 << 20));
	ck_assert_uint_eq(nscans, 2);
	require_errno(ENOMEM, kmem_pages_alloc(10, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 4);
	require_errno(ENOMEM, kmem_aligned_alloc(1 << 16, (size_t)1 << 20));
	ck_assert_uint_eq(nscans, 6);
	faults_end();
	kmem_shrinker_free(shrinker);
}
END_TEST

/* No address space holds it: nobody is asked in vain. */
START_TEST(what_nobody_can_have_asks_nobody)
{
	struct kmem_shrinker *shrinker = made(scan_some);

	count = 100;
	require_errno(ENOMEM, kmem_malloc(SIZE_MAX / 4));
	ck_assert_uint_eq(ncounts, 0);
	kmem_shrinker_free(shrinker);
}
END_TEST

static unsigned long scan_short(struct kmem_shrinker *shrinker, struct kmem_shrink_control *control)
{
	(void)shrinker;
	nscans++;
	return short_free((unsigned)control->nr_to_scan);
}

/* What it frees is what the request gets, whatever asks. */
START_TEST(a_request_gets_what_it_frees)
{
	struct kmem_shrinker *shrinker;
	void *block;

	short_begin();
	shrinker = made(scan_short);
	count = 40;
	ck_assert_ptr_nonnull(kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 1);
	block = kmem_malloc(300000);
	ck_assert_ptr_nonnull(block);
	block = kmem_realloc(block, 1000000);
	ck_assert_ptr_nonnull(block);
	ck_assert_ptr_nonnull(kmem_pages_alloc(6, GFP_KERNEL));
	ck_assert_ptr_nonnull(kmem_calloc(1, 50000));
	ck_assert_uint_ge(nscans, 2);
	faults_end();
	kmem_shrinker_free(shrinker);
}
END_TEST

static void *other_cache_objects[8];
static struct kmem_cache *other_cache;

/* All that takes locks. */
static void use_allocator(void)
{
	struct kmem_cache *cache = kmem_cache_create("in a callback", 100, 0, 0, NULL);

	require(cache);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	require(kmem_cache_destroy(cache) == 0);
	kmem_free(kmem_malloc(100));
	kmem_free(kmem_malloc(100000));
	kmem_free(kmem_realloc(kmem_malloc(2000000), 4000000));
	kmem_pages_free(kmem_pages_alloc(0, GFP_KERNEL));
	kmem_shrinker_free(kmem_shrinker_alloc(0, "in a callback"));
	kmem_trim();
	kmem_mallinfo2();
}

static unsigned long scan_and_allocate(struct kmem_shrinker *shrinker,
				       struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nscans++;
	use_allocator();
	return 0;
}

static void reclaim_and_allocate(struct kmem_cache *cache, void *data)
{
	(void)cache;
	++*(unsigned *)data;
	use_allocator();
}

static struct kmem_cache *cache_with(void (*reclaim)(struct kmem_cache *cache, void *data),
				     void *data)
{
	struct kmem_cache_args args = {.reclaim = reclaim, .data = data};
	struct kmem_cache *cache = kmem_cache_create_args("asked", 64, &args, 0);

	ck_assert_ptr_nonnull(cache);
	return cache;
}

START_TEST(callbacks_hold_no_lock)
{
	struct kmem_shrinker *shrinker = made(scan_and_allocate);
	unsigned ncalls = 0;
	struct kmem_cache *cache = cache_with(reclaim_and_allocate, &ncalls);

	count = 10;
	kmem_shrink();
	ck_assert_uint_eq(nscans, 1);
	ck_assert_uint_eq(ncalls, 1);
	kmem_shrinker_free(shrinker);
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

static unsigned long scan_and_want(struct kmem_shrinker *shrinker,
				   struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	nscans++;
	require(kmem_malloc((size_t)1 << 22) == NULL);
	require(kmem_shrink() == 0);
	return 0;
}

/* Its own requests that find no memory do not enter it again. */
START_TEST(it_is_not_entered_again_by_itself)
{
	struct kmem_shrinker *shrinker;

	short_begin();
	shrinker = made(scan_and_want);
	count = 10;
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(nscans, 2);
	faults_end();
	kmem_shrinker_free(shrinker);
}
END_TEST

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

static void give_two(struct kmem_cache *cache, void *data)
{
	void **objects = data;

	require(cache == other_cache);
	for (unsigned i = 0, n = 0; i < 8 && n < 2; i++)
		if (objects[i]) {
			kmem_cache_free(cache, objects[i]);
			objects[i] = NULL;
			n++;
		}
}

/* And one that could not be destroyed is asked again. */
START_TEST(caches_are_asked_for_objects)
{
	other_cache = cache_with(give_two, other_cache_objects);
	for (unsigned i = 0; i < 4; i++)
		other_cache_objects[i] = kmem_cache_alloc(other_cache, GFP_KERNEL);
	ck_assert_uint_eq(kmem_shrink(), 2);
	ck_assert_int_eq(kmem_cache_destroy(other_cache), -EBUSY);
	ck_assert_uint_eq(kmem_shrink(), 2);
	ck_assert_uint_eq(kmem_shrink(), 0);
	ck_assert_int_eq(kmem_cache_destroy(other_cache), 0);
	ck_assert_uint_eq(kmem_shrink(), 0);
}
END_TEST

static void reclaim_short(struct kmem_cache *cache, void *data)
{
	(void)cache;
	(void)data;
	nscans++;
	short_free(20);
}

START_TEST(a_request_gets_what_a_callback_frees)
{
	struct kmem_cache *cache = cache_with(reclaim_short, NULL);

	short_begin();
	ck_assert_uint_eq(nscans, 0);
	ck_assert_ptr_nonnull(kmem_malloc(1000));
	ck_assert_ptr_nonnull(kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_ge(nscans, 1);
	faults_end();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);
}
END_TEST

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

UNIT_MAIN("shrinker", scans_all_it_has_in_batches, seeks_lower_the_share, none_and_stop_end_it,
	  what_was_looked_at_counts, bad_ones_are_refused, runs_before_a_request_fails,
	  what_nobody_can_have_asks_nobody, a_request_gets_what_it_frees, callbacks_hold_no_lock,
	  it_is_not_entered_again_by_itself, freeing_waits_for_other_threads,
	  destroying_waits_for_other_threads, freed_by_itself_or_twice_is_reported,
	  destroyed_by_its_callback_is_reported, caches_are_asked_for_objects,
	  a_request_gets_what_a_callback_frees, a_child_waits_for_nobody,
	  come_and_go_while_they_run)
