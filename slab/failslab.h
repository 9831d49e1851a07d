/* SPDX-License-Identifier: MIT */
/*
 * Requests that are made to fail: the contract is that of kmem/fault.h.
 *
 * A request is asked about once. Who tries several times asks before the first, and marks
 * its tries with GFP_ONCE; a gated cache's own slow path (limit.c) asks for all others.
 */
#ifndef SLAB_FAILSLAB_H
#define SLAB_FAILSLAB_H

#include <kmem/cache.h>
#include <kmem/fault.h>
#include <stdatomic.h>

#pragma GCC visibility push(hidden)
extern _Atomic unsigned failslab_ppm;
#pragma GCC visibility pop

static inline bool failslab_is_on(void)
{
	return atomic_load_explicit(&failslab_ppm, memory_order_relaxed) != 0;
}

bool failslab_decide(const char *name, slab_flags_t flags_of_cache, size_t nbytes, gfp_t flags);

/* Is the request to fail, of a cache with the name and flags? Under no lock. */
static inline bool failslab_strikes(const char *name, slab_flags_t flags_of_cache, size_t nbytes,
				    gfp_t flags)
{
	return failslab_is_on() && failslab_decide(name, flags_of_cache, nbytes, flags);
}

/* Can requests of any cache fail, so that each new one is to be gated? */
bool failslab_is_for_all(void);

#endif
