/* SPDX-License-Identifier: MIT */
/* Objects back to their slabs. */
#ifndef SLAB_HOME_H
#define SLAB_HOME_H

struct kmem_cache;

/* n objects of one cache, in any order. */
void home_return(struct kmem_cache *cache, void **objects, unsigned n);

#endif
