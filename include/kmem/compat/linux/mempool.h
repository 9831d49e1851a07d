/* SPDX-License-Identifier: MIT */
/*
 * The kernel's <linux/mempool.h> for sources written against it. A mempool_t is a handle on a
 * <kmem/mempool.h> pool, so that sources may embed one; what it has in reserve is asked
 * from kmem_mempool_reserve. docs/kernel-api.md says what differs.
 */
#ifndef KMEM_COMPAT_LINUX_MEMPOOL_H
#define KMEM_COMPAT_LINUX_MEMPOOL_H

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/mempool.h>
#include <linux/gfp.h>

#define mempool_s mempool
typedef struct mempool {
	struct kmem_mempool *pool; /* NULL: not initialised */
} mempool_t;

typedef kmem_mempool_alloc_t mempool_alloc_t;
typedef kmem_mempool_free_t mempool_free_t;

/* Ready-made allocators. Pages are handed out by their address. */
#define mempool_alloc_slab  kmem_mempool_alloc_slab
#define mempool_free_slab   kmem_mempool_free_slab
#define mempool_kmalloc	    kmem_mempool_kmalloc
#define mempool_kfree	    kmem_mempool_kfree
#define mempool_kvmalloc    kmem_mempool_kmalloc
#define mempool_kvfree	    kmem_mempool_kfree
#define mempool_alloc_pages kmem_mempool_alloc_pages
#define mempool_free_pages  kmem_mempool_free_pages

/* 0, or the reason there is no pool. */
static inline int kmem_compat_pool(mempool_t *pool, struct kmem_mempool *made)
{
	pool->pool = made;
	return made ? 0 : -errno;
}

static inline int mempool_init(mempool_t *pool, int min_nr, mempool_alloc_t *alloc,
			       mempool_free_t *free, void *pool_data)
{
	return kmem_compat_pool(pool, kmem_mempool_create(min_nr, alloc, free, pool_data));
}

static inline int mempool_init_node(mempool_t *pool, int min_nr, mempool_alloc_t *alloc,
				    mempool_free_t *free, void *pool_data, gfp_t flags, int node)
{
	(void)flags;
	(void)node;
	return mempool_init(pool, min_nr, alloc, free, pool_data);
}

static inline int mempool_init_slab_pool(mempool_t *pool, int min_nr, struct kmem_cache *cache)
{
	return kmem_compat_pool(pool, kmem_mempool_create_slab(min_nr, cache));
}

static inline int mempool_init_kmalloc_pool(mempool_t *pool, int min_nr, size_t nbytes)
{
	return kmem_compat_pool(pool, kmem_mempool_create_kmalloc(min_nr, nbytes));
}

static inline int mempool_init_page_pool(mempool_t *pool, int min_nr, int order)
{
	return kmem_compat_pool(pool, kmem_mempool_create_pages(min_nr, (unsigned int)order));
}

static inline bool mempool_initialized(mempool_t *pool)
{
	return pool->pool != NULL;
}

static inline void mempool_exit(mempool_t *pool)
{
	if (pool->pool)
		kmem_mempool_destroy(pool->pool);
	pool->pool = NULL;
}

/* A handle for the pool, which goes if there is none to be had. */
static inline mempool_t *kmem_compat_handle(struct kmem_mempool *made)
{
	mempool_t *pool = made ? (mempool_t *)kmem_kmalloc(sizeof(*pool), GFP_KERNEL) : NULL;

	if (pool)
		pool->pool = made;
	else if (made)
		kmem_mempool_destroy(made);
	return pool;
}

static inline mempool_t *mempool_create(int min_nr, mempool_alloc_t *alloc, mempool_free_t *free,
					void *pool_data)
{
	return kmem_compat_handle(kmem_mempool_create(min_nr, alloc, free, pool_data));
}

static inline mempool_t *mempool_create_node(int min_nr, mempool_alloc_t *alloc,
					     mempool_free_t *free, void *pool_data, gfp_t flags,
					     int node)
{
	(void)flags;
	(void)node;
	return mempool_create(min_nr, alloc, free, pool_data);
}

static inline mempool_t *mempool_create_slab_pool(int min_nr, struct kmem_cache *cache)
{
	return kmem_compat_handle(kmem_mempool_create_slab(min_nr, cache));
}

static inline mempool_t *mempool_create_kmalloc_pool(int min_nr, size_t nbytes)
{
	return kmem_compat_handle(kmem_mempool_create_kmalloc(min_nr, nbytes));
}

static inline mempool_t *mempool_create_page_pool(int min_nr, int order)
{
	return kmem_compat_handle(kmem_mempool_create_pages(min_nr, (unsigned int)order));
}

static inline void mempool_destroy(mempool_t *pool)
{
	if (!pool)
		return;
	mempool_exit(pool);
	kmem_kfree(pool);
}

static inline int mempool_resize(mempool_t *pool, int min_nr)
{
	return kmem_mempool_resize(pool->pool, min_nr);
}

static inline void *mempool_alloc(mempool_t *pool, gfp_t flags)
{
	return kmem_mempool_alloc(pool->pool, flags);
}

static inline void *mempool_alloc_preallocated(mempool_t *pool)
{
	return kmem_mempool_alloc_preallocated(pool->pool);
}

static inline void mempool_free(void *element, mempool_t *pool)
{
	if (element)
		kmem_mempool_free(element, pool->pool);
}

static inline bool mempool_is_saturated(mempool_t *pool)
{
	return kmem_mempool_reserve(pool->pool) >= kmem_mempool_min(pool->pool);
}

#endif
