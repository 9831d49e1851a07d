// SPDX-License-Identifier: MIT
/*
 * Allocation flags where memory is short: __GFP_NORETRY asks no shrinkers, __GFP_NOFAIL waits
 * until there is some, and what may not wait may not insist.
 */
#include "children.h"

#include "short.h"
#include "waiting.h"

#include "slab/thread.h"

#define NOFAIL (GFP_KERNEL | __GFP_NOFAIL)
#define MIB    ((size_t)1 << 20)

static _Atomic unsigned ncalls;

static void call(struct kmem_cache *cache, void *data)
{
	(void)cache;
	(void)data;
	ncalls++;
}

/* A shrinker and a cache that count how often they are asked, and have nothing. */
static void ask_in_vain(void)
{
	struct kmem_cache_args args = {.reclaim = call};

	count_shrinks();
	ck_assert_ptr_nonnull(kmem_cache_create_args("in vain", 8, &args, 0));
}

/* So many requests asked all: a shrinker for a half and for the rest, a callback once. */
static void require_asked(unsigned nrequests)
{
	ck_assert_uint_eq(ncounts, 2 * nrequests);
	ck_assert_uint_eq(ncalls, nrequests);
}

START_TEST(noretry_asks_nobody)
{
	void *objects[100];

	short_begin();
	ask_in_vain();
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL | __GFP_NORETRY));
	require_errno(ENOMEM, kmem_cache_zalloc(short_cache, GFP_KERNEL | __GFP_NORETRY));
	require_errno(ENOMEM, kmem_pages_alloc(8, GFP_KERNEL | __GFP_NORETRY));
	ck_assert_int_eq(
		kmem_cache_alloc_bulk(short_cache, GFP_KERNEL | __GFP_NORETRY, 100, objects), 0);
	require_asked(0);
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL));
	require_asked(1);
	require_errno(ENOMEM, kmem_pages_alloc(8, GFP_KERNEL));
	require_asked(2);
	faults_end();
}
END_TEST

/* What lies free in sheaves and empty slabs of another size is found all the same. */
START_TEST(noretry_finds_what_is_free)
{
	struct kmem_cache *other = kmem_cache_create("other", 3 * SHORT_BYTES, 0, 0, NULL);

	short_begin();
	require_errno(ENOMEM, kmem_cache_alloc(other, GFP_KERNEL | __GFP_NORETRY));
	ck_assert_uint_eq(short_free(100), 100);
	ck_assert_ptr_nonnull(kmem_cache_alloc(other, GFP_KERNEL | __GFP_NORETRY));
	faults_end();
}
END_TEST

/* The fault ends while they wait. */
static void wait_for_memory(void)
{
	short_refuse();
	wait_begin(short_grant);
}

/* All that could be had is taken again. */
static void take_rest(void)
{
	void *object;

	short_refuse();
	while ((object = kmem_cache_alloc(short_cache, GFP_KERNEL | __GFP_NORETRY)))
		short_objects[short_n++] = object;
}

START_TEST(nofail_waits_until_there_is_memory)
{
	static void *objects[500];
	unsigned char *zeros, *pages;

	short_begin();
	wait_for_memory();
	wait_end(kmem_cache_alloc(short_cache, NOFAIL));
	take_rest();
	wait_for_memory();
	zeros = kmem_cache_zalloc(short_cache, NOFAIL);
	wait_end(zeros);
	for (unsigned i = 0; i < SHORT_BYTES; i++)
		require(zeros[i] == 0);
	take_rest();
	wait_for_memory();
	ck_assert_int_eq(kmem_cache_alloc_bulk(short_cache, NOFAIL, 500, objects), 500);
	wait_end(objects[499]);
	take_rest();
	wait_for_memory();
	pages = kmem_pages_alloc(8, NOFAIL | __GFP_ZERO);
	wait_end(pages);
	for (unsigned i = 0; i < 256 * KMEM_PAGE_SIZE; i++)
		require(pages[i] == 0);
	wait_for_memory();
	wait_end(kmem_pages_alloc_exact(100 * MIB, NOFAIL));
	faults_end();
}
END_TEST

/* As long as it waits; half and all of what they have, again and again. */
START_TEST(nofail_asks_while_it_waits)
{
	short_begin();
	ask_in_vain();
	wait_for_memory();
	wait_end(kmem_cache_alloc(short_cache, NOFAIL));
	ck_assert_uint_ge(ncounts, 4);
	ck_assert_uint_eq(ncalls, (ncounts + 1) / 2);
	ck_assert_uint_lt(ncounts, 2 * WAIT_MS); /* and sleeps in between */
	take_rest();
	ncounts = ncalls = 0;
	wait_for_memory();
	wait_end(kmem_cache_alloc(short_cache, NOFAIL | __GFP_NORETRY));
	require_asked(0);
	faults_end();
}
END_TEST

static void *kept;

static void free_kept(void)
{
	kmem_free(kept);
}

