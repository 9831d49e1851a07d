/* SPDX-License-Identifier: MIT */
/*
 * Caches that count each allocation and free (the option stats). The fast path counts nothing,
 * so it must find each of their slots empty and full at once: a thread's one sheaf is loaded
 * *muted*, with mask 0, and its level in the lower bits of sp, which are 0 in an address.
 *
 *	sp: | topmost object of the sheaf, as in any slot: 61 | level: 3 |	no sheaf: 0
 *
 * So every operation takes the slow path, and pops or pushes here. There is no spare, and the
 * barns stay empty. taken and given count what goes to the program and what it gives back;
 * what lies in sheaves is to them as if it were at home.
 *
 * Caches that are gated, or have objects too large for sheaves, count so by themselves.
 */
#ifndef SLAB_COUNTED_H
#define SLAB_COUNTED_H

#include "slab/cache.h"
#include "slab/thread.h"

#define MUTED_LEVEL (sizeof(void *) - 1)

_Static_assert(SHEAF_LEVELS <= MUTED_LEVEL + 1, "a level fits where an address has zeros");

static inline bool may_mute(const struct kmem_cache *cache)
{
	return cache->muted && settings.thread_cache;
}

/* What a muted slot holds, as if it were loaded; mask 0: no sheaf. */
static inline struct slot muted_held(const struct slot *slot)
{
	uintptr_t sp = slot->sp & ~MUTED_LEVEL;

	return (struct slot){sp, sp ? sheaf_mask(slot->sp & MUTED_LEVEL) : 0};
}

/* From the thread's sheaf; NULL: it has none. */
void *counted_pop(struct thread *thread, struct kmem_cache *cache);
/* The same, or from slabs; NULL: no memory. */
void *counted_alloc(struct thread *thread, struct kmem_cache *cache);
void counted_free(struct thread *thread, struct kmem_cache *cache, void *object);

#endif
