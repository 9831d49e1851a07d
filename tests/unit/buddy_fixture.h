/* SPDX-License-Identifier: MIT */
/* Runs taken from the page allocator, and how many pages are in use. */
#ifndef TESTS_UNIT_BUDDY_FIXTURE_H
#define TESTS_UNIT_BUDDY_FIXTURE_H

#include "unit.h"

#include "buddy/buddy.h"

static bool zeroed; /* what was taken last is known to be zero */

static inline uint64_t pages_used(void)
{
	uint64_t used = 0;

	for_each_zone (zone)
		used += zone->pub.committed - zone->pub.dirty - zone->pub.clean;
	return used;
}

static inline void expect_used(uint64_t npages)
{
	ck_assert_uint_eq(pages_used(), npages);
	ck_assert_ptr_null(buddy_check());
}

static inline char *take(size_t npages)
{
	char *base = buddy_alloc(npages, 1, PAGE_RUN, &zeroed);

	ck_assert_ptr_nonnull(base);
	return base;
}

#endif
