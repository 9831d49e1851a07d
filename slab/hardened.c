// SPDX-License-Identifier: MIT
/* See hardened.h. */
#include "slab/hardened.h"

#include "buddy/meta.h"
#include "buddy/random.h"
#include "buddy/report.h"
#include "buddy/sys.h"
#include "slab/marks.h"

#include <string.h>

/* Guarded by the cache's lock. */
struct quarantine {
	void *objects[QUARANTINE]; /* a ring */
	unsigned n, oldest;
};

static struct meta_pool pool = {.nbytes = sizeof(struct quarantine), .align = 64};

static uint64_t random_bits(void)
{
	static _Atomic uint64_t number;
	uint64_t seed;

	memcpy(&seed, sys_random16(), sizeof(seed));
	return random_at(seed, atomic_fetch_add_explicit(&number, 1, memory_order_relaxed));
}

static struct quarantine *quarantine_of(struct kmem_cache *cache)
{
	struct quarantine *quarantine, *fresh;

	/* The record may have one of a cache before. */
	if (cache->limit)
		return NULL;
	/* acquire: pairs with the release below */
	quarantine = atomic_load_explicit(&cache->quarantine, memory_order_acquire);
	if (quarantine)
		return quarantine;
	fresh = meta_pool_get(&pool);
	/* release: it is zeroed; pairs with the acquire above */
	if (!fresh ||
	    atomic_compare_exchange_strong_explicit(&cache->quarantine, &quarantine, fresh,
						    memory_order_acq_rel, memory_order_acquire))
		return fresh;
	meta_pool_put(&pool, fresh);
	return quarantine;
}

/* The object in, the oldest out; NULL: there was room. */
static void *exchange(struct kmem_cache *cache, struct quarantine *quarantine, void *object)
{
	void *oldest = NULL;

	lock_take(&cache->lock, LOCK_CACHE);
	if (quarantine->n == QUARANTINE)
		oldest = quarantine->objects[quarantine->oldest];
	else
		quarantine->n++;
	quarantine->objects[quarantine->oldest] = object;
	quarantine->oldest = (quarantine->oldest + 1) % QUARANTINE;
	lock_release(&cache->lock, LOCK_CACHE);
	return oldest;
}

void hardened_out(struct kmem_cache *cache, void **objects, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct slab *slab = slab_of(objects[i]);

		mark_out(slab, (uint32_t)slab_index(cache, slab, objects[i]));
	}
}

/* The address begins an object that is the program's, and now no longer. */
static bool hold(const struct kmem_cache *cache, void *object)
{
	struct slab *slab = slab_of(object);
	int index = slab_index(cache, slab, object);

	if (index < 0) {
		report_bug("interior pointer: %p freed to cache '%s' is inside an object", object,
			   cache->pub.name);
		return false;
	}
	if (!mark_in(slab, (uint32_t)index)) {
		report_bug("double free: object %p of cache '%s' is free already", object,
			   cache->pub.name);
		return false;
	}
	return true;
}

bool hardened_free(struct kmem_cache *cache, void **object)
{
	struct quarantine *quarantine;

	if (!hold(cache, *object))
		return false;
	if (!cache->ctor && !cache->dtor && !cache_typesafe(cache))
		memset(*object, 0, cache->pub.object_size);
	quarantine = quarantine_of(cache);
	if (quarantine)
		*object = exchange(cache, quarantine, *object);
	return *object;
}

void hardened_drain(struct kmem_cache *cache)
{
	struct quarantine *quarantine =
		atomic_load_explicit(&cache->quarantine, memory_order_acquire);
	void *objects[QUARANTINE];
	unsigned n;

	if (!quarantine)
		return;
	lock_take(&cache->lock, LOCK_CACHE);
	n = quarantine->n;
	for (unsigned i = 0; i < n; i++)
		objects[i] =
			quarantine->objects[(quarantine->oldest + QUARANTINE - 1 - i) % QUARANTINE];
	quarantine->n = 0;
	lock_release(&cache->lock, LOCK_CACHE);
	/* Counted when they were freed. */
	cache->ops->home(cache, objects, n);
}

/* Any free object, taken; NULL: there is none. */
static void *take_any(struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;
	uint64_t random = random_bits();

	for (unsigned i = 0; i < cache->nwords; i++) {
		unsigned word = (unsigned)((random >> 8) + i) % cache->nwords, turn = random & 63;
		uint64_t bits = word_get(&slab->free[word]);
		unsigned bit;

		if (!bits)
			continue;
		bits = bits >> turn | bits << (64 - turn) % 64;
		bit = ((unsigned)__builtin_ctzll(bits) + turn) % 64;
		/* The count first (S1), as in slab_take. */
		word_subtract(&slab->state, 1ull << 32);
		word_clear(&slab->free[word], 1ull << bit);
		return slab_object(slab, word * 64 + bit);
	}
	return NULL;
}

/* They leave the slab in no order: which were constructed, or out, is in a bitmap. */
static void make(struct slab *slab, void *object)
{
	const struct kmem_cache *cache = slab->cache;
	uint32_t index = (uint32_t)slab_index(cache, slab, object);
	uint64_t *word = &((struct marked_slab *)slab)->made[index / 64], bit = 1ull << index % 64;

	if (*word & bit)
		return;
	*word |= bit;
	if (cache->ctor)
		cache->ctor(object);
}

bool hardened_was_out(const struct slab *slab, uint32_t index)
{
	return ((const struct marked_slab *)slab)->made[index / 64] >> index % 64 & 1;
}

unsigned hardened_take(struct slab *slab, void **out, unsigned want)
{
	unsigned got = 0;

	/* What is above the fresh ones was never out (S4). */
	slab->fresh = slab->cache->pub.slab_objects;
	while (got < want && (out[got] = take_any(slab)))
		got++;
	/* Last: a constructor may use the cache, which changes the slab. */
	for (unsigned i = 0; i < got; i++)
		make(slab, out[i]);
	return got;
}
