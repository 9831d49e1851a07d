/* SPDX-License-Identifier: MIT */
/*
 * Whole pages from the buddy layer. A page of the bookkeeping is 4 KiB
 * whatever the kernel's page size; order n is 2^n such pages, naturally aligned.
 */
#ifndef KMEM_PAGES_H
#define KMEM_PAGES_H

#include <kmem/base.h>
#include <kmem/gfp.h>

#define KMEM_PAGE_SIZE 4096u

KMEM_BEGIN_DECLS

/*
 * 2^order pages aligned to their size; NULL with ENOMEM, EAGAIN without __GFP_DIRECT_RECLAIM
 * (pages are given out under a lock), or EINVAL for an order above 31, which can never be had.
 */
KMEM_API void *kmem_pages_alloc(unsigned int order, gfp_t flags) KMEM_MALLOC;
/*
 * The same from memory of a node, as kmem_cache_alloc_node has objects (kmem/cache.h): NUMA_NO_NODE
 * is any; EINVAL: there is no such node.
 */
KMEM_API void *kmem_pages_alloc_node(unsigned int order, gfp_t flags, int node) KMEM_MALLOC;
/* nbytes rounded up to pages, not to a power of two; NULL with ENOMEM, EAGAIN as above, or EINVAL
 * for 0. */
KMEM_API void *kmem_pages_alloc_exact(size_t nbytes, gfp_t flags) KMEM_MALLOC KMEM_SIZE(1);
/* Free either; NULL is a no-op. Any other address is reported and aborts. */
KMEM_API void kmem_pages_free(void *pages);

KMEM_END_DECLS

#endif
