/* SPDX-License-Identifier: MIT */
/* Pages inside slabs that hold free objects only, back to the system. */
#ifndef SLAB_RECLAIM_H
#define SLAB_RECLAIM_H

#include "buddy/lock.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Held by who has slabs in hand to give back their pages, system calls included:
 * nobody who allocates or frees waits for it, only destroy, trim and fork.
 */
extern struct lock reclaim_lock;

/* All there are, in all caches; the number of pages given back. */
size_t reclaim_trim(void);
/* In passing, unless somebody is at it: about most that the last calls saw dead for age_ms. */
/* A walk that finds none puts the next one off, by the number of slabs it looked at. */
size_t reclaim_age(uint32_t age_ms, size_t most);
/* In passing, of any age; what it cost, in caches and slabs looked at: a relief_hook. */
size_t reclaim_relief(void);

#endif
