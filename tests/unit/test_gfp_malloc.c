// SPDX-License-Identifier: MIT
/* Large blocks of kmalloc: what may not wait gets what the thread freed, or nothing. */
#include "unit.h"

#include "faults.h"

#include "lib/front.h"

#include <kmem.h>

static const size_t sizes[] = {1, 100, 5000, 32768, 40008, 65528, 70000, 300000, 1000000};
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

START_TEST(nowait_gets_what_was_freed)
{
	for (size_t i = 0; i < NSIZES; i++) {
		char *one = kmem_kmalloc(sizes[i], GFP_KERNEL), *again;

		memset(one, 1, sizes[i]);
		kmem_free(one);
		faults_count();
		again = kmem_kmalloc(sizes[i], GFP_NOWAIT | (i % 2 ? __GFP_ZERO : 0));
		ck_assert_uint_eq(faults.ncalls, 0);
		faults_end();
		ck_assert_msg(again == one, "%zu", sizes[i]);
		for (size_t k = 0; i % 2 && k < sizes[i]; k++)
			require(again[k] == 0);
		kmem_free(again);
	}
}
END_TEST

START_TEST(nowait_on_nothing_is_eagain)
{
	volatile size_t most = SIZE_MAX; /* unseen by the compiler */

	for (size_t i = 0; i < NSIZES; i++) {
		faults_count();
		require_errno(EAGAIN, kmem_kmalloc(sizes[i], GFP_NOWAIT));
		ck_assert_uint_eq(faults.ncalls, 0);
		faults_end();
	}
	kmem_free(kmem_kmalloc(2 << 20, GFP_KERNEL));
	require_errno(EAGAIN, kmem_kmalloc(2 << 20, GFP_NOWAIT));
	require_errno(EAGAIN, kmem_kmalloc(most, GFP_NOWAIT));
	require_errno(ENOMEM, kmem_kmalloc(most, GFP_KERNEL));
}
END_TEST

/* A run that was made smaller while its bin's sheaf had it stays there for who may wait. */
START_TEST(nowait_leaves_what_it_cannot_deal_with)
{
	unsigned index = front_index(300000);
	char *one = kmem_malloc(300000);

	kmem_free(one);
	pagemap_tag(one, ID_PAGES);
	require_errno(EAGAIN, kmem_kmalloc(300000, GFP_NOWAIT));
	pagemap_tag(one, ID_FRONTS + index);
	ck_assert_ptr_eq(kmem_kmalloc(300000, GFP_NOWAIT), one);
}
END_TEST

UNIT_MAIN("gfp_malloc", nowait_gets_what_was_freed, nowait_on_nothing_is_eagain,
	  nowait_leaves_what_it_cannot_deal_with)
