// SPDX-License-Identifier: MIT
/*
 * Many objects at once: runs of pointers between the caller's array and the
 * sheaf. Here, above the slabs, since a bulk free may hold blocks of any kind.
 */
#include "lib/malloc.h"
#include "slab/limit.h"
#include "slab/slot_run.h"

#include <errno.h>
#include <kmem/cache.h>
#include <limits.h>
#include <string.h>

#define SLOW __attribute__((noinline))

/* Admitted as one request, so that no other is refused for what this one will not get. */
static int alloc_limited(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	if (nobjects == 0 || !limit_alloc(cache, flags, (unsigned)nobjects, objects))
		return 0;
	return (int)nobjects;
}

/* In pieces, or one at a time where no sheaf has any; all or none. */
static int alloc_rest(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	size_t done = 0, n;

	if (flags & __GFP_DIRECT_RECLAIM)
		slot_widen(cache, nobjects);
	while (done < nobjects) {
		struct slot *slot = slot_of(cache);
		size_t have = slot_fill(slot),
		       more = nobjects - done < have ? nobjects - done : have;

		if (more) {
			slot_pop_run(slot, objects + done, more);
			done += more;
			continue;
		}
		objects[done] = kmem_cache_alloc(cache, flags);
		if (!objects[done]) {
			/* One by one: there is room where they came from, and no call to make any.
			 */
			for (n = done; n > 0;)
				kmem_cache_free(cache, objects[--n]);
			/* The program neither got nor freed them. */
			if (cache->pub.counted)
				cache_count(cache, 0 - (uint64_t)done, 0 - (uint64_t)done, 0);
			return 0;
		}
		done++;
	}
	return (int)nobjects;
}

static SLOW int alloc_slow(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	gfp_t plain = flags & ~__GFP_ZERO;
	int got;

	if (nobjects > INT_MAX) {
		errno = EINVAL;
		return 0;
	}
	if (nobjects > 0 && flags & __GFP_ZERO && cache->ctor) {
		/* Refused, as one object is. */
		objects[0] = kmem_cache_alloc(cache, flags);
		return 0;
	}
	got = cache->gated ? alloc_limited(cache, plain, nobjects, objects)
			   : alloc_rest(cache, plain, nobjects, objects);
	for (int i = 0; flags & __GFP_ZERO && i < got; i++)
		memset(objects[i], 0, cache->pub.object_size);
	return got;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	if (__builtin_expect(!(flags & __GFP_ZERO), 1) &&
	    slot_pop_run(slot_of(cache), objects, nobjects))
		return (int)nobjects;
	return alloc_slow(cache, flags, nobjects, objects);
}

static SLOW void free_rest(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	if (!cache) {
		while (nobjects > 0)
			facade_free(objects[--nobjects]);
		return;
	}
	if (!cache->nowait)
		slot_widen(cache, nobjects);
	while (nobjects > 0) {
		struct slot *slot = slot_of(cache);
		size_t room = slot->mask / sizeof(void *) - slot_fill(slot);

		if (!room) {
			slot_free_slow(cache, objects[--nobjects]);
			continue;
		}
		room = room < nobjects ? room : nobjects;
		nobjects -= room;
		slot_push_run(slot, objects + nobjects, room);
	}
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	if (__builtin_expect(!cache || !slot_push_run(slot_of(cache), objects, nobjects), 0))
		free_rest(cache, nobjects, objects);
}
