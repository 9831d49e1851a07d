// SPDX-License-Identifier: MIT
/*
 * Blocks and pages of a node: small blocks are objects of malloc's classes, larger ones runs of
 * pages, past the heaps and the sheaves, in which blocks of all nodes lie. Debugged blocks are as
 * any others.
 */
#include "buddy/report.h"
#include "buddy/run.h"
#include "buddy/shortage.h"
#include "lib/debug_block.h"
#include "lib/failslab.h"
#include "lib/malloc.h"
#include "lib/start.h"
#include "slab/shade.h"

#include <errno.h>
#include <kmem/cache.h>
#include <kmem/kmalloc.h>
#include <kmem/pages.h>
#include <string.h>

#define ALIGN_MOST ((size_t)4 << 20)

/* A run for a request that may wait, by its node; NULL with ENOMEM. */
static void *run_of_node(size_t npages, size_t align_pages, enum page_kind kind, gfp_t flags,
			 int node)
{
	struct shortage shortage = {
		.nbytes = npages << PAGE_SHIFT, .npages = npages, .flags = flags};
	struct place_walk walk;
	bool zeroed = false;
	void *base = NULL;

	if (place_walk_node(&walk, node, flags & __GFP_THISNODE))
		do
			base = run_alloc_by(walk, npages, align_pages, kind, &zeroed);
		while (!base && shortage_again(&shortage));
	if (!base)
		errno = ENOMEM;
	else if (flags & __GFP_ZERO && !zeroed)
		memset(base, 0, npages << PAGE_SHIFT);
	return base;
}

static bool there_is(const char *call, gfp_t flags, int node)
{
	if (node_exists(node, flags))
		return true;
	if (!(flags & __GFP_NOWARN))
		report("%s: there is no node %d", call, node);
	errno = EINVAL;
	return false;
}

/* Is the node no matter, or all that is to be had without waiting? */
static bool is_plain(gfp_t flags, int node)
{
	return node == NUMA_NO_NODE || debug_blocks || shaded() ||
	       !(flags & (__GFP_DIRECT_RECLAIM | __GFP_THISNODE)) || node_is_served(node, flags);
}

/* Without waiting there is nothing of one node. */
static bool may_wait(gfp_t flags)
{
	if (!(flags & __GFP_DIRECT_RECLAIM))
		errno = EAGAIN;
	return flags & __GFP_DIRECT_RECLAIM;
}

void *kmem_pages_alloc_node(unsigned int order, gfp_t flags, int node)
{
	if (node != NUMA_NO_NODE && !there_is("kmem_pages_alloc_node", flags, node))
		return NULL;
	if (order > RUN_ORDER_MAX || is_plain(flags, node))
		return kmem_pages_alloc(order, flags);
	if (!may_wait(flags))
		return NULL;
	return run_of_node((size_t)1 << order, (size_t)1 << order, PAGE_RUN, flags, node);
}

static void *large_of_node(size_t nbytes, gfp_t flags, int node)
{
	size_t align = nbytes & (0 - nbytes);

	if (nbytes > PTRDIFF_MAX || facade_fails(nbytes, flags)) {
		errno = ENOMEM;
		return NULL;
	}
	align = align < PAGE_BYTES ? PAGE_BYTES : align < ALIGN_MOST ? align : ALIGN_MOST;
	return run_of_node((nbytes + PAGE_BYTES - 1) >> PAGE_SHIFT, align >> PAGE_SHIFT, PAGE_LARGE,
			   flags, node);
}

void *kmem_kmalloc_node(size_t nbytes, gfp_t flags, int node)
{
	struct kmem_cache *cache = NULL;
	void *block;

	start_ensure();
	if (node != NUMA_NO_NODE && !there_is("kmem_kmalloc_node", flags, node))
		return NULL;
	if (nbytes > 0 && nbytes <= SMALL_MAX)
		cache = class_cache(class_index(nbytes));
	/* What is noted with a block is noted by kmalloc. */
	if (nbytes == 0 || is_plain(flags, node) || (nbytes <= SMALL_MAX && !cache) ||
	    (cache && __atomic_load_n(&cache->noted, __ATOMIC_RELAXED)))
		return kmem_kmalloc(nbytes, flags);
	if (!may_wait(flags))
		return NULL;
	if (!cache)
		return large_of_node(nbytes, flags, node);
	if (facade_fails(nbytes, flags)) {
		errno = ENOMEM;
		return NULL;
	}
	block = kmem_cache_alloc_node(cache, flags & ~__GFP_ZERO, node);
	if (block && flags & __GFP_ZERO)
		memset(block, 0, block_usable(block, block_kind(block)));
	return block;
}
