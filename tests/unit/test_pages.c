// SPDX-License-Identifier: MIT
/* The public page functions: orders, exact sizes, zeros, errors. */
#include "unit.h"

#include "faults.h"

#include "buddy/buddy.h"

#include <kmem/pages.h>

START_TEST(orders_are_naturally_aligned)
{
	for (unsigned order = 0; order <= 15; order++) {
		char *pages = kmem_pages_alloc(order, GFP_KERNEL);

		ck_assert_ptr_nonnull(pages);
		ck_assert_uint_eq((uintptr_t)pages % ((size_t)4096 << order), 0);
		pages[((size_t)4096 << order) - 1] = 1;
		kmem_pages_free(pages);
	}
	ck_assert_ptr_null(buddy_check());
}
END_TEST

START_TEST(exact_sizes_round_up_to_pages)
{
	char *pages = kmem_pages_alloc_exact(5 * 4096 + 1, GFP_KERNEL);

	ck_assert_ptr_nonnull(pages);
	ck_assert_uint_eq(pagemap_page(pages)->npages, 6);
	kmem_pages_free(pages);
}
END_TEST

START_TEST(zeroed_pages_are_zero_whatever_was_there)
{
	for (int round = 0; round < 3; round++) {
		char *pages = kmem_pages_alloc_exact(7 * 4096, GFP_KERNEL | __GFP_ZERO);

		for (size_t i = 0; i < sizeof(long) * 3584; i++)
			require(pages[i] == 0);
		memset(pages, 0xff, 7 * 4096);
		kmem_pages_free(pages);
	}
}
END_TEST

START_TEST(null_is_freed_silently)
{
	kmem_pages_free(NULL);
}
END_TEST

static void bad_arguments(void)
{
	errno = 0;
	if (kmem_pages_alloc(32, GFP_KERNEL) || errno != EINVAL)
		_exit(1);
	errno = 0;
	if (kmem_pages_alloc_exact(0, GFP_KERNEL) || errno != EINVAL)
		_exit(2);
	/* In silence. */
	if (kmem_pages_alloc(32, GFP_KERNEL | __GFP_NOWARN) ||
	    kmem_pages_alloc_exact(0, GFP_KERNEL | __GFP_NOWARN))
		_exit(3);
}

START_TEST(bad_arguments_are_einval_and_one_line)
{
	struct last_words words = unit_child(bad_arguments);

	ck_assert_int_eq(words.status, 0);
	ck_assert_str_eq(words.text, "libkmem: kmem_pages_alloc: order 32 is above 31\n"
				     "libkmem: kmem_pages_alloc_exact: nbytes is 0\n");
}
END_TEST

START_TEST(too_much_is_enomem)
{
	volatile size_t most = PTRDIFF_MAX; /* unseen by the compiler */

	require_errno(ENOMEM, kmem_pages_alloc_exact(most + 1, GFP_KERNEL));
	require_errno(ENOMEM, kmem_pages_alloc_exact(most * 2 + 1, GFP_KERNEL));
}
END_TEST

START_TEST(refused_memory_is_enomem)
{
	faults_begin(1, ~0ul);
	require_errno(ENOMEM, kmem_pages_alloc(0, GFP_KERNEL));
	faults_end();
	ck_assert_ptr_nonnull(kmem_pages_alloc(0, GFP_KERNEL));
}
END_TEST

START_TEST(nowait_makes_no_call)
{
	faults_count();
	require_errno(EAGAIN, kmem_pages_alloc(0, GFP_NOWAIT));
	require_errno(EAGAIN, kmem_pages_alloc(0, GFP_ATOMIC));
	ck_assert_uint_eq(faults.ncalls, 0);
	faults_end();
}
END_TEST

START_TEST(free_keeps_errno)
{
	void *small = kmem_pages_alloc(0, GFP_KERNEL), *large = kmem_pages_alloc(15, GFP_KERNEL);

	errno = 77;
	kmem_pages_free(small);
	kmem_pages_free(large);
	ck_assert_int_eq(errno, 77);
}
END_TEST

UNIT_MAIN("pages", orders_are_naturally_aligned, exact_sizes_round_up_to_pages,
	  zeroed_pages_are_zero_whatever_was_there, null_is_freed_silently,
	  bad_arguments_are_einval_and_one_line, too_much_is_enomem, refused_memory_is_enomem,
	  nowait_makes_no_call, free_keeps_errno)
