/* SPDX-License-Identifier: MIT */
/* Objects on guarded pages, at the edge that is wanted, from malloc or a cache. */
#ifndef TESTS_UNIT_GUARDED_H
#define TESTS_UNIT_GUARDED_H

#include "unit.h"

#include "slab/guard.h"
#include "slab/guard_pool.h"

#include <kmem.h>

enum edge { EDGE_ANY, EDGE_LEFT, EDGE_RIGHT };

#define GUARDED_TRIES 200000u
#define GUARDED_BATCH 1000u

static inline void *allocate(struct kmem_cache *cache, size_t nbytes)
{
	return cache ? kmem_cache_alloc(cache, GFP_KERNEL) : kmem_malloc(nbytes);
}

static inline void release(struct kmem_cache *cache, void *object)
{
	if (cache)
		kmem_cache_free(cache, object);
	else
		kmem_free(object);
}

/* The next object that is guarded; NULL: none for as long as one could come. */
static inline void *guarded_next(struct kmem_cache *cache, size_t nbytes)
{
	void *objects[GUARDED_BATCH], *found = NULL;

	for (unsigned tries = 0; !found && tries < GUARDED_TRIES; tries += GUARDED_BATCH) {
		unsigned n = 0;

		for (; !found && n < GUARDED_BATCH; n++) {
			objects[n] = allocate(cache, nbytes);
			require(objects[n]);
			if (guard_holds(objects[n]))
				found = objects[n--];
		}
		while (n > 0)
			release(cache, objects[--n]);
		if (!found)
			unit_sleep_ms(1);
	}
	return found;
}

static inline void *guarded_object(struct kmem_cache *cache, size_t nbytes, enum edge edge)
{
	for (unsigned i = 0; i < 200; i++) {
		char *object = guarded_next(cache, nbytes);
		bool left;

		require(object);
		left = (uintptr_t)object % sys_page_size() == 0;
		if (edge == EDGE_ANY || left == (edge == EDGE_LEFT))
			return object;
		release(cache, object);
	}
	ck_abort_msg("never at that edge");
}

static inline void guard_on(void)
{
	require(kmem_option_set("kfence_sample_interval", "1") == 0);
}

#endif
