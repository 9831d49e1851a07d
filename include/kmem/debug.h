/* SPDX-License-Identifier: MIT */
/*
 * Debugging of caches, as the kernel's slab_debug: see kmem_debug(7). A cache is debugged by
 * flags when it is created (SLAB_RED_ZONE and its like, kmem/cache.h), by KMEM_DEBUG in the
 * environment, or by these.
 *
 * Source: Documentation/mm/slab.rst of Linux.
 */
#ifndef KMEM_DEBUG_H
#define KMEM_DEBUG_H

#include <kmem/cache.h>

KMEM_BEGIN_DECLS

/*
 * The same as KMEM_DEBUG in the environment, for caches that are created from now on, malloc's
 * size classes, which are when a size is first asked for, included; larger blocks and pages
 * (malloc-large) are debugged by the environment only. Letters that are not known are named on
 * standard error and left out. To be called while no other thread creates a cache, or asks malloc
 * for a first size: that would go by part of it. 0, or -EINVAL for more than 1,023 bytes.
 */
KMEM_API int kmem_debug_set(const char *spec);
/*
 * Debug a cache by SLAB_CONSISTENCY_CHECKS, SLAB_RED_ZONE, SLAB_POISON, SLAB_STORE_USER,
 * SLAB_TRACE; 0: no more. 0, -EINVAL for other flags, or -EBUSY if an object of it was ever
 * allocated.
 */
KMEM_API int kmem_cache_set_debug(struct kmem_cache *cache, slab_flags_t flags);

/*
 * Walk every slab of the cache and every sheaf, and where it is debugged look at every object,
 * each damaged one of which is reported. NULL, or the first thing that is wrong. Nobody may
 * use the cache meanwhile.
 */
KMEM_API const char *kmem_cache_validate(struct kmem_cache *cache);
/* All caches, heaps and zones; no other thread may use the library meanwhile. */
KMEM_API const char *kmem_validate(void);

KMEM_END_DECLS

#endif
