// SPDX-License-Identifier: MIT
/* Crimes against runs of pages: freed as blocks, blocks freed as pages, twice, from within. */
#include "crash.h"

#define NO_RUN "libkmem: kmem_pages_free: %p is no run of pages in use\n"

START_TEST(free_of_pages)
{
	victim = kmem_pages_alloc(2, GFP_KERNEL);
	expect(free_victim, "libkmem: free: %p comes from kmem_pages_alloc: use kmem_pages_free\n",
	       victim);
}
END_TEST

static void pages_free_victim(void)
{
	kmem_pages_free(victim);
}

START_TEST(pages_free_of_a_block)
{
	victim = kmem_malloc((size_t)2 << 20);
	expect(pages_free_victim, NO_RUN, victim);
}
END_TEST

START_TEST(pages_free_inside)
{
	char *pages = kmem_pages_alloc(2, GFP_KERNEL);

	victim = pages + KMEM_PAGE_SIZE;
	expect(pages_free_victim, NO_RUN, victim);
}
END_TEST

static void pages_free_twice(void)
{
	kmem_pages_free(victim);
	kmem_pages_free(victim);
}

START_TEST(pages_freed_twice)
{
	victim = kmem_pages_alloc(2, GFP_KERNEL);
	expect(pages_free_twice, NO_RUN, victim);
}
END_TEST

UNIT_MAIN("crash_pages", free_of_pages, pages_free_of_a_block, pages_free_inside, pages_freed_twice)
