/* SPDX-License-Identifier: MIT */
/*
 * A free to a SLAB_NOWAIT cache: it makes no system call and waits for no lock. Where no empty
 * sheaf is at hand the object goes home, it alone: a whole sheaf would take long.
 */
#ifndef SLAB_FREE_NOWAIT_H
#define SLAB_FREE_NOWAIT_H

#include "slab/cache.h"
#include "slab/thread.h"

/* thread NULL: it has no record. */
void free_nowait(struct thread *thread, struct kmem_cache *cache, void *object)
	__attribute__((noinline));
/* Straight to its slab, as caches without sheaves have it (alloc.c). */
void free_uncached(struct kmem_cache *cache, void *object);

#endif
