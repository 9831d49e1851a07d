// SPDX-License-Identifier: MIT
/*
 * What the limit of the process refuses: told, said in a line, and preceded by shrinkers; and
 * what is no refusal.
 */
#include "process_limit.h"

#include "fork_handler.h"

#include "buddy/limit.h"
#include "buddy/meta.h"

static size_t told_nbytes, ntold;

static void tell(size_t nbytes, void *data)
{
	require(data == &ntold);
	told_nbytes = nbytes;
	ntold++;
	/* No lock is held; and what it asks for in vain itself is not told. */
	kmem_trim();
	kmem_free(kmem_malloc(100));
	kmem_limit_notify(tell, &ntold);
	require(kmem_malloc(500 * MIB) == NULL);
}

START_TEST(refusals_are_told)
{
	struct kmem_cache *cache = kmem_cache_create("told", 3 * MIB, 0, 0, NULL);

	limit_to(40 * MIB);
	kmem_limit_notify(tell, &ntold);
	require_errno(ENOMEM, kmem_malloc(44 * MIB));
	ck_assert_uint_eq(ntold, 1);
	ck_assert_uint_eq(told_nbytes, 44 * MIB);
	ck_assert_uint_eq(kmem_limit_refusals(), 2);
	while (kmem_cache_alloc(cache, GFP_KERNEL | __GFP_NOWARN))
		;
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(told_nbytes, 3 * MIB);
	kmem_limit_notify(NULL, NULL);
	require_errno(ENOMEM, kmem_pages_alloc_exact(50 * MIB, GFP_KERNEL | __GFP_NOWARN));
	ck_assert_uint_eq(ntold, 2);
	ck_assert_uint_eq(kmem_limit_refusals(), 5);
}
END_TEST

static void be_refused(void)
{
	limit_to(8 * MIB);
	for (int i = 0; i < 100; i++) {
		if (kmem_malloc(9 * MIB) || kmem_realloc(NULL, 9 * MIB) ||
		    kmem_pages_alloc(12, GFP_KERNEL | __GFP_NOWARN))
			_exit(1);
	}
	kmem_limit_set(8 * MIB);
	for (int i = 0; i < 100; i++)
		if (kmem_pages_alloc(12, GFP_KERNEL))
			_exit(2);
	unit_sleep_ms(1100);
	if (kmem_pages_alloc(12, GFP_KERNEL))
		_exit(3);
}

START_TEST(one_line_in_a_second)
{
	struct last_words words = unit_child(be_refused);
	const char *line =
		"libkmem: limit_bytes: a request of 16777216 bytes is refused, %zu of 8388608 "
		"are in use\n";
	size_t used = 0, other = 0;

	ck_assert_msg(words.status == 0, "status %#x", (unsigned)words.status);
	ck_assert_msg(sscanf(words.text, line, &used) == 1, "%s", words.text);
	ck_assert_uint_gt(used, LIMIT_OWN);
	ck_assert_ptr_nonnull(strchr(words.text, '\n'));
	ck_assert_msg(sscanf(strchr(words.text, '\n') + 1, line, &other) == 1, "%s", words.text);
	ck_assert_ptr_eq(strchr(strchr(words.text, '\n') + 1, '\n') + 1,
			 words.text + strlen(words.text));
}
END_TEST

static unsigned nscans;

static unsigned long count_blocks(struct kmem_shrinker *shrinker,
				  struct kmem_shrink_control *control)
{
	(void)shrinker;
	(void)control;
	return nblocks;
}

static unsigned long free_blocks(struct kmem_shrinker *shrinker,
				 struct kmem_shrink_control *control)
{
	(void)shrinker;
	nscans++;
	for (unsigned long i = 0; i < control->nr_to_scan && nblocks > 0; i++)
		kmem_free(blocks[--nblocks]);
	return control->nr_to_scan;
}

/* A program that can do without goes on for ever; one that asks for too much asks nobody. */
START_TEST(shrinkers_run_before_a_refusal)
{
	struct kmem_shrinker *shrinker = kmem_shrinker_alloc(0, "blocks");

	shrinker->count_objects = count_blocks;
	shrinker->scan_objects = free_blocks;
	ck_assert_int_eq(kmem_shrinker_register(shrinker), 0);
	limit_to(32 * MIB);
	for (int i = 0; i < 20000; i++) {
		void *block = kmem_malloc(10000);

		require(block);
		memset(block, 1, 10000);
		blocks[nblocks++] = block;
		require_within();
	}
	ck_assert_uint_gt(nscans, 4);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	nscans = 0;
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(nscans, 0);
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	kmem_shrinker_free(shrinker);
	empty();
}
END_TEST

static unsigned ncalled;

static void count_call(size_t nbytes, void *data)
{
	(void)nbytes;
	(void)data;
	require(!fork_handler_asks);
	ncalled++;
}

static void be_refused_in_fork(void)
{
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
}

/* All locks are held there: a refusal is counted, and not told. */
START_TEST(fork_handlers_are_refused_in_silence)
{
	limit_to(32 * MIB);
	kmem_limit_notify(count_call, NULL);
	fork_and_ask(be_refused_in_fork);
	ck_assert_uint_eq(kmem_limit_refusals(), 1);
	ck_assert_uint_eq(ncalled, 0);
	require_errno(ENOMEM, kmem_malloc(100 * MIB));
	ck_assert_uint_eq(ncalled, 1);
}
END_TEST

/* A cache refuses, by a limit of its own: the process has refused nothing. */
static void require_no_refusal(struct kmem_cache *limited)
{
	require_errno(ENOMEM, kmem_cache_alloc(limited, GFP_KERNEL | __GFP_NOWARN));
	require_errno(ENOMEM, kmem_cache_alloc(limited, GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY));
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
}

START_TEST(less_that_fits_is_no_refusal)
{
	struct kmem_cache *limited =
		kmem_cache_create("limited", 64, &(struct kmem_cache_args){.limit_objects = 1}, 0);
	void *object = kmem_cache_alloc(limited, GFP_KERNEL);
	char *mapping = kmem_malloc(100 * MIB);

	/* An eighth more is refused. */
	limit_to(55 * MIB);
	mapping = kmem_realloc(mapping, 150 * MIB);
	ck_assert_ptr_nonnull(mapping);
	ck_assert(!limit_has_refused());
	require_no_refusal(limited);
	/* Whatever was refused before. */
	ck_assert(!limit_fits(500 * MIB));
	require_no_refusal(limited);
	kmem_free(mapping);
	kmem_cache_free(limited, object);
	kmem_cache_destroy(limited);
}
END_TEST

/* Nor is a record for which fewer pages were made ready than would do for more. */
START_TEST(records_that_fit_are_no_refusal)
{
	void *block = kmem_malloc(20 * MIB), *record;
	unsigned n = 0;

	limit_to(12 * 1024);
	do {
		limit_forget();
		record = meta_alloc(64, 64);
		ck_assert(limit_has_refused() == !record);
		n++;
	} while (record);
	ck_assert_uint_ge(n, 12 * 1024 / 64);
	kmem_free(block);
}
END_TEST

UNIT_MAIN("process_limit_told", refusals_are_told, one_line_in_a_second,
	  shrinkers_run_before_a_refusal, fork_handlers_are_refused_in_silence,
	  less_that_fits_is_no_refusal, records_that_fit_are_no_refusal)
