/* SPDX-License-Identifier: MIT */
/*
 * A slab: a run of pages cut into objects of one cache. Its record lies outside
 * the pages; a bitmap says which objects are at home.
 *
 *	state: | free objects, signed: 32 | room: 31 | owned: 1 |
 *
 * An owned slab belongs to one thread (or to whoever works on it), and only the
 * owner takes objects; anyone returns them. A taker lowers the count, then
 * clears bits; a returner sets bits, then raises the count. So the count may lag
 * behind the bits, may even be negative for a moment, and equals the number of
 * objects only when every return is complete.
 *
 * Invariants:
 *  S1  the count is at most the number of set bits, and equal at rest
 *  S2  a slab without owner is on the list of its cache and place that fits its count, or
 *      the cache's lists are unsettled
 *  S3  a slab is retired, under the cache's lock, only when it has no owner and
 *      its count is the number of its objects: then no return is under way
 *  S4  objects below fresh have been handed out before (lowest first, so they
 *      are a prefix), those above never, and are not constructed
 *  S5  the page map leads from each of its pages, which are aligned to their size, to it
 *  S6  room, of a slab without owner whose list fits, is how many more may return
 *      before another does
 *  S7  the count of a cache with a limit is that of the objects that are out (limit.h)
 *
 * A return that would change the list, or fill the slab, is counted under the
 * cache's lock (S2, S3); any other, for which there is room, by compare and swap
 * alone.
 *
 * In a cache whose frees may not wait no return takes the lock. One that would
 * change the list raises the count all the same and notes in the cache that its
 * lists are unsettled; who takes the lock next to find or retire slabs puts them
 * right. That is safe since S3 never rested on the returner's lock:
 *
 *   - a return that has set its bits and not yet raised the count is missing in the
 *     count, as is each object that is out, so until then the slab is not retired;
 *   - raising the count is the return's last access to the slab. What comes after,
 *     the note, is in the cache's record, which stays;
 *   - who retires the slab has read, with acquire, a count that all its returns have
 *     raised with release: their bits, and last uses of the objects, came before.
 *     Nobody can return to it any more, and only an owner could take from it.
 *
 * The note is written by an exchange after the count was raised, and taken back by
 * one before the lists are walked. So the walk sees the count, or the note stays.
 *
 * A process of one thread does the same with plain reads and writes (word.h).
 */
#ifndef SLAB_SLAB_H
#define SLAB_SLAB_H

#include "slab/cache.h"

#define SLAB_WORDS   8
#define SLAB_OBJECTS (SLAB_WORDS * 64)
#define SLAB_RECORD  128
#define SLAB_OWNED   1u
#define SLAB_ROOM    1 /* shift */

struct slab {
	/* What a homecoming needs, for most sizes in one cache line. */
	_Atomic uint64_t state;
	uintptr_t base; /* the first object */
	_Atomic uint64_t free[SLAB_WORDS];

	struct kmem_cache *cache;
	struct slab *next, *prev; /* guarded by the cache's lock */
	uint32_t bucket;	  /* guarded by the cache's lock */
	uint32_t fresh;		  /* the owner's */
	uint32_t stamp;	 /* when it became empty, or last seen; guarded by the cache's lock */
	uint16_t seen;	 /* free objects then; these three are the owner's, or the lock's */
	uint16_t purged; /* free objects when pages were last given back */
	uint32_t absent; /* pages given back and not touched since */
	uint32_t place;	 /* of its pages (buddy/place.h) */
};

_Static_assert(sizeof(struct slab) == SLAB_RECORD, "two cache lines, and aligned so");

static inline int32_t slab_nfree(uint64_t state)
{
	return (int32_t)(state >> 32);
}

static inline uint32_t slab_room(uint64_t state)
{
	return (uint32_t)state >> SLAB_ROOM;
}

/* The slab whose bitmap the word is of. */
static inline struct slab *slab_of_word(_Atomic uint64_t *word)
{
	return (struct slab *)((uintptr_t)word & ~(uintptr_t)(SLAB_RECORD - 1));
}

/* The slab an object of a cache's page belongs to. */
static inline struct slab *slab_of(const void *object)
{
	return pagemap_page(object)->owner;
}

