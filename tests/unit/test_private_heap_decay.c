// SPDX-License-Identifier: MIT
/* Pages inside free blocks of private heaps go back: with time, and when trimmed. */
#include "unit.h"

#include <kmem.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

#define NBLOCKS 4000u
#define NBYTES	1000u
#define NPIECES (NBLOCKS / 100)

static struct kmem_heap *heap;
static unsigned char *blocks[NBLOCKS];

static void setup(const char *decay_ms, const struct kmem_heap_options *options)
{
	ck_assert_int_eq(kmem_option_set("decay_ms", decay_ms), 0);
	heap = kmem_heap_create("decay", options);
	for (unsigned i = 0; i < NBLOCKS; i++) {
		blocks[i] = kmem_heap_alloc(heap, NBYTES);
		require(blocks[i] != NULL);
		memset(blocks[i], (int)i, NBYTES);
	}
}

/* All but each hundredth: what is freed are pieces of 96 KiB, in no order. */
static void thin_out(void)
{
	for (unsigned n = 0; n < NBLOCKS; n++) {
		unsigned i = n * 1237 % NBLOCKS;

		if (i % 100)
			kmem_heap_free(heap, blocks[i]);
	}
	ck_assert_ptr_null(kmem_heap_validate(heap));
}

static void teardown(void)
{
	for (unsigned i = 0; i < NBLOCKS; i += 100)
		for (unsigned j = 0; j < NBYTES; j++)
			require(blocks[i][j] == (unsigned char)i);
	ck_assert_ptr_null(kmem_heap_validate(heap));
	kmem_heap_destroy(heap);
	ck_assert_ptr_null(kmem_validate());
}

/* Of the pages that the blocks are on. */
static size_t resident_bytes(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;

	for (unsigned i = 0; i < NBLOCKS; i++) {
		char *at = (char *)((uintptr_t)blocks[i] & ~(page - 1));
		unsigned char in = 0;

		if (i && at == (char *)((uintptr_t)blocks[i - 1] & ~(page - 1)))
			continue;
		require(mincore(at, 1, &in) == 0);
		resident += in & 1 ? page : 0;
	}
	return resident;
}

/* What a program does meanwhile: blocks that are merged when they are freed. */
static void drive(unsigned ms)
{
	for (unsigned spent = 0; spent < ms; spent += 5) {
		for (unsigned i = 0; i < 100; i++)
			kmem_heap_free(heap, kmem_heap_alloc(heap, 600));
		unit_sleep_ms(5);
	}
}

static void decay(const struct kmem_heap_options *options)
{
	size_t before;

	setup("20", options);
	before = resident_bytes();
	ck_assert_uint_ge(before, NBLOCKS * (size_t)NBYTES);
	thin_out();
	drive(300);
	ck_assert_uint_lt(resident_bytes(), before / 5);
	teardown();
}

START_TEST(free_pages_go_back_after_decay_ms)
{
	decay(NULL);
}
END_TEST

START_TEST(free_pages_of_a_heap_of_one_thread_go_back_when_it_comes_by)
{
	decay(&(struct kmem_heap_options){.one_thread = true});
}
END_TEST

START_TEST(free_pages_of_a_checked_heap_stay)
{
	size_t before;

	setup("20", &(struct kmem_heap_options){.checked = true});
	before = resident_bytes();
	thin_out();
	drive(100);
	kmem_trim();
	ck_assert_uint_eq(resident_bytes(), before);
	teardown();
}
END_TEST

START_TEST(nothing_goes_before_decay_ms)
{
	size_t before;

	setup("1000000", NULL);
	before = resident_bytes();
	thin_out();
	drive(100);
	ck_assert_uint_eq(resident_bytes(), before);
	teardown();
}
END_TEST

START_TEST(trim_gives_all_back_now)
{
	size_t before;

	setup("1000000", NULL);
	before = resident_bytes();
	thin_out();
	ck_assert_int_eq(kmem_trim(), 1);
	ck_assert_uint_lt(resident_bytes(), before / 5);
	teardown();
}
END_TEST

START_TEST(what_went_can_be_had_again)
{
	setup("1000000", NULL);
	thin_out();
	kmem_trim();
	for (unsigned i = 0; i < NBLOCKS; i++)
		if (i % 100) {
			blocks[i] = kmem_heap_zalloc(heap, NBYTES);
			for (unsigned j = 0; j < NBYTES; j++)
				require(blocks[i][j] == 0);
		}
	teardown();
}
END_TEST

static _Atomic bool stop;

static void *trim_again_and_again(void *unused)
{
	while (!stop)
		kmem_trim();
	return unused;
}

static int count_live(const struct kmem_heap_block *block, void *nlive)
{
	*(unsigned *)nlive += block->live;
	return 0;
}

static void see_what_is_live(void)
{
	unsigned nlive = 0;

	ck_assert_int_eq(kmem_heap_walk(heap, count_live, &nlive), 0);
	ck_assert_uint_eq(nlive, NBLOCKS / 100);
	ck_assert_ptr_null(kmem_heap_validate(heap));
}

/* What is in the hands of who gives its pages back is free all the same. */
START_TEST(a_walk_while_pages_go_shows_what_is_live)
{
	pthread_t thread;

	setup("1000000", NULL);
	thin_out();
	stop = false;
	ck_assert_int_eq(pthread_create(&thread, NULL, trim_again_and_again, NULL), 0);
	for (unsigned i = 0; i < (UNDER_TSAN ? 10 : 50); i++) {
		void *some[NPIECES];

		for (unsigned j = 0; j < NPIECES; j++)
			some[j] = memset(kmem_heap_alloc(heap, 90000), 1, 90000);
		for (unsigned j = 0; j < NPIECES; j++)
			kmem_heap_free(heap, some[j]);
		for (unsigned j = 0; j < 50; j++)
			see_what_is_live();
	}
	stop = true;
	pthread_join(thread, NULL);
	teardown();
}
END_TEST

static unsigned char given[1 << 20];

START_TEST(given_memory_is_left_alone)
{
	unsigned char *block;

	ck_assert_int_eq(kmem_option_set("decay_ms", "20"), 0);
	heap = kmem_heap_create("given", &(struct kmem_heap_options){
						 .memory = given, .memory_bytes = sizeof(given)});
	block = kmem_heap_alloc(heap, 500000);
	memset(block, 0x77, 500000);
	kmem_heap_free(heap, block);
	drive(100);
	kmem_trim();
	ck_assert_int_eq(given[sizeof(given) / 4], 0x77);
	kmem_heap_destroy(heap);
}
END_TEST

UNIT_MAIN("private_heap_decay", free_pages_go_back_after_decay_ms,
	  free_pages_of_a_heap_of_one_thread_go_back_when_it_comes_by,
	  free_pages_of_a_checked_heap_stay, nothing_goes_before_decay_ms, trim_gives_all_back_now,
	  what_went_can_be_had_again, a_walk_while_pages_go_shows_what_is_live,
	  given_memory_is_left_alone)
