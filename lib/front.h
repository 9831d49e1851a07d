/* SPDX-License-Identifier: MIT */
/*
 * The facade's heaps: a few, chosen by processor; a thread that finds one busy
 * takes the next. In front of them sheaves hold what a thread freed last.
 */
#ifndef LIB_FRONT_H
#define LIB_FRONT_H

#include "lib/heap.h"

#define FRONT_HEAPS 4u

/* nbytes above SMALL_MAX up to HEAP_MAX. */
void *front_alloc(size_t nbytes);
void *front_aligned(size_t nbytes, size_t align);
/* addr is on a page of a heap. */
void front_free(void *addr);

/* The i-th heap; NULL past the last of those made so far. */
struct heap *front_heap(unsigned i);
/* Over all heaps. */
size_t front_purge(uint32_t age_ms);

#endif
