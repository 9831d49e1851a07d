// SPDX-License-Identifier: MIT
/* Pools over caches, malloc and pages: the ready-made allocators. */
#include "buddy/report.h"
#include "buddy/run.h"
#include "lib/mempool.h"
#include "slab/cache.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/pages.h>

/* Why the cache's objects cannot wait in a reserve. */
static __attribute__((noinline)) void *refuse_cache(const struct kmem_cache *cache, gfp_t flags)
{
	static const char doing[] = "kmem_mempool_alloc_slab";

	if (!cache && !(flags & __GFP_NOWARN))
		report("%s: cache is NULL", doing);
	else if (!(flags & __GFP_NOWARN))
		report("%s: cache '%s' has a constructor, and an element of the reserve is as its "
		       "last owner left it",
		       doing, cache->pub.name);
	errno = EINVAL;
	return NULL;
}

struct kmem_mempool *kmem_mempool_create_slab(int min_nr, struct kmem_cache *cache)
{
	return mempool_make("kmem_mempool_create_slab", min_nr, kmem_mempool_alloc_slab,
			    kmem_mempool_free_slab, cache);
}

struct kmem_mempool *kmem_mempool_create_kmalloc(int min_nr, size_t nbytes)
{
	return mempool_make("kmem_mempool_create_kmalloc", min_nr, kmem_mempool_kmalloc,
			    kmem_mempool_kfree, (void *)nbytes);
}

struct kmem_mempool *kmem_mempool_create_pages(int min_nr, unsigned int order)
{
	static const char doing[] = "kmem_mempool_create_pages";

	if (order > RUN_ORDER_MAX) {
		report("%s: order %u is above %u", doing, order, RUN_ORDER_MAX);
		errno = EINVAL;
		return NULL;
	}
	return mempool_make(doing, min_nr, kmem_mempool_alloc_pages, kmem_mempool_free_pages,
			    (void *)(uintptr_t)order);
}

/* So making the pool fails: which functions it has does not show, as a program's address of
 * this one may be another than the library's. */
void *kmem_mempool_alloc_slab(gfp_t flags, void *data)
{
	struct kmem_cache *cache = data;

	if (__builtin_expect(!cache || cache->ctor, 0))
		return refuse_cache(cache, flags);
	return kmem_cache_alloc(cache, flags);
}

void kmem_mempool_free_slab(void *element, void *cache)
{
	kmem_cache_free(cache, element);
}

void *kmem_mempool_kmalloc(gfp_t flags, void *nbytes)
{
	return kmem_kmalloc((size_t)nbytes, flags);
}

void kmem_mempool_kfree(void *element, void *nbytes)
{
	(void)nbytes;
	kmem_kfree(element);
}

void *kmem_mempool_alloc_pages(gfp_t flags, void *order)
{
	return kmem_pages_alloc((unsigned)(uintptr_t)order, flags);
}

void kmem_mempool_free_pages(void *element, void *order)
{
	(void)order;
	kmem_pages_free(element);
}
