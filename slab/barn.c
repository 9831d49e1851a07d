// SPDX-License-Identifier: MIT
/* The barns: see barn.h. */
#include "slab/barn.h"

void barns_init(const struct kmem_cache *cache, struct barn *barns)
{
	for (unsigned i = 0; i < BARNS; i++) {
		atomic_store_explicit(&barns[i].limit, cache->limit_first, memory_order_relaxed);
		atomic_store_explicit(&barns[i].overflows, 0, memory_order_relaxed);
	}
}

struct barn *barns_make(struct kmem_cache *cache)
{
	/* A record keeps them for the next cache. */
	static struct meta_pool pool = {.nbytes = BARNS * sizeof(struct barn), .align = 64};
	struct barn *fresh = cache->limit_max ? meta_pool_get(&pool) : NULL, *others = NULL;

	if (!fresh)
		return NULL;
	barns_init(cache, fresh);
	/* release: the limits */
	if (atomic_compare_exchange_strong_explicit(&cache->barns, &others, fresh,
						    memory_order_release, memory_order_acquire))
		return fresh;
	meta_pool_put(&pool, fresh);
	return others;
}

/* Sheaves turned away before would have served: a greater bound would. */
static void raise_limit(const struct kmem_cache *cache, struct barn *barn)
{
	int32_t limit = atomic_load_explicit(&barn->limit, memory_order_relaxed);
	uint32_t overflows = atomic_load_explicit(&barn->overflows, memory_order_relaxed);

	if (!overflows)
		return;
	atomic_store_explicit(&barn->overflows, 0, memory_order_relaxed);
	/*
	 * Twice the bound would not have been enough: a phase of the program, not a
	 * flow. Small objects do better then where their neighbours are.
	 */
	if ((int32_t)overflows > limit && cache->pub.stride < PAGE_BYTES)
		return;
	limit = limit * 2 < cache->limit_max ? limit * 2 : cache->limit_max;
	atomic_store_explicit(&barn->limit, limit, memory_order_relaxed);
}

void barn_missed(struct kmem_cache *cache, struct barn *barns)
{
	for (unsigned i = 0; i < BARNS; i++)
		raise_limit(cache, &barns[i]);
}

int32_t barn_surplus(const struct kmem_cache *cache, struct barn *barn)
{
	int32_t nfull = atomic_load_explicit(&barn->nfull, memory_order_relaxed);
	int32_t low = atomic_exchange_explicit(&barn->low, nfull, memory_order_relaxed);
	int32_t limit = atomic_load_explicit(&barn->limit, memory_order_relaxed);

	if (low <= 0)
		return 0;
	limit = limit - low / 2 < cache->limit_first ? cache->limit_first : limit - low / 2;
	atomic_store_explicit(&barn->limit, limit, memory_order_relaxed);
	return low < nfull ? low : nfull;
}
