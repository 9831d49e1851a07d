// SPDX-License-Identifier: MIT
/* Caches' reclaim callbacks: see ask.h. */
#include "slab/ask.h"

#define DYING (1u << 31)

__thread const void *asking __attribute__((tls_model("initial-exec")));

static bool can_ask_locked(const struct kmem_cache *cache)
{
	return cache && cache->pub.id && cache->reclaim &&
	       !(atomic_load_explicit(&cache->asked, memory_order_relaxed) & DYING);
}

struct kmem_cache *ask_next(unsigned id)
{
	struct kmem_cache *found = NULL;

	lock_take(&cache_lock, LOCK_CACHES);
	for (; id < cache_ids() && !found; id++)
		if (can_ask_locked(cache_of(id)))
			found = cache_of(id);
	if (found)
		atomic_fetch_add_explicit(&found->asked, 1, memory_order_relaxed);
	lock_release(&cache_lock, LOCK_CACHES);
	return found;
}

void ask(struct kmem_cache *cache)
{
	asking = cache;
	cache->reclaim(cache, cache->data);
	asking = NULL;
}

void ask_done(struct kmem_cache *cache)
{
	/* release: what the callback did; pairs with the acquire in ask_stop */
	if (atomic_fetch_sub_explicit(&cache->asked, 1, memory_order_release) == (DYING | 1))
		sys_futex_wake((uint32_t *)&cache->asked);
}

bool ask_stop(struct kmem_cache *cache)
{
	uint32_t asked;

	if (asking == cache || asking == &cache->limit_reached)
		return false;
	lock_take(&cache_lock, LOCK_CACHES);
	atomic_fetch_or_explicit(&cache->asked, DYING, memory_order_relaxed);
	lock_release(&cache_lock, LOCK_CACHES);
	/* acquire: pairs with the release in ask */
	while ((asked = atomic_load_explicit(&cache->asked, memory_order_acquire)) & ~DYING)
		sys_futex_wait((uint32_t *)&cache->asked, asked);
	return true;
}

void ask_resume(struct kmem_cache *cache)
{
	atomic_fetch_and_explicit(&cache->asked, ~DYING, memory_order_relaxed);
}

void ask_after_fork(void)
{
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id))
			atomic_store_explicit(&cache_of(id)->asked, asking == cache_of(id),
					      memory_order_relaxed);
}
