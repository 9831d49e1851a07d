// SPDX-License-Identifier: MIT
/* Private heaps: create, alloc, aligned, realloc, reset, destroy, walk, statistics. */
#include "private_heap_fixture.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "lib/private_heap.h"

static void begin(void)
{
	setup(NULL);
}

static void end(void)
{
	teardown();
	ck_assert_ptr_null(buddy_check());
	ck_assert_ptr_null(kmem_validate());
}

static unsigned char *written(size_t nbytes)
{
	return memset(alloc(nbytes), 0xa5, nbytes);
}

START_TEST(any_size_is_had_and_goes)
{
	void *blocks[400];

	begin();
	for (unsigned i = 0; i < 400; i++)
		blocks[i] = written((size_t)i * i * 20);
	ck_assert_uint_eq(stats().live_blocks, 400);
	valid();
	for (unsigned i = 0; i < 400; i++)
		kmem_heap_free(heap, blocks[i]);
	kmem_heap_free(heap, NULL);
	ck_assert_uint_eq(stats().live_blocks, 0);
	ck_assert_uint_eq(stats().live_bytes, 0);
	ck_assert_uint_eq(stats().spans, 1);
	end();
}
END_TEST

/* Not known to the compiler, which would refuse them. */
static volatile size_t huge = (size_t)1 << 62, wrong[] = {0, 3, 48, SIZE_MAX};

START_TEST(the_largest_request_and_one_more)
{
	void *block;

	begin();
	block = written(KMEM_HEAP_BLOCK_MAX - 16);
	ck_assert_uint_ge(kmem_heap_usable_size(heap, block), KMEM_HEAP_BLOCK_MAX - 16);
	require_errno(ENOMEM, kmem_heap_alloc(heap, KMEM_HEAP_BLOCK_MAX - 15));
	require_errno(ENOMEM, kmem_heap_alloc(heap, PTRDIFF_MAX));
	require_errno(ENOMEM, kmem_heap_aligned(heap, huge, 1));
	require_errno(ENOMEM, kmem_heap_realloc(heap, block, PTRDIFF_MAX - 20));
	ck_assert_uint_eq(stats().refusals, 4);
	kmem_heap_free(heap, block);
	end();
}
END_TEST

START_TEST(zalloc_zeroes_what_was_used)
{
	unsigned char *block;

	begin();
	kmem_heap_free(heap, written(5000));
	block = kmem_heap_zalloc(heap, 5000);
	for (unsigned i = 0; i < 5000; i++)
		require(block[i] == 0);
	end();
}
END_TEST

START_TEST(alignment_and_what_is_not_one)
{
	begin();
	for (size_t align = 1; align <= (size_t)1 << 20; align *= 2)
		for (size_t nbytes = 0; nbytes < 100000; nbytes = nbytes * 3 + 1)
			require((uintptr_t)kmem_heap_aligned(heap, align, nbytes) % align == 0);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		require_errno(EINVAL, kmem_heap_aligned(heap, wrong[i], 1));
	end();
}
END_TEST

/* The fragment before an aligned block is a free block, and the next request has it. */
START_TEST(the_head_of_an_aligned_block_is_not_lost)
{
	uintptr_t first, aligned;

	begin();
	first = (uintptr_t)written(16);
	aligned = (uintptr_t)kmem_heap_aligned(heap, 65536, 100);
	ck_assert_uint_gt(aligned - first, 4096);
	ck_assert_uint_eq((uintptr_t)written((aligned - first) * 3 / 4), first + 32);
	end();
}
END_TEST

/* Nothing moves that need not. */
START_TEST(realloc_grows_into_the_free_block_behind)
{
	unsigned char *a, *b;

	begin();
	a = written(1000);
	b = written(1000);
	written(1000);
	kmem_heap_free(heap, b);
	ck_assert_ptr_eq(kmem_heap_realloc(heap, a, 2000), a);
	for (unsigned i = 0; i < 1000; i++)
		require(a[i] == 0xa5);
	ck_assert_uint_lt(kmem_heap_usable_size(heap, a), 2000 + 32);
	b = kmem_heap_realloc(heap, a, 3000);
	ck_assert_ptr_ne(b, a);
	require(b[999] == 0xa5);
	ck_assert_uint_eq(stats().live_blocks, 2);
	end();
}
END_TEST