/*
 * offset / stride, if that is exact, else more than any slab has objects. To multiply
 * by an odd number's inverse permutes the numbers of 64 bits, so only multiples of it
 * become quotients; the rotation does the same for the power of two.
 */
static inline uint64_t slab_ordinal(const struct kmem_cache *cache, uint64_t offset)
{
	uint64_t product = offset * cache->inverse;

	return product >> (cache->twos & 63) | product << (-cache->twos & 63);
}

/* Index of the object of the cache at addr, in the slab, or -1 where none begins. */
static inline int slab_index(const struct kmem_cache *cache, const struct slab *slab,
			     const void *addr)
{
	uint64_t index = slab_ordinal(cache, (uintptr_t)addr - slab->base);

	return index < cache->pub.slab_objects ? (int)index : -1;
}

static inline void *slab_object(const struct slab *slab, uint32_t index)
{
	return (void *)(slab->base + (uintptr_t)index * slab->cache->pub.stride);
}

static inline bool slab_is_home(const struct slab *slab, uint32_t index)
{
	/* acquire: the returner's last use of the object; pairs with word_set */
	return atomic_load_explicit(&slab->free[index / 64], memory_order_acquire) >> index % 64 &
	       1;
}

/* Where the slab's pages begin, before the first object's red zone. */
static inline void *slab_pages(const struct slab *slab)
{
	return (void *)(slab->base - slab->cache->debug.left);
}

/* Objects at home, counted. */
static inline uint32_t slab_count_home(const struct slab *slab)
{
	uint32_t n = 0;

	for (unsigned w = 0; w < slab->cache->nwords; w++)
		n += arch_count_bits(atomic_load_explicit(&slab->free[w], memory_order_relaxed));
	return n;
}

/*
 * A slab with free objects, owned by the caller from now on: the fullest that
 * has several to give, or a new one; of the nearest place that has any. NULL: no memory.
 */
struct slab *slab_acquire(struct kmem_cache *cache);
/* Take a slab without owner off its list, to own it; under the cache's lock. */
void slab_own_locked(struct slab *slab);
/* End ownership. */
void slab_release(struct slab *slab);
/* The owner takes up to want objects, lowest first, constructed; the number taken. */
unsigned slab_take(struct slab *slab, void **out, unsigned want);
/* The list for a slab with nfree free objects, and how many more fit before the next list does. */
enum slab_bucket slab_bucket(const struct kmem_cache *cache, int32_t nfree, uint32_t *room);
/* Set bits, one at least, of a word of a slab's bitmap: objects have come home. */
void slab_return(struct kmem_cache *cache, _Atomic uint64_t *word, uint64_t bits);

/* Count n objects that came home where that changes the slab's list, or may. */
void slab_count_slow(struct kmem_cache *cache, struct slab *slab, uint32_t n);

/*
 * In the child of a fork, and for a cache that nobody uses: what threads that
 * vanished on the way did not count. One slab, with its owner; all without one.
 */
void slab_recount(struct slab *slab);
void slab_recount_all(struct kmem_cache *cache);

/* Put on their lists the slabs that returns without the lock left on others; under the lock. */
void slab_settle_locked(struct kmem_cache *cache);
/*
 * Free the empty slabs that are older than age_ms; those retired. None of a cache with a
 * destructor, which runs with no lock held: they stay on their list, however many, until one
 * of the next two is called, by whoever uses that cache.
 */
unsigned slab_retire(struct kmem_cache *cache, uint32_t age_ms);
/* The same, all but so many. */
unsigned slab_retire_but(struct kmem_cache *cache, uint32_t age_ms, unsigned keep);
/* All empty slabs of a cache with a destructor; those freed. No lock may be held. */
unsigned slab_destruct(struct kmem_cache *cache);
/* The same, all but the few that any cache keeps. */
void slab_destruct_surplus(struct kmem_cache *cache);

/* The slab's pages back to the buddy, objects destructed; no list knows it any more. */
void slab_end(struct slab *slab);
/* The same, or later, of a debugged cache, if an object is damaged. */
void slab_free(struct slab *slab);

extern const struct cache_ops slab_ops, debug_ops;

#endif
