/* SPDX-License-Identifier: MIT */
/*
 * The pool of guarded objects, and what is known of each. Apart from the pages, so that
 * nothing a program writes reaches it.
 *
 *	page:	0      1       2      3       4  …
 *		none   object  none   object  none
 *		       0              1
 *
 * State: who changes it from LIVE by compare and swap gives the object back, alone; so of two
 * frees one is reported. What is in other states is its holder's. A handler of signals looks on
 * at any moment, under any lock: so what it reads is atomic, names end, and it takes none.
 *
 *	IDLE, FREED, OPEN -- in the line of free ones --> TAKEN --> LIVE --> TAKEN --> FREED
 *	                                                             |         ^         |
 *	                                            by a sheaf       +-> LEFT -+         +-> OPEN
 */
#ifndef SLAB_GUARD_POOL_H
#define SLAB_GUARD_POOL_H

#include "slab/guard.h"
#include "slab/track.h"

#include <stdatomic.h>

enum guard_state {
	GUARD_IDLE,  /* never used */
	GUARD_TAKEN, /* in the hands of who allocates or frees it */
	GUARD_LIVE,
	GUARD_LEFT, /* came home out of a sheaf; its free is to be finished */
	GUARD_FREED,
	GUARD_OPEN, /* freed, and accessible since a report after which the program goes on */
};

struct guarded {
	_Atomic uint32_t state;
	_Atomic uint32_t nbytes;
	_Atomic uintptr_t object;
	struct kmem_cache *_Atomic cache; /* NULL: destroyed since */
	_Atomic uintptr_t opened;	  /* a page beside it, accessible since a report; 0: none */
	_Atomic uint32_t stack;		  /* of who allocated it */
	_Atomic bool retried;		  /* an access to it faulted though it is live */
	bool left;			  /* at the left edge; the holder's */
	uint32_t next;			  /* in the line; guarded by guard_lock */
	struct track tracks[2];		  /* allocated, freed; the holder's, read by reports */
	char name[KMEM_CACHE_NAME_MAX + 1]; /* of the cache; ends at any moment */
};

enum { GUARD_ALLOCATED, GUARD_RELEASED };

struct guard_pool {
	uintptr_t base;
	size_t nbytes;
	size_t unit; /* the system's page */
	uint32_t nobjects;
	struct guarded *objects;
};

#pragma GCC visibility push(hidden)
/* Written once, before guard_ready() is true. */
extern struct guard_pool guard_pool;
extern _Atomic uint32_t guard_made;
#pragma GCC visibility pop

enum { POOL_NONE, POOL_MAKING, POOL_MADE, POOL_REFUSED };

static inline bool guard_ready(void)
{
	/* acquire: the pool; pairs with pool_make */
	return atomic_load_explicit(&guard_made, memory_order_acquire) == POOL_MADE;
}

static inline uintptr_t guarded_page(const struct guarded *guarded)
{
	return guard_pool.base + ((size_t)(guarded - guard_pool.objects) * 2 + 1) * guard_pool.unit;
}

/* The one whose page an address of the pool is on; NULL: it is between two. */
static inline struct guarded *guarded_at(uintptr_t addr)
{
	size_t page = (addr - guard_pool.base) / guard_pool.unit;

	return page % 2 ? &guard_pool.objects[page / 2] : NULL;
}

static inline enum guard_state guarded_state(const struct guarded *guarded)
{
	/* acquire: what its last holder wrote; pairs with guarded_set */
	return (enum guard_state)atomic_load_explicit(&guarded->state, memory_order_acquire);
}

static inline void guarded_set(struct guarded *guarded, enum guard_state state)
{
	/* release: all of it; pairs with guarded_state and guarded_claim */
	atomic_store_explicit(&guarded->state, state, memory_order_release);
}

/* From one state to another, for one caller only. */
static inline bool guarded_claim(struct guarded *guarded, enum guard_state from,
				 enum guard_state to)
{
	uint32_t seen = from;

	return atomic_compare_exchange_strong_explicit(&guarded->state, &seen, to,
						       memory_order_acq_rel, memory_order_relaxed);
}

/* The pool, made by the first who needs it; false: not yet, or it cannot be had. No lock is held.
 */
bool pool_ready(void);
/* The one that has been free for longest, and a random number; NULL: none. */
struct guarded *pool_take(uint32_t *random);
/* Back as the last, or as the next to be taken. */
void pool_give(struct guarded *guarded);
void pool_give_back(struct guarded *guarded);
/* Objects taken. */
uint32_t pool_taken(void);

#endif
