// SPDX-License-Identifier: MIT
/* Pools: allocator, reserve, wait; the kinds; sizes changed; what is refused.  */
#include "unit.h"

#include "faults.h"

#include "lib/stats.h"

#include <kmem.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MANY 1000

static struct kmem_mempool *pool;
static struct kmem_cache *cache;
static void *elements[MANY];

/* An allocator that counts, and has so many elements yet. */
static struct {
	int left, nallocs, nfrees;
	gfp_t flags[16]; /* of the last calls */
} source;

static void *source_alloc(gfp_t flags, void *data)
{
	require(data == &source);
	source.flags[source.nallocs++ % 16] = flags;
	return source.left > 0 && source.left-- ? kmem_malloc(100) : NULL;
}

static void source_free(void *element, void *data)
{
	require(data == &source);
	source.nfrees++;
	source.left++;
	kmem_free(element);
}

/* A pool whose allocator has as many more elements. */
static void setup(int min_nr, int more)
{
	source.left = min_nr + more;
	pool = kmem_mempool_create(min_nr, source_alloc, source_free, &source);
	ck_assert_ptr_nonnull(pool);
	source.nallocs = 0;
	ck_assert_int_eq(kmem_mempool_min(pool), min_nr);
	ck_assert_int_eq(kmem_mempool_reserve(pool), min_nr);
}

static void get(int n, gfp_t flags)
{
	for (int i = 0; i < n; i++) {
		require((elements[i] = kmem_mempool_alloc(pool, flags)));
		memset(elements[i], i, 100);
	}
}

static void put(int n)
{
	for (int i = 0; i < n; i++)
		kmem_mempool_free(elements[i], pool);
}

/* Pool and elements are gone. */
static void finish(void)
{
	kmem_mempool_destroy(pool);
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
}

START_TEST(the_allocator_first_then_the_reserve)
{
	setup(10, 5);
	get(5, GFP_NOWAIT);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 10);
	for (int i = 5; i < 15; i++) {
		elements[i] = kmem_mempool_alloc(pool, i % 2 ? GFP_KERNEL : GFP_ATOMIC);
		require(elements[i]);
		ck_assert_int_eq(kmem_mempool_reserve(pool), 14 - i);
	}
	require_errno(ENOMEM, kmem_mempool_alloc(pool, GFP_NOWAIT));
	require_errno(ENOMEM, kmem_mempool_alloc_preallocated(pool));
	for (int i = 0; i < 15; i++)
		for (int k = i + 1; k < 15; k++)
			require(elements[i] != elements[k]);
	put(15);
	finish();
}
END_TEST

START_TEST(a_free_fills_the_reserve_first)
{
	setup(10, 5);
	get(15, GFP_KERNEL);
	for (int i = 0; i < 10; i++) {
		kmem_mempool_free(elements[i], pool);
		ck_assert_int_eq(kmem_mempool_reserve(pool), i + 1);
		ck_assert_int_eq(source.nfrees, 0);
	}
	for (int i = 10; i < 15; i++)
		kmem_mempool_free(elements[i], pool);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 10);
	ck_assert_int_eq(source.nfrees, 5);
	kmem_mempool_free(NULL, pool);
	finish();
	ck_assert_int_eq(source.nfrees, 15);
}
END_TEST

START_TEST(preallocated_asks_no_allocator)
{
	setup(3, 5);
	for (int i = 0; i < 3; i++)
		require((elements[i] = kmem_mempool_alloc_preallocated(pool)));
	require_errno(ENOMEM, kmem_mempool_alloc_preallocated(pool));
	ck_assert_int_eq(source.nallocs, 0);
	put(3);
	finish();
}
END_TEST

