/* SPDX-License-Identifier: MIT */
/*
 * Before a slab takes clean pages those above are asked for dirty ones that lie
 * idle with them: memory that a phase of the program has left, and the next one can
 * have. A height of the resident size (relief.h) would be noticed too late, when
 * the pages are touched, and each round of phases would have to exceed the last.
 *
 * It costs to send objects home and to take them out again. Where that brought too
 * little, clean pages are taken for a while first.
 */
#ifndef BUDDY_GATHER_H
#define BUDDY_GATHER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Pages of slabs that are asked for so. Larger ones have objects of more than a page,
 * that come to be touched one by one: there clean pages cost nothing before.
 */
#define GATHER_PAGES 16u

/* Sends home what is idle, no lock being held; the number of objects. */
extern size_t (*gather_hook)(void);

#pragma GCC visibility push(hidden)
/* Clean pages that may be taken before it is done again. */
extern _Atomic long gather_rest;
#pragma GCC visibility pop

/* Is it to be done before clean pages are taken for a slab? */
static inline bool gather_due(size_t npages)
{
	return npages <= GATHER_PAGES &&
	       atomic_load_explicit(&gather_rest, memory_order_relaxed) <= 0;
}

/* So many clean pages were taken. */
static inline void gather_taken(size_t npages)
{
	atomic_fetch_sub_explicit(&gather_rest, (long)npages, memory_order_relaxed);
}

/* Do it for a request of so many pages; no lock may be held. */
void gather(size_t npages);

#endif
