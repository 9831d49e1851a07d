// SPDX-License-Identifier: MIT
/* The barn: see barn.h. Counts are approximate by the few threads between two steps. */
#include "slab/barn.h"

/* Add to the published counts; the number of sheaves before. */
static int32_t count(struct kmem_cache *cache, int32_t sheaves, int64_t objects)
{
	__atomic_fetch_add(&cache->pub.barn_objects, (uint64_t)objects, __ATOMIC_RELAXED);
	return (int32_t)__atomic_fetch_add(&cache->pub.barn_sheaves, (uint32_t)sheaves,
					   __ATOMIC_RELAXED);
}

static int32_t barn_full(const struct kmem_cache *cache)
{
	return (int32_t)__atomic_load_n(&cache->pub.barn_sheaves, __ATOMIC_RELAXED);
}

bool barn_give(struct kmem_cache *cache, struct sheaf *sheaf, unsigned thread)
{
	struct barn *barn = &cache->barn;

	if (barn_full(cache) >= atomic_load_explicit(&barn->limit, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&barn->overflows, 1, memory_order_relaxed);
		return false;
	}
	count(cache, 1, sheaf_fill(sheaf));
	sheaf_push(&barn->full[thread % BARN_STACKS], sheaf);
	return true;
}

/* A refill that a sheaf turned away before would have served. */
static void barn_missed(struct kmem_cache *cache)
{
	struct barn *barn = &cache->barn;
	int32_t limit = atomic_load_explicit(&barn->limit, memory_order_relaxed);

	uint32_t overflows = atomic_load_explicit(&barn->overflows, memory_order_relaxed);

	if (!overflows)
		return;
	atomic_store_explicit(&barn->overflows, 0, memory_order_relaxed);
	/* Twice the bound would not have been enough: a phase of the program, not a flow. */
	if ((int32_t)overflows > limit)
		return;
	limit = limit * 2 < cache->limit_max ? limit * 2 : cache->limit_max;
	atomic_store_explicit(&barn->limit, limit, memory_order_relaxed);
}

struct sheaf *barn_take(struct kmem_cache *cache, unsigned thread)
{
	struct barn *barn = &cache->barn;
	struct sheaf *sheaf = NULL;
	int32_t nfull;

	for (unsigned i = 0; i < BARN_STACKS && !sheaf; i++)
		sheaf = sheaf_pop(&barn->full[(thread + i) % BARN_STACKS]);

	if (!sheaf) {
		barn_missed(cache);
		return NULL;
	}
	nfull = count(cache, -1, -(int64_t)sheaf_fill(sheaf)) - 1;
	if (nfull < atomic_load_explicit(&barn->low, memory_order_relaxed))
		atomic_store_explicit(&barn->low, nfull, memory_order_relaxed);
	return sheaf;
}

int32_t barn_surplus(struct kmem_cache *cache)
{
	struct barn *barn = &cache->barn;
	int32_t nfull = barn_full(cache);
	int32_t low = atomic_exchange_explicit(&barn->low, nfull, memory_order_relaxed);
	int32_t limit = atomic_load_explicit(&barn->limit, memory_order_relaxed);

	if (low <= 0)
		return 0;
	limit = limit - low / 2 < BARN_LIMIT_FIRST ? BARN_LIMIT_FIRST : limit - low / 2;
	if (limit > cache->limit_max)
		limit = cache->limit_max;
	atomic_store_explicit(&barn->limit, limit, memory_order_relaxed);
	return low < nfull ? low : nfull;
}
