/* SPDX-License-Identifier: MIT */
/*
 * The kernel's kmalloc: kmem_malloc's blocks, with flags and the kernel's promises.
 * <linux/slab.h> below kmem/compat gives the kernel's names.
 *
 * - A block is aligned to the largest power of two that divides its size, up to 4 MiB, and
 *   to KMEM_KMALLOC_ALIGN at least.
 * - No bytes are at KMEM_ZERO_SIZE, which may be freed and must not be read.
 * - Without __GFP_DIRECT_RECLAIM a block of at most 32 KiB comes from the calling thread's
 *   sheaves and barn, one of at most 1 MiB from its sheaves; else it is NULL with EAGAIN.
 * - With __GFP_ZERO all usable bytes are zero.
 *
 * kmem_free, kmem_usable_size and the like take these blocks too, but for KMEM_ZERO_SIZE.
 */
#ifndef KMEM_KMALLOC_H
#define KMEM_KMALLOC_H

#include <kmem/base.h>
#include <kmem/gfp.h>

KMEM_BEGIN_DECLS

#define KMEM_ZERO_SIZE	   ((void *)16)
#define KMEM_KMALLOC_ALIGN 16u

/* NULL: ENOMEM, EAGAIN as above, or EINVAL for __GFP_NOFAIL without GFP_KERNEL. */
KMEM_API void *kmem_kmalloc(size_t nbytes, gfp_t flags) KMEM_MALLOC KMEM_SIZE(1);
/* The same from memory of a node, as kmem_cache_alloc_node has objects (kmem/cache.h). */
KMEM_API void *kmem_kmalloc_node(size_t nbytes, gfp_t flags, int node) KMEM_MALLOC KMEM_SIZE(1);
/* The same, aligned to a page at most: so large blocks waste no addresses. */
KMEM_API void *kmem_kvmalloc(size_t nbytes, gfp_t flags) KMEM_MALLOC KMEM_SIZE(1);
/*
 * The block with room for nbytes and what it held, moved only to grow, or to be aligned as
 * promised above; the old one stays on NULL. 0 frees it. With __GFP_ZERO what is added is zero if
 * all requests for the block had it.
 */
KMEM_API void *kmem_krealloc(const void *block, size_t nbytes, gfp_t flags)
	__attribute__((warn_unused_result)) KMEM_SIZE(2);
/* Any block of these, any object of a cache, KMEM_ZERO_SIZE and NULL. */
KMEM_API void kmem_kfree(const void *block);
/* The same; all usable bytes are zeroed before. */
KMEM_API void kmem_kfree_sensitive(const void *block);
/* Bytes the block can hold, all of them the caller's; 0 for KMEM_ZERO_SIZE and NULL. */
KMEM_API size_t kmem_ksize(const void *block);

KMEM_END_DECLS

#endif
