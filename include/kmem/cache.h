/* SPDX-License-Identifier: MIT */
/*
 * Named object caches: the kernel's slab interface.
 *
 * A cache hands out objects of one size and keeps freed ones in their
 * constructed state for the next caller. Every function here may be called
 * from any thread; an object may be freed by another thread than the one that
 * allocated it. Source of the interface: include/linux/slab.h of Linux;
 * Bonwick, "The Slab Allocator", USENIX Summer 1994.
 */
#ifndef KMEM_CACHE_H
#define KMEM_CACHE_H

#include <kmem/base.h>
#include <kmem/gfp.h>

KMEM_BEGIN_DECLS

struct kmem_cache;

typedef unsigned int slab_flags_t;

#define SLAB_HWCACHE_ALIGN   0x0001u /* align objects to cache lines (64 bytes) */
#define SLAB_PANIC	     0x0002u /* abort if the cache cannot be created */
#define SLAB_RECLAIM_ACCOUNT 0x0004u /* accepted; no meaning in userspace */
#define SLAB_TEMPORARY	     SLAB_RECLAIM_ACCOUNT
#define SLAB_ACCOUNT	     0x0008u /* accepted; no meaning in userspace */
#define SLAB_NO_MERGE	     0x0010u /* accepted; caches are never merged */
#define SLAB_NOWARN	     0x0020u /* libkmem's: a refused create prints nothing */

#define KMEM_CACHE_NAME_MAX 63u		       /* bytes in a cache's name */
#define KMEM_CACHE_SIZE_MAX (4u * 1024 * 1024) /* bytes in an object */
#define KMEM_CACHE_MAX	    65535u	       /* ids, some of them libkmem's own */

/*
 * Create a cache of objects of size bytes (1 to KMEM_CACHE_SIZE_MAX), aligned
 * to align bytes (a power of two up to 4096; 0 means 8). ctor, if any, runs once for each object,
 * when it first leaves its slab, with no lock held; it may call the allocator. The name is copied.
 *
 * Returns NULL with errno EINVAL (an argument; one line on standard error names
 * the cache and the argument unless SLAB_NOWARN), ENOMEM, or ENOSPC (all ids in use).
 */
KMEM_API struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
					      unsigned int align, slab_flags_t flags,
					      void (*ctor)(void *));

/*
 * Destroy a cache that nobody uses any more. NULL is a no-op. With objects still
 * live each is reported on standard error, nothing is freed, the cache stays
 * usable, and the result is -EBUSY; else 0.
 */
KMEM_API int kmem_cache_destroy(struct kmem_cache *cache);

/* One object, or NULL with errno ENOMEM (with GFP_NOWAIT: none at hand, errno EAGAIN). */
KMEM_API void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags) KMEM_MALLOC;
/* The same, zeroed. A cache with a constructor has state to keep: NULL with EINVAL. */
KMEM_API void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags) KMEM_MALLOC;

/*
 * Give an object back. NULL is a no-op. An address that is no object of this
 * cache is reported in one line and aborts; an address inside an object and a
 * second free are found when the object goes home to its slab.
 */
KMEM_API void kmem_cache_free(struct kmem_cache *cache, void *object);

/* nobjects objects into objects[]: nobjects, or 0 with errno (ENOMEM, EAGAIN with GFP_NOWAIT,
 * EINVAL for more than INT_MAX) and nothing allocated. */
KMEM_API int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects,
				   void **objects);
/*
 * Free nobjects of them, none of them NULL; what is wrong with one is found when it goes home.
 * cache NULL: each to the cache (or heap) it came from, NULL and all that free() knows.
 */
KMEM_API void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects);

/*
 * Send home what the barn and the calling thread hold and free the empty slabs;
 * other threads follow at their next slow pass. 0 if no slab is left, else 1.
 */
KMEM_API int kmem_cache_shrink(struct kmem_cache *cache);

/* The object size asked for, in bytes; the name given. */
KMEM_API unsigned int kmem_cache_size(const struct kmem_cache *cache);
KMEM_API const char *kmem_cache_name(const struct kmem_cache *cache);

KMEM_END_DECLS

#endif
