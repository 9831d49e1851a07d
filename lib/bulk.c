// SPDX-License-Identifier: MIT
/* Many objects at once. Here, above the slabs, since a bulk free may hold blocks of any kind. */
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/cache.h>
#include <limits.h>

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	if (nobjects > INT_MAX) {
		errno = EINVAL;
		return 0;
	}
	for (size_t i = 0; i < nobjects; i++) {
		objects[i] = kmem_cache_alloc(cache, flags);
		if (!objects[i]) {
			kmem_cache_free_bulk(cache, i, objects);
			return 0;
		}
	}
	return (int)nobjects;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	for (size_t i = 0; i < nobjects; i++) {
		if (cache)
			kmem_cache_free(cache, objects[i]);
		else
			facade_free(objects[i]);
	}
}
