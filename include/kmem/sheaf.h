/* SPDX-License-Identifier: MIT */
/*
 * Prefilled sheaves: so many objects of a cache set aside, to be taken where an
 * allocation must not fail or wait. A sheaf belongs to one thread at a time.
 * Source: include/linux/slab.h of Linux 6.18 and later.
 */
#ifndef KMEM_SHEAF_H
#define KMEM_SHEAF_H

#include <kmem/cache.h>

KMEM_BEGIN_DECLS

struct slab_sheaf;

/*
 * A sheaf with at least nobjects objects, whatever their number (1 to INT_MAX), or NULL with
 * errno ENOMEM, EAGAIN (GFP_NOWAIT), or EINVAL (nobjects). To the cache, and its limit, they
 * are allocated. Of a sheaf of more than 4,093 objects GFP_NOWAIT can only make one like a
 * block that the thread freed before.
 */
KMEM_API struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, gfp_t flags,
						     unsigned int nobjects) KMEM_MALLOC;
/*
 * An object of the sheaf; of flags only __GFP_ZERO has a meaning. It does not fail for
 * as many objects as were prefilled; NULL with ENOMEM after that, with EINVAL and a line on
 * standard error if cache is not the sheaf's, or has a constructor and __GFP_ZERO is given.
 */
KMEM_API void *kmem_cache_alloc_from_sheaf(struct kmem_cache *cache, gfp_t flags,
					   struct slab_sheaf *sheaf) KMEM_MALLOC;
/*
 * Let *sheaf have at least nobjects again; it may be another sheaf then. 0; -ENOMEM or
 * -EAGAIN: *sheaf stays as it is; -EINVAL: nobjects is 0, or *sheaf is no sheaf of the
 * cache, which is reported as a wrong free is.
 */
KMEM_API int kmem_cache_refill_sheaf(struct kmem_cache *cache, gfp_t flags,
				     struct slab_sheaf **sheaf, unsigned int nobjects);
/* Give the sheaf back with all objects still in it. NULL is a no-op; a wrong cache is reported. */
KMEM_API void kmem_cache_return_sheaf(struct kmem_cache *cache, gfp_t flags,
				      struct slab_sheaf *sheaf);
/* Objects left in it. */
KMEM_API unsigned int kmem_cache_sheaf_size(const struct slab_sheaf *sheaf);

KMEM_END_DECLS

#endif
