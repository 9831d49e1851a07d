/* SPDX-License-Identifier: MIT */
/*
 * The barns: a cache's full sheaves between threads, in a few lock-free stacks,
 * so that nobody waits for a thread that is not running. A thread gives to the
 * barn of its number, and takes from it first: what two threads do then meets
 * in no cache line.
 *
 * On a machine of several nodes each has barns of its own, in which a full sheaf comes to lie only
 * if less than an eighth of its objects are of other nodes (cache_place.h): so what a thread takes
 * from them is of its node, but for that.
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
/* They begin as new ones do. */
void barns_init(const struct kmem_cache *cache, struct barn *barns);
/* No barn of these had a sheaf. */
void barn_missed(struct kmem_cache *cache, struct barn *barns);

/*
 * Which barn is a thread's, in a word: the distance in bytes from the first of four, and from
 * BARN_ELSEWHERE on the place, of which it is, and one more, times that.
 */
#define BARN_ELSEWHERE ((uint32_t)(BARNS * sizeof(struct barn)))

static inline uint32_t barn_word(unsigned thread)
{
	return thread % BARNS * (uint32_t)sizeof(struct barn);
}

static inline struct barn *barn_of_word(struct barn *barns, uint32_t word)
{
	return (struct barn *)((char *)barns + word % BARN_ELSEWHERE);
}

/* The barns for a thread's word, or NULL; made, if they are to be. */
struct barn *barns_at(struct kmem_cache *cache, uint32_t word);
struct barn *barns_make_at(struct kmem_cache *cache, uint32_t word);

/* Store a full sheaf, however many there are. */
static inline void barn_put(struct barn *barn, struct sheaf *sheaf)
{
	atomic_fetch_add_explicit(&barn->nfull, 1, memory_order_relaxed);
	sheaf_push(&barn->full, sheaf);
}

/* Store a full sheaf in the barn; false: it is as full as it may be. */
static inline bool barn_offer(struct barn *barn, struct sheaf *sheaf)
{
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

/* From another barn of the place than the word's, or from any of another place; or NULL. */
struct sheaf *barn_take_other(struct kmem_cache *cache, uint32_t word);
/* From any barn of any other place, for who may not wait for slabs; or NULL. */
struct sheaf *barn_take_far(struct kmem_cache *cache);

/*
 * A full sheaf, or NULL. One that the same thread gave, if there is: its objects
 * lie near others the thread has, another's beside what that one uses.
 */
static inline struct sheaf *barn_take(struct kmem_cache *cache, uint32_t word)
{
	struct barn *barns = barns_of(cache);
	struct sheaf *sheaf;

	if (!barns)
		return word < BARN_ELSEWHERE ? NULL : barn_take_other(cache, word);
	if (__builtin_expect(word < BARN_ELSEWHERE, 1)) {
		sheaf = barn_pop((struct barn *)((char *)barns + word));
		if (__builtin_expect(sheaf != NULL, 1))
			return sheaf;
	}
	return barn_take_other(cache, word);
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
int32_t barn_surplus(const struct kmem_cache *cache, struct barn *barn);

#define BARN_LIMIT_FIRST 8

#endif
