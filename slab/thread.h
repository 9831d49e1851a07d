/* SPDX-License-Identifier: MIT */
/*
 * A thread's record: one slot for each cache id, on which the fast path works,
 * and beside it a shelf with what only the slow path needs.
 *
 *	  shelf[n] … shelf[1] shelf[0] | struct thread | slot[0] slot[1] … slot[n]
 *	<- reserved for 65,536         in one page     ^ thread_slots (TLS)    reserved ->
 *
 * One range, committed from the middle outward as ids come into use, so that
 * any id found in the page map has a readable slot in every thread. A thread
 * without a record points at zeros: each of its slots is empty and full at once.
 *
 * Slots and shelves are the thread's own; others only read them. Exceptions,
 * under the record's lock: kmem_cache_destroy (whose cache nobody uses) and the
 * child of a fork (where no other thread lives).
 *
 * Records are never unmapped; those of threads that exited wait for new ones.
 */
#ifndef SLAB_THREAD_H
#define SLAB_THREAD_H

#include "buddy/lock.h"
#include "buddy/pagemap.h"
#include "buddy/place.h"
#include "buddy/settings.h"
#include "slab/sheaf.h"

#include <kmem/inspect.h>
#include <stdbool.h>

struct stack_memo;

struct slot {
	uintptr_t sp;
	uintptr_t mask; /* 0: no sheaf, or a muted one (counted.h) */
};

struct shelf {
	struct kmem_root_shelf pub;
	uint16_t seen_sp;   /* at the last pass, its low bits: whether the slot is idle */
	uint16_t seen_last; /* the same */
	uint16_t last;	    /* of thread.passes, low bits, when a sheaf last came full */
	uint8_t used;	    /* is in the thread's list */
	uint8_t level;	    /* of the next sheaf */
	uint16_t refills;   /* since a larger sheaf was last thought of … */
	uint16_t since;	    /* … when thread.passes had these low bits */
	uint16_t swaps;	    /* of slot and spare, modulo 2^16 */
	uint16_t next;	    /* id of the next used shelf */
};

struct thread {
	struct kmem_root_thread pub;
	struct lock lock;
	uint32_t used; /* id of the first used shelf; 0: none */
	uint32_t pass_ms;
	uint32_t epoch;
	_Atomic size_t charge;	  /* bytes all its sheaves could hold */
	struct thread *next_idle; /* guarded by the threads lock */
	uint32_t max_ids;	  /* reserved; fewer than ID_LIMIT if so much was refused */
	uint32_t hand;	 /* id of the next shelf to look at when at the bound; 0: the first */
	uint32_t passes; /* slow operations, modulo 2^32 */
	uint32_t number; /* of the record, counted from 0 */
	uint32_t nempty; /* sheaves in empty[] */
	struct sheaf *empty[SHEAF_LEVELS]; /* a few for its next trades, chained by object[0] */
	uint32_t look_ms;	   /* when it last looked whether an allocation is to be guarded */
	struct stack_memo *stacks; /* that it allocated or freed in; NULL: none */
	struct place_walk *wish;   /* where its next objects are to be from; NULL: by policy */
	uint32_t barn;		   /* which is its own: a word of barn.h */
	uint32_t unused[3];
};

_Static_assert(sizeof(struct slot) == sizeof(struct kmem_root_slot), "as published");
_Static_assert(sizeof(struct shelf) == 64, "a cache line");
_Static_assert(sizeof(struct thread) % 64 == 0, "slots begin on a cache line");
_Static_assert((ID_LIMIT + 2) * sizeof(struct slot) <= ZEROS_BYTES, "zeros cover");

#pragma GCC visibility push(hidden)
extern __thread struct slot *thread_slots __attribute__((tls_model("initial-exec")));
extern struct lock threads_lock;
#pragma GCC visibility pop

static inline struct shelf *thread_shelf(struct thread *thread, unsigned id)
{
	return (struct shelf *)thread - 1 - id;
}

static inline struct slot *thread_slot(struct thread *thread, unsigned id)
{
	return (struct slot *)(thread + 1) + id;
}

/* For those who look on: mask first, then an sp that belongs to it or is gone again. */
static inline unsigned slot_fill(const struct slot *slot)
{
	uintptr_t mask = __atomic_load_n(&slot->mask, __ATOMIC_ACQUIRE);

	return (unsigned)(__atomic_load_n(&slot->sp, __ATOMIC_RELAXED) & mask) / sizeof(void *);
}

static inline struct slab *shelf_slab(const struct shelf *shelf)
{
	return (struct slab *)__atomic_load_n(&shelf->pub.slab, __ATOMIC_RELAXED);
}

static inline void shelf_set_slab(struct shelf *shelf, struct slab *slab)
{
	__atomic_store_n(&shelf->pub.slab, (uintptr_t)slab, __ATOMIC_RELAXED);
}

/* The place of the second sheaf, like the slot, but full or empty. */
static inline struct slot *shelf_spare(struct shelf *shelf)
{
	return (struct slot *)&shelf->pub.spare;
}

static inline void shelf_count(uint64_t *count, uint64_t add)
{
	__atomic_store_n(count, *count + add, __ATOMIC_RELAXED);
}

/* The thread's sheaves could hold as much as they may: none grows, no spare is added. */
static inline bool thread_at_bound(const struct thread *thread)
{
	return atomic_load_explicit(&thread->charge, memory_order_relaxed) >= settings.thread_cache;
}

/* The counts start anew; those who look on see each of them whole. */
static inline void shelf_clear_counts(struct shelf *shelf)
{
	__atomic_store_n(&shelf->pub.taken, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&shelf->pub.given, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&shelf->pub.lent, 0, __ATOMIC_RELAXED);
}

/* Sheaves begin small again. What nobody wrote to costs no page. */
static inline void shelf_begin_small(struct shelf *shelf)
{
	if (shelf->level)
		shelf->level = 0;
}

/* What a thread without a record sees: it is new, or past its end. And one in the shade (shade.h).
 */
#define SLOTS_FRESH  ((struct slot *)pagemap.zeros)
#define SLOTS_EXITED ((struct slot *)pagemap.zeros + 1)
#define SLOTS_SHADED ((struct slot *)pagemap.zeros + 2)

/* This thread's record; NULL: it has none. */
static inline struct thread *thread_known(void)
{
	struct slot *slots = thread_slots;

	/* One test for all three, which lie side by side. */
	if ((uintptr_t)slots - (uintptr_t)SLOTS_FRESH <= 2 * sizeof(struct slot))
		return NULL;
	return (struct thread *)slots - 1;
}

/* A record for this thread; NULL: it is past its end, or there is no memory. */
struct thread *thread_attach(void);

static inline struct thread *thread_self(void)
{
	struct thread *thread = thread_known();

	return __builtin_expect(thread != NULL, 1) ? thread : thread_attach();
}

/* Give everything home and the record back: at exit. */
void thread_detach(struct thread *thread);
/* First of all records ever made, linked by pub.next. */
struct thread *thread_first(void);
struct thread *thread_next(const struct thread *thread);
/* Make every thread's slots up to id readable. 0 or -ENOMEM. */
int threads_commit(unsigned id);
/* In the child of a fork: hand home what the vanished threads held. */
void threads_after_fork(void);

#define for_each_thread(t) for (struct thread *t = thread_first(); t; t = thread_next(t))

#endif
