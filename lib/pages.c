// SPDX-License-Identifier: MIT
/* The public page functions: argument checks in front of run.c. */
#include "buddy/report.h"
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/debug_block.h"

#include <errno.h>
#include <kmem/pages.h>
#include <stdint.h>
#include <string.h>

static void *pages_get(size_t npages, size_t align_pages, gfp_t flags)
{
	struct shortage shortage = {
		.nbytes = npages << PAGE_SHIFT, .npages = npages, .flags = flags};
	bool zeroed = false;
	void *base;

	if (!(flags & __GFP_DIRECT_RECLAIM)) {
		shortage_no_wait(flags, "kmem_pages_alloc");
		return NULL;
	}
	do
		base = debug_blocks ? debug_block_alloc(shortage.nbytes, align_pages << PAGE_SHIFT,
							DEBUG_PAGES, &zeroed)
				    : run_alloc(npages, align_pages, PAGE_RUN, &zeroed);
	while (!base && shortage_again(&shortage));
	if (!base)
		errno = ENOMEM;
	else if (flags & __GFP_ZERO && !zeroed)
		memset(base, 0, npages << PAGE_SHIFT);
	return base;
}

void *kmem_pages_alloc(unsigned int order, gfp_t flags)
{
	if (order > RUN_ORDER_MAX) {
		if (!(flags & __GFP_NOWARN))
			report("kmem_pages_alloc: order %u is above %u", order, RUN_ORDER_MAX);
		errno = EINVAL;
		return NULL;
	}
	return pages_get((size_t)1 << order, (size_t)1 << order, flags);
}

void *kmem_pages_alloc_exact(size_t nbytes, gfp_t flags)
{
	if (nbytes == 0) {
		if (!(flags & __GFP_NOWARN))
			report("kmem_pages_alloc_exact: nbytes is 0");
		errno = EINVAL;
		return NULL;
	}
	if (nbytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	return pages_get((nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT, 1, flags);
}

void kmem_pages_free(void *pages)
{
	if (!pages)
		return;
	if (pagemap_id(pages) == ID_PAGES && pagemap_page(pages)->kind == PAGE_DEBUG)
		debug_block_free(pages, DEBUG_PAGES);
	else if (run_find(pages, PAGE_RUN))
		run_free(pages);
	else
		report_bug("kmem_pages_free: %p is no run of pages in use", pages);
}
