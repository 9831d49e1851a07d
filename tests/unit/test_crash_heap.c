// SPDX-License-Identifier: MIT
/* Crimes against blocks of a heap: headers written over, freed twice, from within. */
#include "crash.h"

#include "lib/front.h"

#define HEAP_BLOCK ((size_t)60000)

#define OVERWRITTEN "its header was overwritten, or no block begins there"
#define FREE	    "double free, the block is free already"

/* A block of a heap and its right neighbour. */
static void victim_of_heap(void)
{
	/* No sheaf between the block and its heap. */
	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0);
	victim = kmem_malloc(HEAP_BLOCK);
	ck_assert_ptr_nonnull(kmem_malloc(HEAP_BLOCK));
}

static const char *heap_name(void)
{
	return heap_of(victim, "test")->pub.name;
}

/* The crime is found as one frees this address. */
static void expect_free(void (*act)(void), const char *addr, const char *what)
{
	expect(act, "libkmem: free: %p in heap '%s': %s\n", addr, heap_name(), what);
}

START_TEST(interior_pointer_to_a_heap_block)
{
	victim_of_heap();
	expect_free(free_inside_victim, victim + 64, OVERWRITTEN);
}
END_TEST

static void overwrite_head(void)
{
	memset(victim - 8, 0x41, 8);
	kmem_free(victim);
}

START_TEST(heap_header_overwritten)
{
	victim_of_heap();
	expect_free(overwrite_head, victim, OVERWRITTEN);
}
END_TEST

static void overrun_victim(void)
{
	size_t nbytes = kmem_usable_size(victim);

	victim[nbytes] = (char)~victim[nbytes];
	kmem_free(victim);
}

START_TEST(heap_block_overrun)
{
	victim_of_heap();
	expect(overrun_victim,
	       "libkmem: heap '%s': the header at %p, next to a block being freed, was "
	       "overwritten\n",
	       heap_name(), victim + kmem_usable_size(victim));
}
END_TEST

START_TEST(double_free_of_a_heap_block)
{
	victim_of_heap();
	expect_free(free_victim_twice, victim, FREE);
}
END_TEST

/* The block's head lies inside a larger free block by then. */
START_TEST(double_free_of_a_heap_block_merged_with_the_one_before)
{
	char *before;

	ck_assert_int_eq(kmem_option_set("thread_cache", "0"), 0);
	before = kmem_malloc(HEAP_BLOCK);
	victim_of_heap();
	ck_assert_ptr_eq(before + kmem_usable_size(before) + 8, victim);
	kmem_free(before);
	expect_free(free_victim_twice, victim, OVERWRITTEN);
}
END_TEST

static void sheaf_twice(void)
{
	free_victim_twice();
	kmem_trim();
}

START_TEST(double_free_of_a_heap_block_in_a_sheaf)
{
	char *before = kmem_malloc(HEAP_BLOCK);

	victim = kmem_malloc(40000);
	ck_assert_ptr_nonnull(kmem_malloc(40000)); /* its neighbour */
	ck_assert_ptr_nonnull(before);
	expect_free(sheaf_twice, victim, FREE);
}
END_TEST

UNIT_MAIN("crash_heap", interior_pointer_to_a_heap_block, heap_header_overwritten,
	  heap_block_overrun, double_free_of_a_heap_block,
	  double_free_of_a_heap_block_merged_with_the_one_before,
	  double_free_of_a_heap_block_in_a_sheaf)
