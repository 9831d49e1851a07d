/* SPDX-License-Identifier: MIT */
/* From what was asked of a new cache to the geometry of its slabs, sheaves and barns. */
#ifndef SLAB_SHAPE_H
#define SLAB_SHAPE_H

#include "slab/cache.h"

/* What is wrong with the arguments, or NULL. */
const char *shape_error(const struct cache_shape *shape);
/* Fill the record in; its id is not yet known to the page map. */
void shape_apply(const struct cache_shape *shape, struct kmem_cache *cache);
/* The part that follows from the stride alone: sheaves and barns. */
void shape_sheaves(struct kmem_cache *cache);

/* Debug by these flags a cache of which nothing was allocated. */
void shape_debug(struct kmem_cache *cache, slab_flags_t flags);

#endif
