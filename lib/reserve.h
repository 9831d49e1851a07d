/* SPDX-License-Identifier: MIT */
/*
 * A pool's reserve: places for elements, each a word that is an element or NULL, filled
 * and emptied by single atomic operations. So nobody waits for a thread that stopped
 * midway, no element is ever in nobody's hands, and no link has to lie inside one.
 *
 *	part[0]: 16 places | part[1]: 32 | part[2]: 64 | …    made as the reserve grows
 *	| e | e | e | e | NULL | NULL | … |
 *	              ^ count: where a free place is looked for first, an element below
 *
 * A look at all places may miss an element that is put behind it while another is taken
 * before it. The counts of takes and puts tell: a look that finds nothing was whole
 * only if none came meanwhile. What is put or taken but not yet counted is not yet done.
 *
 * Invariants:
 *  R1  count is at most the number of elements in places, and equal at rest: it is lowered
 *      before one is taken, and raised after one is put. So count >= least means full
 *  R2  at rest there is no element in a place from least on
 */
#ifndef LIB_RESERVE_H
#define LIB_RESERVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RESERVE_PART  16u /* places of the first part, each next one has twice as many */
#define RESERVE_PARTS 28u

typedef void *_Atomic place_t;

struct reserve {
	_Atomic uint32_t least; /* elements it is to have, and places in use */
	_Atomic int32_t count;
	_Atomic uint32_t puts, takes; /* so many, modulo 2^32 */
	place_t *_Atomic part[RESERVE_PARTS];
};

/* Make sure of n places. 0 or -ENOMEM. */
int reserve_grow(struct reserve *reserve, uint32_t n);
/* Free the places, which are empty. */
void reserve_free(struct reserve *reserve);

/* NULL: it is kept; else there is no room for what is returned, the element or another. */
void *reserve_put(struct reserve *reserve, void *element);
/* NULL: it is empty. */
void *reserve_take(struct reserve *reserve);
/* Take what is in one place, in use or not. */
void *reserve_take_at(struct reserve *reserve, uint32_t place);

/* NULL, or the first broken invariant; exact only while nobody uses it. */
const char *reserve_check(struct reserve *reserve);

/* It has all it is to have. */
static inline bool reserve_is_full(const struct reserve *reserve)
{
	/* seq_cst: see reserve.c */
	return atomic_load_explicit(&reserve->count, memory_order_seq_cst) >=
	       (int32_t)atomic_load_explicit(&reserve->least, memory_order_seq_cst);
}

#endif