/* Before the reserve without shrinkers, after it with them; never for ever, never a word. */
START_TEST(the_allocator_is_asked_not_to_insist)
{
	setup(1, 1);
	get(2, GFP_KERNEL | __GFP_NOFAIL);
	ck_assert_int_eq(source.nallocs, 2);
	ck_assert_uint_eq(source.flags[0], GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	ck_assert_uint_eq(source.flags[1], GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY);
	ck_assert_ptr_null(kmem_mempool_alloc(pool, GFP_ATOMIC));
	ck_assert_uint_eq(source.flags[2], GFP_ATOMIC | __GFP_NOWARN | __GFP_NORETRY);
	ck_assert_int_eq(source.nallocs, 3);
	put(2);
	finish();
}
END_TEST

static void *stingy_alloc(gfp_t flags, void *data)
{
	return flags & __GFP_NORETRY ? NULL : source_alloc(flags, data);
}

START_TEST(with_an_empty_reserve_the_allocator_may_do_more)
{
	source.left = 100;
	pool = kmem_mempool_create(1, stingy_alloc, source_free, &source);
	get(3, GFP_KERNEL);
	ck_assert_uint_eq(source.flags[source.nallocs - 1], GFP_KERNEL | __GFP_NOWARN);
	require_errno(ENOMEM, kmem_mempool_alloc(pool, GFP_NOWAIT));
	put(3);
	finish();
}
END_TEST

START_TEST(a_pool_grows_and_shrinks)
{
	static const int sizes[] = {1, 16, 17, 400, 399, 5, 60, 1, 900};

	setup(10, 2000);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		ck_assert_int_eq(kmem_mempool_resize(pool, sizes[i]), 0);
		ck_assert_int_eq(kmem_mempool_min(pool), sizes[i]);
		ck_assert_int_eq(kmem_mempool_reserve(pool), sizes[i]);
		ck_assert_int_eq(2010 - source.left, sizes[i]);
	}
	finish();
	ck_assert_int_eq(source.left, 2010);
}
END_TEST

/* What is out comes back to the reserve as it is by then. */
START_TEST(sizes_change_while_elements_are_out)
{
	setup(10, 0);
	get(8, GFP_NOWAIT);
	ck_assert_int_eq(kmem_mempool_resize(pool, 4), 0);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 2);
	ck_assert_int_eq(source.nfrees, 0);
	put(8);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 4);
	ck_assert_int_eq(source.nfrees, 6);
	ck_assert_int_eq(kmem_mempool_resize(pool, 10), 0);
	get(10, GFP_NOWAIT);
	put(10);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 10);
	finish();
}
END_TEST

START_TEST(a_pool_that_cannot_grow_stays_as_it_was)
{
	setup(10, 30);
	for (int i = 0; i < 30; i++) {
		source.left = i;
		ck_assert_int_eq(kmem_mempool_resize(pool, 41), -ENOMEM);
		ck_assert_int_eq(source.left, i);
		ck_assert_int_eq(kmem_mempool_min(pool), 10);
		ck_assert_int_eq(kmem_mempool_reserve(pool), 10);
	}
	faults_begin(1, ~0ul);
	ck_assert_int_eq(kmem_mempool_resize(pool, 1 << 30), -ENOMEM);
	faults_end();
	source.left = 30;
	ck_assert_int_eq(kmem_mempool_resize(pool, 40), 0);
	finish();
}
END_TEST

START_TEST(a_pool_is_made_whole_or_not_at_all)
{
	for (int i = 0; i < 20; i++) {
		source.left = i;
		require_errno(ENOMEM, kmem_mempool_create(20, source_alloc, source_free, &source));
		ck_assert_int_eq(source.left, i);
	}
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
	faults_begin(1, ~0ul);
	require_errno(ENOMEM, kmem_mempool_create_kmalloc(1 << 30, 100));
	faults_end();
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
}
END_TEST

START_TEST(elements_are_what_the_pool_is_over)
{
	cache = kmem_cache_create("pool", 200, 0, 0, NULL);
	pool = kmem_mempool_create_slab(5, cache);
	get(20, GFP_KERNEL);
	ck_assert_uint_ge(cache_stats(cache).active, 20);
	ck_assert_int_eq(kmem_mempool_reserve(pool), 5);
	put(20);
	ck_assert_uint_eq(cache_stats(cache).active, 5);
	finish();
	ck_assert_int_eq(kmem_cache_destroy(cache), 0);

	pool = kmem_mempool_create_kmalloc(5, 100000);
	get(20, GFP_KERNEL);
	for (int i = 0; i < 20; i++)
		require(kmem_usable_size(elements[i]) >= 100000);
	put(20);
	finish();

	pool = kmem_mempool_create_pages(5, 3);
	get(20, GFP_KERNEL);
	for (int i = 0; i < 20; i++)
		require((uintptr_t)elements[i] % (8 * KMEM_PAGE_SIZE) == 0);
	put(20);
	finish();
}
END_TEST

