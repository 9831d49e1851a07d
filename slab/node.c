// SPDX-License-Identifier: MIT
/*
 * Objects from a node of memory. What lies in sheaves and barns may be of the nodes of those who
 * freed it, so for another node than the thread's, or where no other will do, it comes straight
 * from a slab of the node's.
 */
#include "buddy/node.h"
#include "buddy/report.h"
#include "slab/cache_place.h"
#include "slab/limit.h"
#include "slab/shade.h"
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

/* One of a cache that looks at each: without the thread's active slab, which is of its own node. */
static void *alloc_gated(struct thread *thread, struct kmem_cache *cache, gfp_t flags)
{
	struct shelf *shelf = thread_shelf(thread, cache->id);
	void *object = NULL;
	bool got;

	cache->ops->detach(cache, shelf);
	got = limit_alloc(cache, flags, 1, &object);
	cache->ops->detach(cache, shelf);
	return got ? object : NULL;
}

/* Slabs are taken by the walk, whoever takes them for this thread meanwhile: a constructor may. */
static void *alloc_by(struct place_walk *walk, struct kmem_cache *cache, gfp_t flags)
{
	struct thread *thread = thread_self();
	struct place_walk *before;
	void *object;

	/* Past its end: it cannot say what it wishes. */
	if (!thread)
		return walk->only ? NULL : alloc_uncached(cache);
	before = thread->wish;
	thread->wish = walk;
	object = cache->gated ? alloc_gated(thread, cache, flags) : alloc_uncached(cache);
	thread->wish = before;
	return object;
}

static void *alloc_elsewhere(struct kmem_cache *cache, gfp_t flags, int node)
{
	struct place_walk walk;
	void *object = NULL;

	if (place_walk_node(&walk, node, flags & __GFP_THISNODE))
		object = alloc_by(&walk, cache, flags);
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
	/* The sheaves' will do; or the answer is the same everywhere; or it is to be recorded. */
	if (anywhere || shaded() || (flags & __GFP_ZERO && cache->ctor) ||
	    (node_is_served(node, flags) && !place_policy_load(&cache->policy).kind))
		return kmem_cache_alloc(cache, flags);
	if (flags & __GFP_DIRECT_RECLAIM)
		return alloc_elsewhere(cache, flags, node);
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
