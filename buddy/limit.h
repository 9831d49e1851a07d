/* SPDX-License-Identifier: MIT */
/*
 * The limit of the process (kmem/limits.h): what counts is what may be resident,
 *
 *	zones: pages in use, dirty, or in hand to be given back; their descriptors and ids
 *	mappings of their own, records (kmem/inspect.h: mapped_bytes, meta_bytes)
 *	threads' slots and shelves, the library's own code and data: limit_tables, LIMIT_OWN
 *
 * Nothing is counted twice, once for the limit: a check adds it up, under the page lock, and
 * what it lets through is counted before the lock is released. So the sum never passes the
 * limit, whoever else is at it. Where there is no limit that costs a load and a compare.
 */
#ifndef BUDDY_LIMIT_H
#define BUDDY_LIMIT_H

#include "buddy/root.h"

#include <kmem/gfp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Code, static data and the page map's root, as far as they come to be touched. */
#define LIMIT_OWN ((size_t)512 << 10)

#pragma GCC visibility push(hidden)
extern uint64_t limit_tables; /* bytes that no other count has; may be less than 0 for a moment */
#pragma GCC visibility pop

/* 0: none; set and read relaxed. It stands in the root, for all to see. */
static inline size_t limit_get(void)
{
	return __atomic_load_n(&root_record.limit_bytes, __ATOMIC_RELAXED);
}

/* Under the page lock: is there room for so much more? If not, this thread is known to be refused.
 */
bool limit_fits_locked(size_t nbytes);
/* The same, taking the lock. */
bool limit_fits(size_t nbytes);
/* Add to a count, if there is room; the page lock is not held. */
bool limit_reserve(uint64_t *count, size_t nbytes);
/* What it counted has gone. */
void limit_return(uint64_t *count, size_t nbytes);

/* Around what asks limit_fits_locked but takes no page lock itself, where there is a limit. */
bool limit_enter(void);
void limit_leave(bool entered);

/* Has a limit refused this thread something since it forgot? It does before each try. */
bool limit_has_refused(void);
void limit_forget(void);
/* A request has failed; if the limit refused it, count it, and tell whoever is to be told. */
void limit_refused(size_t nbytes, gfp_t flags);
/* A request for more than the limit is refused without a try. */
bool limit_exceeds(size_t nbytes);

#endif