START_TEST(realloc_trims_where_it_is)
{
	unsigned char *a;

	begin();
	a = written(100000);
	written(16);
	for (size_t nbytes = 100000; nbytes > 0; nbytes = nbytes * 3 / 4) {
		ck_assert_ptr_eq(kmem_heap_realloc(heap, a, nbytes), a);
		ck_assert_uint_lt(kmem_heap_usable_size(heap, a), nbytes + 64);
		valid();
	}
	ck_assert_ptr_eq(written(90000), a + 32);
	end();
}
END_TEST

/* An array that grows at the end of what is in use, and one from nothing to nothing. */
START_TEST(realloc_grows_a_span_without_a_copy)
{
	unsigned char *a;

	begin();
	a = kmem_heap_realloc(heap, NULL, 100);
	for (size_t nbytes = 100; nbytes < 900000; nbytes += nbytes / 8)
		ck_assert_ptr_eq(kmem_heap_realloc(heap, a, nbytes), a);
	ck_assert_ptr_null(kmem_heap_realloc(heap, a, 0));
	ck_assert_uint_eq(stats().live_blocks, 0);
	end();
}
END_TEST

START_TEST(reset_frees_all_and_keeps_one_span)
{
	heap = kmem_heap_create("reset", &(struct kmem_heap_options){.span_bytes = 1 << 20});
	for (unsigned i = 0; i < 5000; i++)
		written(1000);
	ck_assert_uint_ge(stats().spans, 5);
	kmem_heap_reset(heap);
	valid();
	ck_assert_uint_eq(stats().live_blocks, 0);
	ck_assert_uint_eq(stats().spans, 1);
	ck_assert_uint_eq(stats().frees, 5000);
	for (unsigned i = 0; i < 5000; i++)
		written(1000);
	kmem_heap_reset(heap);
	kmem_heap_reset(heap);
	end();
}
END_TEST

START_TEST(destroy_gives_all_pages_back)
{
	struct kmem_stats before = {.size = sizeof(before)}, after = {.size = sizeof(after)};

	kmem_stats_read(&before);
	for (unsigned round = 0; round < 20; round++) {
		begin();
		for (unsigned i = 0; i < 3000; i++)
			written(2000);
		kmem_stats_read(&after);
		ck_assert_uint_ge(after.span_bytes, before.span_bytes + 6000000);
		ck_assert_uint_eq(after.heaps, before.heaps + 1);
		end();
	}
	kmem_stats_read(&after);
	ck_assert_uint_eq(after.span_bytes, before.span_bytes);
	ck_assert_uint_eq(after.heaps, before.heaps);
	kmem_heap_destroy(NULL);
}
END_TEST

struct tally {
	unsigned nlive, nfree, stop_at;
	size_t nbytes;
};

static int add_up(const struct kmem_heap_block *block, void *data)
{
	struct tally *tally = data;

	if (block->live)
		tally->nlive++;
	else
		tally->nfree++;
	tally->nbytes += block->nbytes + 8;
	return tally->stop_at && tally->nlive == tally->stop_at ? 77 : 0;
}

START_TEST(walk_shows_each_block_once)
{
	struct tally tally = {0}, some = {.stop_at = 10};
	void *blocks[3000];

	begin();
	ck_assert_int_eq(kmem_heap_walk(heap, add_up, &tally), 0);
	ck_assert_uint_eq(tally.nlive + tally.nfree, 0);
	for (unsigned i = 0; i < 3000; i++)
		blocks[i] = written(1000);
	for (unsigned i = 0; i < 3000; i += 2)
		kmem_heap_free(heap, blocks[i]);
	ck_assert_int_eq(kmem_heap_walk(heap, add_up, &tally), 0);
	ck_assert_uint_eq(tally.nlive, 1500);
	ck_assert_uint_ge(tally.nfree, 1498);
	ck_assert_uint_eq(tally.nbytes, stats().live_bytes + stats().free_bytes);
	ck_assert_int_eq(kmem_heap_walk(heap, add_up, &some), 77);
	ck_assert_uint_eq(some.nlive, 10);
	end();
}
END_TEST

static int free_it(const struct kmem_heap_block *block, void *data)
{
	unsigned *nfreed = data;

	if (block->live) {
		kmem_heap_free(heap, block->addr);
		++*nfreed;
	}
	return 0;
}

START_TEST(a_walk_may_free_what_it_sees)
{
	unsigned nfreed = 0;

	begin();
	for (unsigned i = 0; i < 5000; i++)
		written(700);
	ck_assert_int_eq(kmem_heap_walk(heap, free_it, &nfreed), 0);
	ck_assert_uint_eq(nfreed, 5000);
	ck_assert_uint_eq(stats().live_blocks, 0);
	end();
}
END_TEST

