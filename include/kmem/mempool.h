/* SPDX-License-Identifier: MIT */
/*
 * Memory pools: elements of any kind, of which a guaranteed minimum is kept in
 * reserve. A request tries the pool's allocator first, then the reserve, then waits, if
 * it may, until an element is freed. A free fills the reserve first.
 * Source: include/linux/mempool.h of Linux, whose names <linux/mempool.h> below
 * kmem/compat gives; here they begin with kmem_.
 */
#ifndef KMEM_MEMPOOL_H
#define KMEM_MEMPOOL_H

#include <kmem/cache.h>

KMEM_BEGIN_DECLS

struct kmem_mempool;

/* The pool's allocator, called with no lock held: an element or NULL; its inverse. */
typedef void *(kmem_mempool_alloc_t)(gfp_t flags, void *pool_data);
typedef void(kmem_mempool_free_t)(void *element, void *pool_data);

/*
 * A pool with min_nr elements (1 or more) in reserve, allocated now. NULL with errno
 * ENOMEM, or EINVAL: min_nr, a function missing, or a cache with a constructor.
 */
KMEM_API struct kmem_mempool *kmem_mempool_create(int min_nr, kmem_mempool_alloc_t *alloc,
						  kmem_mempool_free_t *free, void *pool_data);
/* Elements are a cache's objects; kmem_kmalloc's of nbytes; runs of 2^order pages. */
KMEM_API struct kmem_mempool *kmem_mempool_create_slab(int min_nr, struct kmem_cache *cache);
KMEM_API struct kmem_mempool *kmem_mempool_create_kmalloc(int min_nr, size_t nbytes);
KMEM_API struct kmem_mempool *kmem_mempool_create_pages(int min_nr, unsigned int order);
/* Free the reserve and the pool. Elements still out are the caller's mistake: it says how many. */
KMEM_API void kmem_mempool_destroy(struct kmem_mempool *pool);

/*
 * Change the reserve's size, while others allocate and free. 0, -ENOMEM (it stays as it was)
 * or -EINVAL (min_nr).
 */
KMEM_API int kmem_mempool_resize(struct kmem_mempool *pool, int min_nr);

/*
 * An element. With GFP_KERNEL never NULL: it waits for one to be freed. Else NULL with
 * ENOMEM if neither allocator nor reserve has any; with the allocators below it then makes
 * no system call and waits for no lock. __GFP_ZERO: NULL with EINVAL, as an element of the
 * reserve is as its last owner left it.
 *
 * The allocator gets the flags with __GFP_NOWARN and __GFP_NORETRY, without __GFP_NOFAIL:
 * it may map memory but runs no shrinkers. Only when the reserve is empty it is tried
 * without __GFP_NORETRY, and again now and then while the caller waits.
 */
KMEM_API void *kmem_mempool_alloc(struct kmem_mempool *pool, gfp_t flags);
/* From the reserve alone; NULL with ENOMEM if it is empty. Waits for nothing. */
KMEM_API void *kmem_mempool_alloc_preallocated(struct kmem_mempool *pool);
/* To the reserve if it lacks one, and to who waits; else to the allocator. NULL is a no-op. */
KMEM_API void kmem_mempool_free(void *element, struct kmem_mempool *pool);

/* Elements in reserve now, and how many it is to have. */
KMEM_API int kmem_mempool_reserve(const struct kmem_mempool *pool);
KMEM_API int kmem_mempool_min(const struct kmem_mempool *pool);

/* Ready-made allocators: pool_data is a cache; bytes; an order; the latter two as integers. */
KMEM_API void *kmem_mempool_alloc_slab(gfp_t flags, void *cache);
KMEM_API void kmem_mempool_free_slab(void *element, void *cache);
KMEM_API void *kmem_mempool_kmalloc(gfp_t flags, void *nbytes);
KMEM_API void kmem_mempool_kfree(void *element, void *nbytes);
KMEM_API void *kmem_mempool_alloc_pages(gfp_t flags, void *order);
KMEM_API void kmem_mempool_free_pages(void *element, void *order);

KMEM_END_DECLS

#endif