/* With plenty of memory the reserve is left alone, though a fresh cache has nothing at hand. */
START_TEST(the_reserve_is_for_when_memory_is_short)
{
	cache = kmem_cache_create("pool", 200, 0, 0, NULL);
	pool = kmem_mempool_create_slab(5, cache);
	for (int i = 0; i < MANY; i++) {
		require((elements[i] = kmem_mempool_alloc(pool, GFP_KERNEL)));
		require(kmem_mempool_reserve(pool) == 5);
	}
	put(MANY);
	finish();
}
END_TEST

/* All that is left besides a pool's reserve is taken, and the system gives no more. */
static void exhaust(void)
{
	faults_begin(1, ~0ul);
	while (kmem_cache_alloc(cache, GFP_KERNEL))
		;
	while (kmem_pages_alloc(0, GFP_KERNEL))
		;
}

START_TEST(the_minimum_is_there_when_nothing_else_is)
{
	cache = kmem_cache_create("pool", 2000, 0, 0, NULL);
	pool = kmem_mempool_create_slab(300, cache);
	exhaust();
	for (int round = 0; round < 3; round++) {
		unsigned long before = faults.ncalls;

		get(300, round ? GFP_KERNEL : GFP_NOWAIT);
		ck_assert(round || faults.ncalls == before);
		require_errno(ENOMEM, kmem_mempool_alloc(pool, GFP_NOWAIT));
		put(300);
		ck_assert_int_eq(kmem_mempool_reserve(pool), 300);
	}
	faults_end();
}
END_TEST

/* Any system call but write and exit is death. */
static void nowait_under_seccomp(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	for (int round = 0; round < 2; round++) {
		int n = 0;

		while (n < MANY && (elements[n] = kmem_mempool_alloc(pool, GFP_NOWAIT)))
			n++;
		if (n < 20 || n == MANY || kmem_mempool_reserve(pool) != 0)
			syscall(SYS_exit, 1);
		for (int i = n - 1; i >= n - 20; i--)
			kmem_mempool_free(elements[i], pool);
		for (int i = 0; i < 20; i++)
			if (!(elements[i] = kmem_mempool_alloc_preallocated(pool)))
				syscall(SYS_exit, 2);
		for (int i = 0; i < 20; i++)
			kmem_mempool_free(elements[i], pool);
	}
	syscall(SYS_exit, 0);
}

START_TEST(nowait_enters_no_kernel)
{
	struct last_words words;

	if (UNDER_TSAN || UNDER_ASAN)
		return; /* they make calls of their own */
	cache = kmem_cache_create("pool", 200, 0, 0, NULL);
	pool = kmem_mempool_create_slab(20, cache);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	words = unit_child(nowait_under_seccomp);
	ck_assert_msg(words.status == 0, "status %#x", (unsigned)words.status);
}
END_TEST

static void build(void *object)
{
	(void)object;
}

static void refused(void *call)
{
	if (call || errno != EINVAL)
		_exit(1);
	errno = 0;
}

/* As a program has that is linked to a fixed address. */
static void *other_address(gfp_t flags, void *data)
{
	return kmem_mempool_alloc_slab(flags, data);
}

