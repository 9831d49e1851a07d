// SPDX-License-Identifier: MIT
/* The heaps behind malloc: sheaves before them, several heaps, blocks' bits, span life. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "lib/classes.h"
#include "lib/front.h"
#include "lib/malloc.h"

#include <kmem.h>
#include <pthread.h>
#include <string.h>

START_TEST(a_freed_block_of_a_bin_comes_again)
{
	void *one = kmem_malloc(40000);

	kmem_free(one);
	faults_count();
	ck_assert_ptr_eq(kmem_malloc(40000), one);
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
}
END_TEST

START_TEST(a_block_goes_to_the_bin_it_can_serve)
{
	ck_assert_int_eq(kmem_option_set("thread_cache", "64M"), 0);
	for (size_t nbytes = SMALL_MAX + 1; nbytes <= FRONT_MAX; nbytes += 777) {
		void *block = kmem_malloc(nbytes), *again;

		kmem_free(block);
		again = kmem_malloc(nbytes);
		require(again == block && kmem_usable_size(again) >= nbytes);
		kmem_free(again);
	}
}
END_TEST

START_TEST(a_resized_run_leaves_its_bin)
{
	char *one, *grown, *again;

	kmem_free(kmem_malloc((size_t)4 << 20)); /* room behind */
	one = kmem_malloc(200000);
	grown = kmem_realloc(one, 900000);
	ck_assert_ptr_eq(grown, one);
	ck_assert_uint_eq(pagemap_id(grown),
			  ID_PAGES); /* or a sheaf would keep it, whatever it is */
	kmem_free(grown);
	again = kmem_malloc(200000);
	ck_assert_uint_eq(kmem_usable_size(again), front_usable(front_index(200000)));
	kmem_free(again);
	kmem_trim();
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(a_run_that_comes_again_is_cleared_for_calloc)
{
	char *one = kmem_calloc(1, 300000);

	memset(one, 0xff, 300000);
	kmem_free(one);
	ck_assert_ptr_eq(kmem_calloc(1, 300000), one);
	for (size_t i = 0; i < 300000; i++)
		require(one[i] == 0);
}
END_TEST

START_TEST(runs_beyond_the_sheaf_are_pages_again)
{
	char *blocks[20];

	for (int i = 0; i < 20; i++) {
		blocks[i] = kmem_malloc(300000);
		require((uintptr_t)blocks[i] % PAGE_BYTES == 0);
		require(block_kind(blocks[i]) == BLOCK_LARGE);
	}
	for (int i = 0; i < 20; i++)
		kmem_free(blocks[i]);
	for (int i = 1; i < 20; i++)
		ck_assert_uint_eq(pagemap_id(blocks[i]), ID_NONE);
	ck_assert_uint_eq(kmem_mallinfo2().uordblks, 0);
	ck_assert_ptr_null(front_heap(0));
}
END_TEST

/* Who comes again and again for more than the sheaf has earns a larger one. */
START_TEST(a_bins_sheaf_grows_by_misses)
{
	void *blocks[64];

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 64; i++)
			require((blocks[i] = kmem_malloc(40000)));
		for (int i = 0; i < 64; i++)
			kmem_free(blocks[i]);
	}
	ck_assert_uint_ge(thread_slots[ID_FRONTS + front_index(40000)].mask / 8, 15);
}
END_TEST

/* In any order, with a resized one among them: what does not fit the sheaf is pages again. */
START_TEST(runs_come_and_go_in_rows)
{
	enum { N = 64 };
	size_t index = front_index(65536);
	char *blocks[N];

	for (int round = 0; round < 200; round++) {
		for (int i = 0; i < N; i++) {
			require((blocks[i] = kmem_malloc(65536)));
			memset(blocks[i], i, 16);
			memset(blocks[i] + 65520, i, 16);
		}
		for (int i = 0; i < N; i++)
			require(blocks[i][0] == i && blocks[i][65535] == i);
		if (round % 5 == 0)
			require((blocks[7] = kmem_realloc(blocks[7], 200000)));
		for (int i = 0; i < N; i++)
			kmem_free(blocks[round % 3 == 0	  ? i
					 : round % 3 == 1 ? N - 1 - i
							  : (i * 37 + round) % N]);
		ck_assert_ptr_null(buddy_check());
	}
	ck_assert_uint_eq(thread_slots[ID_FRONTS + index].mask / 8, 7);
}
END_TEST

