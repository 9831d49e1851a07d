/* SPDX-License-Identifier: MIT */
/*
 * Hardened caches, of all that are created while the option hardened is on: each operation
 * takes the slow path, as they are gated. An object comes from a place in its slab that
 * nobody can foresee. A freed one is cleared, unless its cache has a constructor or destructor
 * or is type-stable, and waits in quarantine until others have followed it; a second free, at
 * home or in quarantine, is found at once (marks.h), as is an address inside an object.
 *
 * A cache with a limit has no quarantine, which would count against it. With SLAB_NOWAIT a
 * free may wait for the lock of the quarantine.
 */
#ifndef SLAB_HARDENED_H
#define SLAB_HARDENED_H

#include "slab/slab.h"

#define QUARANTINE 64u

/* An object of one of the cache's pages; false: nothing is to go home. Else *object is, or another.
 */
bool hardened_free(struct kmem_cache *cache, void **object);
/* n objects go to the program. */
void hardened_out(struct kmem_cache *cache, void **objects, unsigned n);
/* All of the quarantine goes home. */
void hardened_drain(struct kmem_cache *cache);
/* The owner takes up to want objects from anywhere, constructed. */
unsigned hardened_take(struct slab *slab, void **out, unsigned want);
/* Was the object ever out of its slab? Only of a slab that nobody uses. */
bool hardened_was_out(const struct slab *slab, uint32_t index);

#endif
