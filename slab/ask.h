/* SPDX-License-Identifier: MIT */
/*
 * Asking the program for memory: the caches' reclaim callbacks, one cache at a time, no lock
 * held. A cache that is being asked is not destroyed; the destroy waits.
 *
 *	asked: | being destroyed: 1 | threads that ask it: 31 |
 */
#ifndef SLAB_ASK_H
#define SLAB_ASK_H

#include "slab/cache.h"

#pragma GCC visibility push(hidden)
/*
 * The cache, or the shrinker, that this thread is asking, or the limit_reached of the cache that
 * it tells; NULL: none. It asks nobody meanwhile.
 */
extern __thread const void *asking __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

/* The first cache from id on that has a callback, held from now on; NULL: none. */
struct kmem_cache *ask_next(unsigned id);
/* Call it; let go of the cache. */
void ask(struct kmem_cache *cache);
void ask_done(struct kmem_cache *cache);

/* Before a destroy: wait until nobody asks. false: this thread does. */
bool ask_stop(struct kmem_cache *cache);
/* It is not destroyed after all. */
void ask_resume(struct kmem_cache *cache);
/* In the child of a fork: whoever else asked is gone. */
void ask_after_fork(void);

#endif
