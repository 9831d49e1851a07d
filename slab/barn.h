/* SPDX-License-Identifier: MIT */
/*
 * The barn: a cache's full sheaves between threads, in a few lock-free stacks, so
 * that nobody waits for a thread that is not running.
 *
 * Its bound follows the traffic: a sheaf turned away, and another asked for
 * since, means the bound was in the way, and it doubles; in each decay period
 * the sheaves that nobody needed go home, and the bound falls again.
 */
#ifndef SLAB_BARN_H
#define SLAB_BARN_H

#include "slab/cache.h"

/* Store a full sheaf of the thread of that number; false: the barn is as full as it may be. */
bool barn_give(struct kmem_cache *cache, struct sheaf *sheaf, unsigned thread);
/*
 * A sheaf with objects, or NULL. One that the same thread gave, if there is: its
 * objects lie near others the thread has, another's beside what that one uses.
 */
struct sheaf *barn_take(struct kmem_cache *cache, unsigned thread);
/* How many sheaves nobody needed since the last call; the bound falls by half of it. */
int32_t barn_surplus(struct kmem_cache *cache);

#define BARN_LIMIT_FIRST 8

#endif
