/* SPDX-License-Identifier: MIT */
/*
 * Caches with a limit: every object that is out is counted, exactly. A request is
 * admitted by one compare and swap that raises the count to at most the limit, for
 * all its objects or none, and then takes them from the slabs; an object that has
 * come home lowers it. Sheaves would hide objects from the count, so none is ever
 * loaded, and the slot that stays empty and full at once leads every operation
 * here. What the thread keeps is its active slab, so that no lock is taken for
 * most of them.
 *
 * Debugged and hardened caches go the same way without a limit.
 *
 * Callbacks run with no lock held. One that is refused in its turn by a limit is
 * not called again from within.
 */
#ifndef SLAB_LIMIT_H
#define SLAB_LIMIT_H

#include "slab/cache.h"

/* n objects, one at least, or none: errno as of kmem_cache_alloc. */
bool limit_alloc(struct kmem_cache *cache, gfp_t flags, unsigned n, void **objects);

/* So many objects have come home. */
static inline void limit_lower(struct kmem_cache *cache, size_t n)
{
	/* release: they are home; pairs with the acquire in limit_raise */
	atomic_fetch_sub_explicit(&cache->used, n, memory_order_release);
}

/* The objects that are out, counted where they are missing; exact only while it is not used. */
size_t limit_count(const struct kmem_cache *cache);
/* In the child of a fork: what vanished threads were about to take, or had just given. */
void limits_after_fork(void);

#endif
