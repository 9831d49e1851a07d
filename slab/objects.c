// SPDX-License-Identifier: MIT
/* Objects in and out of caches: the public fast paths. */
#include "buddy/report.h"
#include "slab/guard.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

static inline void *object_alloc(struct kmem_cache *cache, gfp_t flags)
{
	void *object;

	return slot_pop(slot_of(cache), &object) ? object : slot_alloc_slow(cache, flags);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	if (__builtin_expect(flags & __GFP_ZERO, 0))
		return kmem_cache_zalloc(cache, flags & ~__GFP_ZERO);
	return object_alloc(cache, flags);
}

void *kmem_cache_zalloc(struct kmem_cache *cache, gfp_t flags)
{
	void *object;

	if (cache->ctor) {
		if (!(flags & __GFP_NOWARN))
			report("kmem_cache_zalloc: cache '%s' has a constructor", cache->pub.name);
		errno = EINVAL;
		return NULL;
	}
	object = object_alloc(cache, flags & ~__GFP_ZERO);
	if (object)
		memset(object, 0, cache->pub.object_size);
	return object;
}

struct kmem_cache *object_cache(const void *object)
{
	unsigned id = pagemap_id(object);

	if (id >= ID_FIRST)
		return cache_of(id);
	return guard_holds(object) ? guard_cache(object) : NULL;
}

__attribute__((noinline)) void object_wrong(const struct kmem_cache *cache, const void *object)
{
	const struct kmem_cache *own = object_cache(object);

	if (!object)
		return;
	if (own)
		report_bug("wrong cache: %p freed to cache '%s' is of cache '%s'", object,
			   cache->pub.name, own->pub.name);
	else
		report_bug("foreign pointer: %p freed to cache '%s' is in no slab", object,
			   cache->pub.name);
}

void object_free_elsewhere(struct kmem_cache *cache, void *object)
{
	if (object_cache(object) == cache)
		guard_free(object);
	else
		object_wrong(cache, object);
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	if (__builtin_expect(pagemap_id(object) != cache->id, 0))
		object_free_elsewhere(cache, object);
	else if (__builtin_expect(!slot_push(slot_of(cache), object), 0))
		slot_free_slow(cache, object);
}