/* Until another thread frees some; that is no refusal. */
START_TEST(nofail_waits_for_room_under_a_limit)
{
	void *pages;

	kept = kmem_malloc(20 * MIB);
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + 4 * MIB), 0);
	wait_begin(free_kept);
	pages = kmem_pages_alloc_exact(10 * MIB, NOFAIL);
	wait_end(pages);
	ck_assert_uint_eq(kmem_limit_refusals(), 0);
	ck_assert_uint_le(kmem_limit_usage(), kmem_limit_get());
	kmem_pages_free(pages);
}
END_TEST

/* Even for more than the limit, which may be raised. */
START_TEST(nofail_waits_for_a_higher_limit)
{
	ck_assert_int_eq(kmem_limit_set(8 * MIB), 0);
	wait_begin(raise_limit);
	wait_end(kmem_pages_alloc_exact(10 * MIB, NOFAIL));
}
END_TEST

static struct kmem_cache *fresh;

static void insist(void)
{
	errno = 0;
	if (kmem_cache_alloc(fresh, __GFP_NOFAIL) || errno != EINVAL)
		_exit(1);
	errno = 0;
	if (kmem_cache_alloc(fresh, GFP_ATOMIC | __GFP_NOFAIL) || errno != EINVAL)
		_exit(2);
	errno = 0;
	if (kmem_cache_alloc(fresh, GFP_NOWAIT | __GFP_NOFAIL) || errno != EINVAL)
		_exit(3);
	errno = 0;
	if (kmem_pages_alloc(0, __GFP_NOFAIL) || errno != EINVAL)
		_exit(4);
	errno = 0;
	if (kmem_cache_alloc(fresh, GFP_NOWAIT) || errno != EAGAIN)
		_exit(5);
	/* What is at hand needs no waiting. */
	kmem_cache_free(fresh, kmem_cache_alloc(fresh, GFP_KERNEL));
	if (!kmem_cache_alloc(fresh, __GFP_NOFAIL))
		_exit(6);
}

static void insist_with_a_record(void)
{
	require(thread_self());
	insist();
}

START_TEST(nofail_needs_to_wait)
{
	static const char text[] =
		"libkmem: kmem_cache_alloc: __GFP_NOFAIL waits for memory, so it needs GFP_KERNEL\n"
		"libkmem: kmem_cache_alloc: __GFP_NOFAIL waits for memory, so it needs GFP_KERNEL\n"
		"libkmem: kmem_pages_alloc: __GFP_NOFAIL waits for memory, so it needs "
		"GFP_KERNEL\n";
	const struct kmem_cache_args limited = {.limit_objects = 100};

	fresh = kmem_cache_create("fresh", 64, 0, 0, NULL);
	expect_words(insist, text);
	expect_words(insist_with_a_record, text);
	fresh = kmem_cache_create_args("limited", 64, &limited, 0);
	expect_words(insist, text);
	expect_words(insist_with_a_record, text);
}
END_TEST

START_TEST(what_can_never_be_had_is_refused_at_once)
{
	volatile size_t least = ((size_t)UINT32_MAX << 12) + 1; /* unseen by the compiler */

	ask_in_vain();
	for (unsigned i = 0; i < 2; i++) {
		gfp_t flags = i ? NOFAIL : GFP_KERNEL;

		require_errno(EINVAL, kmem_pages_alloc(35, flags | __GFP_NOWARN));
		require_errno(EINVAL, kmem_pages_alloc(32, flags | __GFP_NOWARN));
		require_errno(ENOMEM, kmem_pages_alloc_exact(least, flags));
		require_errno(ENOMEM, kmem_kmalloc(least, flags));
	}
	require_errno(ENOMEM, kmem_malloc(least));
	require_asked(0);
}
END_TEST

static unsigned ninside;

static void insist_inside(struct kmem_cache *cache, void *data)
{
	(void)data;
	(void)cache;
	ninside++;
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, NOFAIL));
	require_errno(ENOMEM, kmem_kmalloc(30 * MIB, NOFAIL));
}

/* Who waits for memory waits for it. */
START_TEST(nofail_does_not_wait_inside_a_callback)
{
	struct kmem_cache_args args = {.reclaim = insist_inside};

	ck_assert_ptr_nonnull(kmem_cache_create_args("insists", 8, &args, 0));
	short_begin();
	require_errno(ENOMEM, kmem_cache_alloc(short_cache, GFP_KERNEL));
	ck_assert_uint_eq(ninside, 1);
	faults_end();
}
END_TEST

UNIT_MAIN("gfp", noretry_asks_nobody, noretry_finds_what_is_free,
	  nofail_waits_until_there_is_memory, nofail_asks_while_it_waits,
	  nofail_waits_for_room_under_a_limit, nofail_waits_for_a_higher_limit,
	  nofail_needs_to_wait, what_can_never_be_had_is_refused_at_once,
	  nofail_does_not_wait_inside_a_callback)
