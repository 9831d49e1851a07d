/* SPDX-License-Identifier: MIT */
/*
 * A recorded process (the option record) takes the slow path for every operation, with no test for
 * it on the fast one: between operations a thread's slots are in the *shade*, that is, thread_slots
 * leads to zeros, where each slot is empty and full at once. The slow path lifts the shade, does
 * the operation as in any process, fast path first, and lets it down again.
 *
 * While the shade is lifted, what constructors and callbacks allocate is as fast as ever, and not
 * recorded.
 */
#ifndef SLAB_SHADE_H
#define SLAB_SHADE_H

#include "slab/cache.h"
#include "slab/thread.h"

/* What the recorder, a layer above, does for an operation on a cache, and when a thread ends. */
struct shade_hooks {
	void *(*alloc)(struct kmem_cache *cache, gfp_t flags);
	void (*free)(struct kmem_cache *cache, void *object);
	void (*end)(void);
};

#pragma GCC visibility push(hidden)
extern const struct shade_hooks *shade_hooks; /* set at start, or never: NULL */
extern __thread bool shade_is_lifted __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

/* Is this operation one to record? */
static inline bool shaded(void)
{
	return __builtin_expect(shade_hooks != NULL, 0) && !shade_is_lifted;
}

void shade_lift(void);
void shade_drop(void);

/* This thread's record, in the shade or not; NULL: it has none. */
struct thread *thread_mine(void);

#endif
