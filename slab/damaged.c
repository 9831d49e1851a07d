// SPDX-License-Identifier: MIT
/* See damaged.h. */
#include "slab/damaged.h"

#include "slab/debug.h"

struct slab *_Atomic damaged_slabs;

static void push(struct slab *slab)
{
	struct slab *first = atomic_load_explicit(&damaged_slabs, memory_order_relaxed);

	/* release: the record; pairs with take */
	do
		slab->next = first;
	while (!atomic_compare_exchange_weak_explicit(&damaged_slabs, &first, slab,
						      memory_order_release, memory_order_relaxed));
}

/* One, alone: in a destructor its thread may come by again, and others are for all. */
static struct slab *take(void)
{
	struct slab *slab, *rest, *next;

	/* acquire: the records; pairs with push */
	slab = atomic_exchange_explicit(&damaged_slabs, NULL, memory_order_acquire);
	for (rest = slab ? slab->next : NULL; rest; rest = next) {
		next = rest->next;
		push(rest);
	}
	return slab;
}

void damaged_defer(struct slab *slab)
{
	atomic_fetch_add_explicit(&slab->cache->ndamaged, 1, memory_order_relaxed);
	push(slab);
}

void damaged_report(void)
{
	struct slab *slab;

	while ((slab = take())) {
		struct kmem_cache *cache = slab->cache;

		debug_old_slab(slab);
		slab_end(slab);
		/* release: the record's last use; pairs with destroy_try and damaged_settle */
		atomic_fetch_sub_explicit(&cache->ndamaged, 1, memory_order_release);
		sys_futex_wake((uint32_t *)&cache->ndamaged);
	}
}

void damaged_settle(struct kmem_cache *cache)
{
	uint32_t n;

	damaged_report();
	/* acquire: pairs with damaged_report */
	while ((n = atomic_load_explicit(&cache->ndamaged, memory_order_acquire)))
		sys_futex_wait((uint32_t *)&cache->ndamaged, n);
}

/* As a slab that is on no list of its cache, so that destroy finds it missing. */
static void lose_slabs(struct kmem_cache *cache)
{
	cache->pub.nslabs += atomic_load_explicit(&cache->ndamaged, memory_order_relaxed);
	atomic_store_explicit(&cache->ndamaged, 0, memory_order_relaxed);
}

void damaged_after_fork(void)
{
	struct slab *slab = atomic_load_explicit(&damaged_slabs, memory_order_relaxed);

	for (; slab; slab = slab->next)
		atomic_fetch_sub_explicit(&slab->cache->ndamaged, 1, memory_order_relaxed);
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id))
			lose_slabs(cache_of(id));
	slab = atomic_load_explicit(&damaged_slabs, memory_order_relaxed);
	for (; slab; slab = slab->next)
		atomic_fetch_add_explicit(&slab->cache->ndamaged, 1, memory_order_relaxed);
}
