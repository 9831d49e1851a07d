// SPDX-License-Identifier: MIT
/* malloc with flags: what may not wait gets what the thread freed, or nothing. */
#include "unit.h"

#include "faults.h"

#include "lib/front.h"
#include "lib/gfp.h"

#include <kmem.h>

static const size_t sizes[] = {0, 1, 100, 5000, 32768, 40000, 65528, 65536, 300000, 1 << 20};
#define NSIZES (sizeof(sizes) / sizeof(sizes[0]))

START_TEST(nowait_gets_what_was_freed)
{
	for (size_t i = 0; i < NSIZES; i++) {
		char *one = gfp_malloc(sizes[i], GFP_KERNEL), *again;

		memset(one, 1, sizes[i]);
		kmem_free(one);
		faults_count();
		again = gfp_malloc(sizes[i], GFP_NOWAIT | (i % 2 ? __GFP_ZERO : 0));
		ck_assert_uint_eq(faults.ncalls, 0);
		faults_end();
		ck_assert_ptr_eq(again, one);
		for (size_t k = 0; i % 2 && k < sizes[i]; k++)
			require(again[k] == 0);
		kmem_free(again);
	}
}
END_TEST

START_TEST(nowait_on_nothing_is_eagain)
{
	for (size_t i = 0; i < NSIZES; i++) {
		faults_count();
		require_errno(EAGAIN, gfp_malloc(sizes[i], GFP_NOWAIT));
		ck_assert_uint_eq(faults.ncalls, 0);
		faults_end();
	}
	kmem_free(gfp_malloc(2 << 20, GFP_KERNEL));
	require_errno(EAGAIN, gfp_malloc(2 << 20, GFP_NOWAIT));
	require_errno(EAGAIN, gfp_malloc(SIZE_MAX, GFP_NOWAIT));
	require_errno(ENOMEM, gfp_malloc(SIZE_MAX, GFP_KERNEL));
}
END_TEST

/* A run that was made smaller while its bin's sheaf had it stays there for who may wait. */
START_TEST(nowait_leaves_what_it_cannot_deal_with)
{
	unsigned index = front_index(300000);
	char *one = kmem_malloc(300000);

	kmem_free(one);
	pagemap_tag(one, ID_PAGES);
	require_errno(EAGAIN, gfp_malloc(300000, GFP_NOWAIT));
	pagemap_tag(one, ID_FRONTS + index);
	ck_assert_ptr_eq(gfp_malloc(300000, GFP_NOWAIT), one);
}
END_TEST

UNIT_MAIN("gfp_malloc", nowait_gets_what_was_freed, nowait_on_nothing_is_eagain,
	  nowait_leaves_what_it_cannot_deal_with)