START_TEST(stats_of_older_and_newer_programs)
{
	struct kmem_heap_stats old = {.size = 64}, odd = {.size = 7};
	struct {
		struct kmem_heap_stats known;
		uint64_t more;
	} newer = {.known.size = sizeof(newer), .more = 5};

	begin();
	written(100);
	ck_assert_int_eq(kmem_heap_stats(heap, &old), 0);
	ck_assert_uint_eq(old.size, 64);
	ck_assert_str_eq(old.name, "test");
	ck_assert_uint_eq(old.limit_bytes, 0);
	ck_assert_int_eq(kmem_heap_stats(heap, &odd), -EINVAL);
	ck_assert_int_eq(kmem_heap_stats(heap, &newer.known), 0);
	ck_assert_uint_eq(newer.known.size, sizeof(newer.known));
	ck_assert_uint_eq(newer.known.allocs, 1);
	ck_assert_uint_eq(newer.more, 0);
	end();
}
END_TEST

START_TEST(names_and_options_that_are_none)
{
	static char memory[8192];
	struct kmem_heap_options wrong[] = {
		{.limit_bytes = KMEM_HEAP_SPAN_MIN - 1},
		{.span_bytes = KMEM_HEAP_SPAN_MIN - 1},
		{.span_bytes = KMEM_HEAP_SPAN_MAX + 1},
		{.fit = (enum kmem_heap_fit)4},
		{.insertion = (enum kmem_heap_insertion)2},
		{.memory_bytes = 8192},
		{.memory = memory, .memory_bytes = KMEM_HEAP_MEMORY_MIN - 1},
		{.memory = memory, .memory_bytes = KMEM_HEAP_MEMORY_MAX + 1},
		{.memory = memory, .memory_bytes = 8192, .limit_bytes = KMEM_HEAP_SPAN_MIN},
		{.memory = memory, .memory_bytes = 8192, .span_bytes = KMEM_HEAP_SPAN_MIN},
	};

	for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		require_errno(EINVAL, kmem_heap_create("wrong", &wrong[i]));
	require_errno(EINVAL, kmem_heap_create(NULL, NULL));
	require_errno(EINVAL, kmem_heap_create("", NULL));
	require_errno(EINVAL, kmem_heap_create("a name of thirty-two characters.", NULL));
	heap = kmem_heap_create("a name of thirty-one characters", NULL);
	ck_assert_str_eq(stats().name, "a name of thirty-one characters");
	end();
}
END_TEST

START_TEST(refused_memory_is_enomem)
{
	begin();
	written(100);
	for (unsigned long n = 1; n < 20; n++) {
		faults_begin(n, ~0ul);
		for (unsigned i = 0; i < 200; i++)
			if (!kmem_heap_alloc(heap, 900000)) {
				require(errno == ENOMEM);
				break;
			}
		faults_end();
		valid();
		kmem_heap_reset(heap);
	}
	end();
}
END_TEST

START_TEST(the_limit_of_the_process_holds)
{
	begin();
	ck_assert_int_eq(kmem_limit_set(kmem_limit_usage() + (8 << 20)), 0);
	for (unsigned i = 0; i < 100; i++)
		if (!kmem_heap_alloc(heap, 900000)) {
			ck_assert_int_eq(errno, ENOMEM);
			break;
		}
	ck_assert_uint_le(stats().span_bytes, 8 << 20);
	ck_assert_uint_gt(kmem_limit_refusals(), 0);
	ck_assert_int_eq(kmem_limit_set(0), 0);
	written(20000000);
	end();
}
END_TEST

UNIT_MAIN("private_heap", any_size_is_had_and_goes, the_largest_request_and_one_more,
	  zalloc_zeroes_what_was_used, alignment_and_what_is_not_one,
	  the_head_of_an_aligned_block_is_not_lost, realloc_grows_into_the_free_block_behind,
	  realloc_trims_where_it_is, realloc_grows_a_span_without_a_copy,
	  reset_frees_all_and_keeps_one_span, destroy_gives_all_pages_back,
	  walk_shows_each_block_once, a_walk_may_free_what_it_sees,
	  stats_of_older_and_newer_programs, names_and_options_that_are_none,
	  refused_memory_is_enomem, the_limit_of_the_process_holds)
