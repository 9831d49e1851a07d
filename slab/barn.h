/* SPDX-License-Identifier: MIT */
/*
 * The barns: a cache's full sheaves between threads, in a few lock-free stacks,
 * so that nobody waits for a thread that is not running. A thread gives to the
 * barn of its number, and takes from it first: what two threads do then meets
 * in no cache line.
 *
 * A barn's bound follows the traffic: a sheaf turned away, and another asked for
 * since, means the bound was in the way, and it doubles; in each decay period
 * the sheaves that nobody needed go home, and the bound falls again.
 *
 * The barns of a cache whose frees may not wait have no bound and do not age. They
 * hold its empty sheaves as well, which no other cache takes: so a trade leaves the
 * number of its sheaves as it was, and a free finds one.
 */
#ifndef SLAB_BARN_H
#define SLAB_BARN_H

#include "slab/cache.h"
#include "slab/sheaf.h"

#define BARNS 4u

struct barn {
	struct sheaf_stack full;
	_Atomic int32_t nfull; /* approximate by the few threads between two steps */
	_Atomic int32_t low;   /* least nfull since the last decay */
	_Atomic int32_t limit;
	_Atomic uint32_t overflows; /* sheaves turned away since the last miss */
	struct sheaf_stack empty[SHEAF_LEVELS / BARNS]; /* see barn_empties */
	uint32_t unused[6];
};

_Static_assert(sizeof(struct barn) == 64, "a cache line");

/* The cache's barns, or NULL. */
static inline struct barn *barns_of(struct kmem_cache *cache)
{
	/* acquire: pairs with the release in barns_make */
	return atomic_load_explicit(&cache->barns, memory_order_acquire);
}

/* The same, made now if need be; NULL without memory, or if the cache is to have none. */
struct barn *barns_make(struct kmem_cache *cache);
/* No barn had a sheaf. */
void barn_missed(struct kmem_cache *cache);

/* Store a full sheaf, however many there are. */
static inline void barn_put(struct barn *barn, struct sheaf *sheaf)
{
	atomic_fetch_add_explicit(&barn->nfull, 1, memory_order_relaxed);
	sheaf_push(&barn->full, sheaf);
}

/* Store a full sheaf of the thread of that number; false: the barn is as full as it may be. */
static inline bool barn_give(struct kmem_cache *cache, struct sheaf *sheaf, unsigned thread)
{
	struct barn *barn = barns_of(cache);

	if (__builtin_expect(!barn, 0)) {
		barn = barns_make(cache);
		if (!barn)
			return false;
	}
	barn += thread % BARNS;
	if (atomic_load_explicit(&barn->nfull, memory_order_relaxed) >=
	    atomic_load_explicit(&barn->limit, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&barn->overflows, 1, memory_order_relaxed);
		return false;
	}
	barn_put(barn, sheaf);
	return true;
}

static inline struct sheaf *barn_pop(struct barn *barn)
{
	struct sheaf *sheaf = sheaf_pop(&barn->full);
	int32_t nfull;

	if (!sheaf)
		return NULL;
	nfull = atomic_fetch_sub_explicit(&barn->nfull, 1, memory_order_relaxed) - 1;
	if (nfull < atomic_load_explicit(&barn->low, memory_order_relaxed))
		atomic_store_explicit(&barn->low, nfull, memory_order_relaxed);
	return sheaf;
}

/*
 * A full sheaf, or NULL. One that the same thread gave, if there is: its objects
 * lie near others the thread has, another's beside what that one uses.
 */
static inline struct sheaf *barn_take(struct kmem_cache *cache, unsigned thread)
{
	struct barn *barns = barns_of(cache);
	struct sheaf *sheaf;

	if (!barns)
		return NULL;
	for (unsigned i = 0; i < BARNS; i++) {
		sheaf = barn_pop(&barns[(thread + i) % BARNS]);
		if (sheaf)
			return sheaf;
	}
	barn_missed(cache);
	return NULL;
}

/* The empty sheaves of a level that a cache keeps to itself: each barn has those of some. */
static inline struct sheaf_stack *barn_empties(struct barn *barns, unsigned level)
{
	return &barns[level % BARNS].empty[level / BARNS];
}

/* An empty sheaf of the cache's own, or NULL. */
static inline struct sheaf *barn_take_empty(struct kmem_cache *cache, unsigned level)
{
	struct barn *barns = barns_of(cache);

	return barns ? sheaf_pop(barn_empties(barns, level)) : NULL;
}

/* Give it back, or to all caches while there are no barns. */
static inline void barn_put_empty(struct kmem_cache *cache, struct sheaf *sheaf)
{
	struct barn *barns = barns_of(cache);

	sheaf_push(barns ? barn_empties(barns, sheaf_level(sheaf))
			 : &sheaf_idle[sheaf_level(sheaf)],
		   sheaf);
}

/* How many sheaves of a barn nobody needed since the last call; its bound falls by half of it. */
int32_t barn_surplus(struct kmem_cache *cache, unsigned barn);

#define BARN_LIMIT_FIRST 8

#endif
