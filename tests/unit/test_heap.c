// SPDX-License-Identifier: MIT
/* The boundary-tag heap: random use against a shadow, merging, alignment, spans, purging. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"
#include "lib/heap.h"

#define NBLOCKS 300u
#define MIB	((size_t)1 << 20)

static struct heap heap;

static struct shadow {
	unsigned char *addr;
	size_t nbytes;
	unsigned char tag;
} blocks[NBLOCKS];

static void valid(void)
{
	const char *wrong = heap_validate(&heap);

	if (wrong)
		ck_abort_msg("%s", wrong);
}

static void own(struct shadow *block, unsigned char *addr, size_t nbytes)
{
	block->addr = addr;
	block->nbytes = nbytes;
	block->tag = (unsigned char)unit_next();
	memset(addr, block->tag, nbytes);
}

static void verify(const struct shadow *block, size_t upto)
{
	for (size_t i = 0; i < upto; i++)
		require(block->addr[i] == block->tag);
}

static size_t random_size(void)
{
	return unit_below(10) ? unit_below(3000) : unit_below(200000);
}

static void get(struct shadow *block)
{
	size_t nbytes = random_size(), align = (size_t)16 << (unit_below(3) ? 0 : unit_below(9));
	unsigned char *addr = heap_alloc(&heap, nbytes, align);

	require(addr && (uintptr_t)addr % align == 0);
	require(heap_usable(addr) >= nbytes);
	require(heap_of(addr, "test") == &heap);
	own(block, addr, nbytes);
}

static void resize(struct shadow *block)
{
	size_t nbytes = random_size();

	if (heap_resize(&heap, block->addr, nbytes)) {
		verify(block, nbytes < block->nbytes ? nbytes : block->nbytes);
		require(heap_usable(block->addr) >= nbytes);
		own(block, block->addr, nbytes);
	}
}

START_TEST(random_use_against_a_shadow)
{
	uint64_t live = 0;

	heap_init(&heap, "test", 4 * MIB);
	for (int round = 0; round < 12000; round++) {
		struct shadow *block = &blocks[unit_below(NBLOCKS)];

		if (!block->addr) {
			get(block);
			live++;
		} else if (unit_below(3) == 0) {
			resize(block);
		} else {
			verify(block, block->nbytes);
			heap_free(&heap, block->addr);
			block->addr = NULL;
			live--;
		}
		if (unit_below(500) == 0)
			heap_purge(&heap, 0, MOST_PAGES);
		valid();
		require(heap.pub.live_blocks == live);
	}
}
END_TEST

static unsigned char *alloc(size_t nbytes)
{
	unsigned char *addr = heap_alloc(&heap, nbytes, 16);

	ck_assert_ptr_nonnull(addr);
	return addr;
}

/* Three blocks of a new heap. */
static unsigned char *three[3];

static void setup_three(size_t nbytes)
{
	heap_init(&heap, "test", MIB);
	for (unsigned i = 0; i < 3; i++)
		three[i] = alloc(nbytes);
}

/* A large block of a new heap, used and free again, with one behind it. */
static unsigned char *setup_freed(void)
{
	unsigned char *freed;

	heap_init(&heap, "test", MIB);
	freed = alloc(500000);
	alloc(16);
	memset(freed, 0xaa, 500000);
	heap_free(&heap, freed);
	return freed;
}

START_TEST(freed_neighbours_merge_on_both_sides)
{
	setup_three(1000);
	alloc(16);
	heap_free(&heap, three[0]);
	heap_free(&heap, three[2]);
	heap_free(&heap, three[1]);
	valid();
	ck_assert_ptr_eq(alloc(2900), three[0]);
}
END_TEST

START_TEST(growth_takes_the_free_block_behind)
{
	setup_three(1000);
	require(!heap_resize(&heap, three[0], 1500));
	heap_free(&heap, three[1]);
	require(heap_resize(&heap, three[0], 1500));
	require(!heap_resize(&heap, three[0], 5000));
	ck_assert_uint_ge(heap_usable(three[0]), 1500);
	ck_assert_uint_lt(heap_usable(three[0]), 1540);
	valid();
}
END_TEST

