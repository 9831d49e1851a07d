/* SPDX-License-Identifier: MIT */
/*
 * Objects announced to who checks a program's use of memory from outside: Memcheck, if it runs
 * under valgrind, or AddressSanitizer, if it was built with that. All caches are debugged then
 * (debug.h), if by no letter, and laid out with red zones of 16 bytes at least:
 *
 *	| left red zone | object … asked for | rest | right red zone | the cache's own |
 *	    closed        open: it is out       closed                   open
 *
 * To write or read what is closed is an error that they report. All of an object at home is, and
 * opened while the cache itself looks at it, or reports of it. A slab's pages are open before
 * they become one and after, so that nothing below need know of this.
 *
 *	out	Memcheck: undefined, as of malloc. Objects whose state is kept, as they have a
 *		constructor or are type-stable, are defined: what their last owner left there
 *		is meant to be read
 *	home	type-stable ones stay open once they were looked at, as readers may do so
 *
 * All of these but the first two do nothing where the cache is not announced.
 */
#ifndef SLAB_ANNOTATE_H
#define SLAB_ANNOTATE_H

#include "slab/cache.h"

enum annotator { ANNOTATOR_NONE, ANNOTATOR_MEMCHECK, ANNOTATOR_ASAN };

#pragma GCC visibility push(hidden)
extern enum annotator annotator; /* who is there */
#pragma GCC visibility pop

/* See who is there. */
void annotate_start(void);
/* Are caches to come to be announced? */
bool annotate_wanted(void);

/* The slab is new, with none of its objects out; it is to go, and all of it is open. */
void annotate_slab(struct slab *slab);
void annotate_slab_end(struct slab *slab);
/* An object at home, with its red zones, is to be looked at; no longer. */
void annotate_open(const struct kmem_cache *cache, const void *object);
void annotate_home(const struct kmem_cache *cache, const void *object);
/* What is around nbytes of one is to be looked at, or written; no longer. */
void annotate_open_around(const struct kmem_cache *cache, const void *object, size_t nbytes);
void annotate_close_around(const struct kmem_cache *cache, const void *object, size_t nbytes);
/* nbytes are the program's now; it had so many more before, or none: SIZE_MAX. */
void annotate_out(const struct kmem_cache *cache, void *object, size_t before, size_t nbytes);
/* They are no longer, and all is open. */
void annotate_in(const struct kmem_cache *cache, void *object);
/* Somebody frees what is not his to free. */
void annotate_wrong(const struct kmem_cache *cache, const void *address);

#endif
