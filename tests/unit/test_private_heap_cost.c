// SPDX-License-Identifier: MIT
/* What private heaps spend on themselves, measured. */
#include "unit.h"

#include "lib/heap_list.h"

#include <kmem.h>

#define MIB ((size_t)1 << 20)

static struct kmem_heap *heap;

static struct kmem_heap_stats stats(void)
{
	struct kmem_heap_stats all = {.size = sizeof(all)};

	ck_assert_int_eq(kmem_heap_stats(heap, &all), 0);
	return all;
}

/* Bytes of the heap for each of many blocks, by how far its counts move. */
static size_t cost(size_t nbytes, bool checked)
{
	size_t each;

	heap = kmem_heap_create("cost",
				&(struct kmem_heap_options){.checked = checked, .span_bytes = MIB});
	for (unsigned i = 0; i < 1000; i++)
		require(kmem_heap_alloc(heap, nbytes) != NULL);
	ck_assert_uint_eq(stats().live_bytes % 1000, 0);
	each = stats().live_bytes / 1000;
	kmem_heap_destroy(heap);
	return each;
}

START_TEST(a_live_block_spends_eight_bytes)
{
	for (size_t size = 32; size < 700; size += 16)
		ck_assert_uint_eq(cost(size - 8, false), size);
}
END_TEST

START_TEST(the_smallest_block_has_32)
{
	ck_assert_uint_eq(cost(0, false), 32);
	ck_assert_uint_eq(cost(1, false), 32);
	ck_assert_uint_eq(cost(24, false), 32);
	ck_assert_uint_eq(cost(25, false), 48);
}
END_TEST

START_TEST(a_checked_block_spends_32)
{
	for (size_t size = 48; size < 700; size += 16)
		ck_assert_uint_eq(cost(size - 32, true), size);
}
END_TEST

START_TEST(at_most_a_64th_of_a_span_is_lost_at_a_kib)
{
	unsigned n = 0;

	heap = kmem_heap_create("lost", &(struct kmem_heap_options){.limit_bytes = MIB});
	while (kmem_heap_alloc(heap, 1024))
		n++;
	ck_assert_uint_eq(stats().span_bytes, MIB);
	printf("1 MiB holds %u blocks of 1 KiB: %zu bytes lost, a 64th is %zu\n", n,
	       MIB - n * (size_t)1024, MIB / 64);
	ck_assert_uint_le(MIB - n * (size_t)1024, MIB / 64);
	kmem_heap_destroy(heap);
}
END_TEST

UNIT_MAIN("private_heap_cost", a_live_block_spends_eight_bytes, the_smallest_block_has_32,
	  a_checked_block_spends_32, at_most_a_64th_of_a_span_is_lost_at_a_kib)