START_TEST(one_empty_span_is_kept)
{
	setup_three(900000);
	ck_assert_uint_eq(heap.pub.nspans, 3);
	for (unsigned i = 0; i < 3; i++)
		heap_free(&heap, three[i]);
	valid();
	ck_assert_uint_eq(heap.pub.nspans, 1);
	ck_assert_uint_eq(heap.pub.live_bytes, 0);
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(the_kept_span_can_be_dropped)
{
	void *block;

	heap_init(&heap, "test", MIB);
	block = alloc(900000);
	heap_drop_empty(&heap);
	ck_assert_uint_eq(heap.pub.nspans, 1);
	heap_free(&heap, block);
	heap_drop_empty(&heap);
	valid();
	ck_assert_uint_eq(heap.pub.nspans, 0);
	heap_drop_empty(&heap);
	alloc(900000);
	valid();
}
END_TEST

static unsigned ndropped;

static long drop_and_advise(void *addr, size_t nbytes, int advice)
{
	ndropped++;
	heap_drop_empty(&heap);
	return sys_real.madvise(addr, nbytes, advice);
}

/* As another thread may: the span's block is in no list then. */
START_TEST(the_kept_span_is_not_dropped_while_it_is_purged)
{
	static struct sys_table table;

	heap_init(&heap, "test", MIB);
	heap_free(&heap, alloc(900000));
	table = sys_real;
	table.madvise = drop_and_advise;
	sys_calls = &table;
	ck_assert_uint_gt(heap_purge(&heap, 0, MOST_PAGES), 200);
	sys_calls = &sys_real;
	ck_assert_uint_eq(ndropped, 1);
	ck_assert_uint_eq(heap.pub.nspans, 1);
	valid();
	heap_free(&heap, alloc(900000));
	valid();
}
END_TEST

/* Any size up to the largest, whatever the spans' usual size. */
START_TEST(a_new_span_always_holds_the_block_it_was_made_for)
{
	for (size_t span = HEAP_SPAN_MIN; span <= 4 * MIB; span *= 4)
		for (size_t nbytes = 1000; nbytes <= HEAP_BLOCK_MAX; nbytes += nbytes / 7)
			for (size_t align = 16; align <= 4096; align *= 16) {
				struct heap one = {.spans = NULL};
				void *block;

				heap_init(&one, "one", span);
				block = heap_alloc(&one, nbytes, align);
				if (!block)
					ck_abort_msg("%zu bytes by %zu, spans of %zu", nbytes,
						     align, span);
				require(heap_validate(&one) == NULL);
				heap_free(&one, block);
				require(heap_validate(&one) == NULL);
			}
}
END_TEST

START_TEST(purge_gives_inner_pages_and_spares_the_young)
{
	unsigned char *a = setup_freed();

	ck_assert_uint_eq(heap_purge(&heap, 100000, MOST_PAGES), 0);
	ck_assert_uint_ge(heap_purge(&heap, 0, MOST_PAGES), 120);
	valid();
	ck_assert_uint_eq(heap_purge(&heap, 0, MOST_PAGES), 0); /* known to be clean */
	ck_assert_int_eq(a[250000], 0);
	ck_assert_ptr_eq(alloc(480000), a);
}
END_TEST

/* Where many blocks are free and none has old pages, they are not looked at again at once. */
START_TEST(a_walk_in_vain_puts_the_next_off)
{
	unsigned char *blocks[64];

	heap_init(&heap, "test", 4 * MIB);
	for (unsigned i = 0; i < 64; i++) {
		blocks[i] = alloc(20000);
		alloc(16);
	}
	for (unsigned i = 0; i < 63; i++)
		heap_free(&heap, blocks[i]);
	ck_assert_uint_eq(heap_purge(&heap, 100000, MOST_PAGES), 0);
	ck_assert_uint_ge(heap.rest_ms, 63 / 8);
	ck_assert_uint_ge(heap_purge(&heap, 0, MOST_PAGES), 63 * 3);
	ck_assert_uint_eq(heap.rest_ms, 0); /* not in vain */
	heap_free(&heap, blocks[63]);
	unit_sleep_ms(30);
	heap.rest_ms = 1000000;
	ck_assert_uint_eq(heap_purge(&heap, 1, MOST_PAGES), 0);
	heap.rest_ms = 0;
	ck_assert_uint_gt(heap_purge(&heap, 1, MOST_PAGES), 0);
}
END_TEST

START_TEST(refused_purge_is_tried_again)
{
	setup_freed();
	faults_refuse(FAULT_MADVISE);
	ck_assert_uint_eq(heap_purge(&heap, 0, MOST_PAGES), 0);
	faults_end();
	valid();
	ck_assert_uint_ge(heap_purge(&heap, 0, MOST_PAGES), 120);
}
END_TEST

START_TEST(no_memory_is_null_and_leaves_the_heap_whole)
{
	heap_init(&heap, "test", MIB);
	alloc(100);
	for (unsigned long n = 1; n < 30; n++) {
		faults_begin(n, ~0ul);
		heap_free(&heap, alloc(200));
		for (int i = 0; i < 200; i++)
			if (!heap_alloc(&heap, 900000, 16))
				break;
		faults_end();
		valid();
	}
}
END_TEST

UNIT_MAIN("heap", random_use_against_a_shadow, freed_neighbours_merge_on_both_sides,
	  growth_takes_the_free_block_behind, one_empty_span_is_kept, the_kept_span_can_be_dropped,
	  the_kept_span_is_not_dropped_while_it_is_purged,
	  a_new_span_always_holds_the_block_it_was_made_for,
	  purge_gives_inner_pages_and_spares_the_young, a_walk_in_vain_puts_the_next_off,
	  refused_purge_is_tried_again, no_memory_is_null_and_leaves_the_heap_whole)