START_TEST(heaps_exist_from_the_first_large_block_on)
{
	ck_assert_ptr_null(front_heap(0));
	kmem_free(kmem_malloc(60000));
	ck_assert_ptr_nonnull(front_heap(0));
	ck_assert_ptr_null(front_heap(FRONT_HEAPS));
}
END_TEST

static void *pass_over(void *busy)
{
	require(heap_of(kmem_malloc(60000), "test") != busy);
	return NULL;
}

START_TEST(a_busy_heap_is_passed_over)
{
	struct heap *busy = heap_of(kmem_malloc(60000), "test");
	pthread_t thread;

	if (!front_heap(1))
		return; /* one processor, one heap */
	lock_take(&busy->lock, LOCK_HEAP);
	ck_assert_int_eq(pthread_create(&thread, NULL, pass_over, busy), 0);
	pthread_join(thread, NULL);
	lock_release(&busy->lock, LOCK_HEAP);
}
END_TEST

static void *churn(void *unused)
{
	uint64_t random = (uintptr_t)&random | 1;
	char *blocks[20] = {NULL};

	for (int i = 0; i < 4000; i++) {
		size_t nbytes = SMALL_MAX + 1 + random % 300000;
		char **block = &blocks[i % 20];

		random = random * 6364136223846793005ull + 1442695040888963407ull;
		kmem_free(*block);
		require((*block = kmem_malloc(nbytes)));
		**block = (*block)[nbytes - 1] = 1;
	}
	for (int i = 0; i < 20; i++)
		kmem_free(blocks[i]);
	return unused;
}

START_TEST(threads_leave_the_heaps_whole)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; front_heap(i); i++) {
		ck_assert_ptr_null(heap_validate(front_heap(i)));
		ck_assert_uint_eq(front_heap(i)->pub.live_blocks, 0);
	}
}
END_TEST

START_TEST(block_bits_round_trip)
{
	_Alignas(16) char memory[256] = {0};
	struct block *block = (struct block *)(memory + BLOCK_HEAD);

	block_secret = 4711;
	block_set(block, 64, BLOCK_PREV_FREE);
	ck_assert_uint_eq(block_size(block), 64);
	ck_assert_uint_eq(block_flags(block), BLOCK_PREV_FREE);
	require(block_sound(block));
	require(block_fits(block, 64) && !block_fits(block, 80));
	block_secret = 4712;
	require(!block_sound(block));
	block_secret = 4711;
	block_flag(block, BLOCK_PREV_FREE, BLOCK_FREE);
	require(!block_fits(block, 64));
	require(block_has(block, BLOCK_FREE) && !block_has(block, BLOCK_PREV_FREE));
	block_set_footer(block, block_size(block));
	ck_assert_ptr_eq(block_prev(block_next(block)), block);
	ck_assert_ptr_eq(block_of(block_payload(block)), block);
}
END_TEST

START_TEST(a_head_with_any_bit_flipped_is_not_sound)
{
	_Alignas(16) char memory[64] = {0};
	struct block *block = (struct block *)(memory + BLOCK_HEAD);
	unsigned unseen = 0;

	block_secret = 0x123456789abcdefull;
	block_set(block, 48, 0);
	for (int bit = 0; bit < 64; bit++) {
		block->head ^= 1ull << bit;
		unseen += block_sound(block);
		block->head ^= 1ull << bit;
	}
	ck_assert_uint_eq(unseen, 0);
}
END_TEST

START_TEST(sizes_of_blocks)
{
	for (size_t n = 0; n < 5000; n++) {
		uint32_t size = block_bytes(n);

		require(size % BLOCK_ALIGN == 0 && size >= BLOCK_MIN && size >= n + BLOCK_HEAD);
		require(size == BLOCK_MIN || size < n + BLOCK_HEAD + BLOCK_ALIGN);
	}
}
END_TEST

UNIT_MAIN("front", a_freed_block_of_a_bin_comes_again, a_block_goes_to_the_bin_it_can_serve,
	  a_resized_run_leaves_its_bin, a_run_that_comes_again_is_cleared_for_calloc,
	  runs_beyond_the_sheaf_are_pages_again, a_bins_sheaf_grows_by_misses,
	  runs_come_and_go_in_rows, heaps_exist_from_the_first_large_block_on,
	  a_busy_heap_is_passed_over, threads_leave_the_heaps_whole, block_bits_round_trip,
	  a_head_with_any_bit_flipped_is_not_sound, sizes_of_blocks)
