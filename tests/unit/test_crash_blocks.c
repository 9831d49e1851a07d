// SPDX-License-Identifier: MIT
/* Crimes against malloc: what it never gave out; runs and mappings, twice and from within. */
#include "crash.h"

START_TEST(free_of_another_allocators_block)
{
	victim = malloc(100);
	expect(free_victim, FOREIGN, "free", victim);
	free(victim);
}
END_TEST

START_TEST(free_of_the_stack)
{
	char local[64];

	victim = local;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

START_TEST(free_of_static_data)
{
	victim = expected;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

START_TEST(free_beyond_all_addresses)
{
	victim = (char *)0xfeedfacedeadbee0ul;
	expect(free_victim, FOREIGN, "free", victim);
}
END_TEST

static void realloc_victim(void)
{
	if (kmem_realloc(victim, 10))
		_exit(1);
}

START_TEST(realloc_of_the_stack)
{
	char local[64];

	victim = local;
	expect(realloc_victim, FOREIGN, "realloc", victim);
}
END_TEST

static void size_victim(void)
{
	if (kmem_usable_size(victim))
		_exit(1);
}

START_TEST(usable_size_of_static_data)
{
	victim = expected;
	expect(size_victim, FOREIGN, "usable_size", victim);
}
END_TEST

START_TEST(double_free_of_a_large_block)
{
	victim = kmem_malloc((size_t)3 << 20);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

START_TEST(double_free_of_a_run_in_a_sheaf)
{
	victim = kmem_malloc(300000);
	expect(free_victim_twice, "libkmem: double free: block %p is free already\n", victim);
}
END_TEST

START_TEST(double_free_of_a_run_with_another_in_the_sheaf)
{
	char *before = kmem_malloc(300000);

	victim = kmem_malloc(300000);
	kmem_free(before);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

static void free_inside_then_alloc(void)
{
	kmem_free(victim + 64);
	victim = kmem_malloc(300000);
}

START_TEST(interior_pointer_to_a_run)
{
	victim = kmem_malloc(300000);
	expect(free_inside_then_alloc, FOREIGN, "free", victim + 64);
}
END_TEST

START_TEST(double_free_of_a_mapping)
{
	victim = kmem_malloc((size_t)100 << 20);
	expect(free_victim_twice, FOREIGN, "free", victim);
}
END_TEST

START_TEST(interior_pointer_to_a_large_block)
{
	victim = kmem_malloc((size_t)3 << 20);
	expect(free_inside_victim, FOREIGN, "free", victim + 64);
}
END_TEST

UNIT_MAIN("crash_blocks", free_of_another_allocators_block, free_of_the_stack, free_of_static_data,
	  free_beyond_all_addresses, realloc_of_the_stack, usable_size_of_static_data,
	  double_free_of_a_large_block, double_free_of_a_run_in_a_sheaf,
	  double_free_of_a_run_with_another_in_the_sheaf, interior_pointer_to_a_run,
	  double_free_of_a_mapping, interior_pointer_to_a_large_block)
