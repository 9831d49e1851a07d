// SPDX-License-Identifier: MIT
/*
 * Objects from a node of memory. What lies in sheaves and barns is of the nodes of those who
 * freed it, so for another node than the thread's it comes straight from a slab.
 */
#include "buddy/node.h"
#include "buddy/report.h"
#include "slab/sheaves.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

static void *no_node(const struct kmem_cache *cache, gfp_t flags, int node)
{
	if (!(flags & __GFP_NOWARN))
		report("kmem_cache_alloc_node: cache '%s': there is no node %d", cache->pub.name,
		       node);
	errno = EINVAL;
	return NULL;
}

static void *alloc_elsewhere(struct kmem_cache *cache, gfp_t flags)
{
	void *object = alloc_uncached(cache);

	/* Any other node's is better than none, and all that is done for want of memory is there.
	 */
	if (!object && !(flags & __GFP_THISNODE))
		return kmem_cache_alloc(cache, flags);
	if (!object)
		errno = ENOMEM;
	else if (flags & __GFP_ZERO)
		memset(object, 0, cache->pub.object_size);
	return object;
}

void *kmem_cache_alloc_node(struct kmem_cache *cache, gfp_t flags, int node)
{
	bool anywhere = node == NUMA_NO_NODE;

	if (!anywhere && !node_exists(node, flags))
		return no_node(cache, flags, node);
	/* No sheaves to pass by; or the answer is the same everywhere. */
	if (anywhere || uncached(cache) || (flags & __GFP_ZERO && cache->ctor) ||
	    node == node_here())
		return kmem_cache_alloc(cache, flags);
	if (flags & __GFP_DIRECT_RECLAIM)
		return alloc_elsewhere(cache, flags);
	if (!(flags & __GFP_THISNODE))
		return kmem_cache_alloc(cache, flags);
	errno = EAGAIN;
	return NULL;
}

void *kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru, gfp_t flags)
{
	(void)lru;
	return kmem_cache_alloc(cache, flags);
}