static void bad_requests(void)
{
	struct kmem_cache *built = kmem_cache_create("built", 100, 0, 0, build);

	refused(kmem_mempool_create(0, source_alloc, source_free, NULL));
	refused(kmem_mempool_create_kmalloc(-1, 100));
	refused(kmem_mempool_create(1, NULL, source_free, NULL));
	refused(kmem_mempool_create(1, source_alloc, NULL, NULL));
	refused(kmem_mempool_create_slab(1, built));
	refused(kmem_mempool_create(1, kmem_mempool_alloc_slab, kmem_mempool_free_slab, built));
	refused(kmem_mempool_create(1, other_address, kmem_mempool_free_slab, built));
	refused(kmem_mempool_create_slab(1, NULL));
	refused(kmem_mempool_create_pages(1, 64));
	refused(kmem_mempool_alloc(pool, GFP_KERNEL | __GFP_ZERO));
	refused(kmem_mempool_alloc(pool, GFP_NOWAIT | __GFP_ZERO)); /* and not a word */
	if (kmem_mempool_resize(pool, 0) != -EINVAL || kmem_mempool_min(pool) != 1)
		_exit(2);
}

#define HAS_CTOR                                                                                   \
	"cache 'built' has a constructor, and an element of the reserve is as its last owner "     \
	"left it\n"

START_TEST(bad_requests_are_refused_in_a_line)
{
	struct last_words words;
	char lines[2000];

	cache = kmem_cache_create("pool", 200, 0, 0, NULL);
	pool = kmem_mempool_create_slab(1, cache);
	words = unit_child(bad_requests);
	ck_assert_int_eq(words.status, 0);
	snprintf(lines, sizeof(lines),
		 "libkmem: kmem_mempool_create: min_nr, 0, is not above 0\n"
		 "libkmem: kmem_mempool_create_kmalloc: min_nr, -1, is not above 0\n"
		 "libkmem: kmem_mempool_create: alloc is NULL\n"
		 "libkmem: kmem_mempool_create: free is NULL\n"
		 "libkmem: kmem_mempool_alloc_slab: " HAS_CTOR
		 "libkmem: kmem_mempool_alloc_slab: " HAS_CTOR
		 "libkmem: kmem_mempool_alloc_slab: " HAS_CTOR
		 "libkmem: kmem_mempool_alloc_slab: cache is NULL\n"
		 "libkmem: kmem_mempool_create_pages: order 64 is above 31\n"
		 "libkmem: kmem_mempool_alloc: pool %p of cache 'pool': no __GFP_ZERO, as an "
		 "element of the reserve is as its last owner left it\n"
		 "libkmem: kmem_mempool_resize: min_nr, 0, is not above 0\n",
		 (void *)pool);
	ck_assert_str_eq(words.text, lines);
}
END_TEST

static void destroy_too_early(void)
{
	kmem_mempool_destroy(pool);
	/* The reserve is home; what is out is the caller's still. */
	if (cache_stats(cache).active != 7)
		_exit(1);
	for (int i = 0; i < 7; i++)
		kmem_cache_free(cache, elements[i]);
	if (kmem_cache_destroy(cache))
		_exit(2);
}

START_TEST(destroy_says_how_many_are_out)
{
	struct last_words words;
	char line[200];

	cache = kmem_cache_create("pool", 200, 0, 0, NULL);
	pool = kmem_mempool_create_slab(3, cache);
	get(9, GFP_KERNEL);
	put(2);
	memmove(elements, elements + 2, 7 * sizeof(void *));
	words = unit_child(destroy_too_early);
	ck_assert_int_eq(words.status, 0);
	snprintf(line, sizeof(line),
		 "libkmem: kmem_mempool_destroy: pool %p of cache 'pool': 7 elements are still "
		 "out\n",
		 (void *)pool);
	ck_assert_str_eq(words.text, line);
	kmem_mempool_destroy(NULL);
}
END_TEST

UNIT_MAIN("mempool", the_allocator_first_then_the_reserve, a_free_fills_the_reserve_first,
	  preallocated_asks_no_allocator, the_allocator_is_asked_not_to_insist,
	  with_an_empty_reserve_the_allocator_may_do_more, a_pool_grows_and_shrinks,
	  sizes_change_while_elements_are_out, a_pool_that_cannot_grow_stays_as_it_was,
	  a_pool_is_made_whole_or_not_at_all, elements_are_what_the_pool_is_over,
	  the_reserve_is_for_when_memory_is_short, the_minimum_is_there_when_nothing_else_is,
	  nowait_enters_no_kernel, bad_requests_are_refused_in_a_line,
	  destroy_says_how_many_are_out)
