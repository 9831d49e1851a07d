/* SPDX-License-Identifier: MIT */
/*
 * Slabs that are to go, and in which somebody wrote to a free object. They are found where locks
 * are held: trim, aging and destroy walk the caches under cache_lock. A report takes its time, and
 * who creates a cache meanwhile would wait. So such a slab keeps its pages and its record, on no
 * list of its cache, until a thread without locks comes by; its cache's destroy waits for that.
 */
#ifndef SLAB_DAMAGED_H
#define SLAB_DAMAGED_H

#include "slab/slab.h"

#pragma GCC visibility push(hidden)
extern struct slab *_Atomic damaged_slabs;
#pragma GCC visibility pop

/* From now on it waits; under any lock. */
void damaged_defer(struct slab *slab);
/* Report those that wait, and free them; no lock may be held. */
void damaged_report(void);
/* The same, and until other threads have reported those of the cache. */
void damaged_settle(struct kmem_cache *cache);
/* In the child of a fork: what was in the hands of another thread is lost. */
void damaged_after_fork(void);

static inline void damaged_pass(void)
{
	if (__builtin_expect(atomic_load_explicit(&damaged_slabs, memory_order_relaxed) != NULL, 0))
		damaged_report();
}

#endif
