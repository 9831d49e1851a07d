/* SPDX-License-Identifier: MIT */
/*
 * malloc's requests that fail on purpose (slab/failslab.h). Of which it may be is settled at
 * start-up, and no fast path looks at it: sheaves of these classes and bins stay empty.
 */
#ifndef LIB_FAILSLAB_H
#define LIB_FAILSLAB_H

#include <kmem/gfp.h>
#include <stdbool.h>
#include <stddef.h>

#pragma GCC visibility push(hidden)
/* Blocks that are of no class are all runs of pages, and never in sheaves; set at start-up. */
extern bool runs_only;
#pragma GCC visibility pop

/* By the settings; before there are blocks. */
void failslab_start(void);

/*
 * Is a request, of who then tries several times, made to fail (slab/failslab.h)? With errno. The
 * second is for blocks that are of no class, whatever their size.
 */
bool facade_fails(size_t nbytes, gfp_t flags);
bool large_fails(size_t nbytes, gfp_t flags);

#endif
