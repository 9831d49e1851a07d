/* SPDX-License-Identifier: MIT */
/*
 * A lock of four bytes that sleeps: free 0, held 1, held and waited for 2
 * (U. Drepper, "Futexes Are Tricky", mutex2). A holder that is not running is
 * waited for asleep, never by spinning.
 *
 * Lock order: a thread may take a lock only of a higher rank than those it
 * holds. Debug builds assert it.
 */
#ifndef BUDDY_LOCK_H
#define BUDDY_LOCK_H

#include "buddy/report.h"
#include "buddy/sys.h"

#include <errno.h>
#include <stdatomic.h>

enum lock_rank {
	LOCK_GROW,    /* lib: who brings a private heap its next span; held over system calls */
	LOCK_INIT,    /* lib: start-up */
	LOCK_RECLAIM, /* slab: giving back pages inside slabs, against destroy and fork */
	LOCK_CACHES,  /* slab: create and destroy */
	LOCK_THREADS, /* slab: the list of thread records */
	LOCK_THREAD,  /* slab: one thread's slots against others who empty them */
	LOCK_CACHE,   /* slab: one cache's lists of slabs */
	LOCK_HEAPS,   /* lib: the list of heaps */
	LOCK_HEAP,    /* lib: one heap */
	LOCK_PAGES,   /* buddy: zones, free pages */
	LOCK_META,    /* buddy: memory for records */
	LOCK_GUARD,   /* slab: which guarded pages are free: nothing is taken under it */
	LOCK_RANKS
};

struct lock {
	_Atomic uint32_t word;
};

#if KMEM_DEBUG
extern __thread unsigned lock_held __attribute__((tls_model("initial-exec")));

static inline void lock_note(enum lock_rank rank, bool taken)
{
	if (taken)
		ASSERT(lock_held >> rank == 0);
	else
		ASSERT(lock_held >> rank & 1);
	lock_held ^= 1u << rank;
}

static inline bool lock_none_held(void)
{
	return !lock_held;
}
#else
static inline void lock_note(enum lock_rank rank, bool taken)
{
	(void)rank;
	(void)taken;
}

static inline bool lock_none_held(void)
{
	return true; /* nobody knows */
}
#endif

/*
 * The thread that forks, while it holds all locks, by the address of its errno:
 * it may take and release each again, as other fork handlers of the program may
 * allocate. NULL at other times.
 */
extern const void *_Atomic lock_forking;

static inline bool lock_is_ours(void)
{
	const void *forking = atomic_load_explicit(&lock_forking, memory_order_relaxed);

	return __builtin_expect(forking != NULL, 0) && forking == &errno;
}

void lock_wait(struct lock *lock);

/* Free to held; false: it is not free. */
static inline bool lock_word_take(struct lock *lock)
{
	uint32_t free = 0;

	if (!sys_alone())
		/* acquire: pairs with the release in lock_word_release */
		return atomic_compare_exchange_strong_explicit(
			&lock->word, &free, 1, memory_order_acquire, memory_order_relaxed);
	if (atomic_load_explicit(&lock->word, memory_order_relaxed))
		return false;
	atomic_store_explicit(&lock->word, 1, memory_order_relaxed);
	return true;
}

/* To free; is it waited for? */
static inline bool lock_word_release(struct lock *lock)
{
	if (!sys_alone())
		/* release: pairs with the acquire in lock_word_take and lock_wait */
		return atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2;
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
	return false;
}

static inline bool lock_try(struct lock *lock, enum lock_rank rank)
{
	if (lock_is_ours())
		return true;
	if (!lock_word_take(lock))
		return false;
	lock_note(rank, true);
	return true;
}

static inline void lock_take(struct lock *lock, enum lock_rank rank)
{
	if (lock_try(lock, rank))
		return;
	lock_wait(lock);
	lock_note(rank, true);
}

static inline void lock_release(struct lock *lock, enum lock_rank rank)
{
	if (lock_is_ours())
		return;
	lock_note(rank, false);
	if (lock_word_release(lock))
		sys_futex_wake((uint32_t *)&lock->word);
}

/* In the child of a fork: whoever held it is gone. */
static inline void lock_reset(struct lock *lock)
{
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
}

#endif
