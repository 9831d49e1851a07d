/* SPDX-License-Identifier: MIT */
/*
 * The fast path: pop and push on the sheaf loaded in a slot. No lock, no call,
 * no length, no touch of the object. Everything else is one cold call away.
 */
#ifndef SLAB_SLOT_H
#define SLAB_SLOT_H

#include "slab/cache.h"
#include "slab/thread.h"

/* This thread's slot of a cache. */
static inline struct slot *slot_of(const struct kmem_cache *cache)
{
	return (struct slot *)((char *)thread_slots + cache->slot);
}

/*
 * The object on top; false: the slot is empty. The owner alone writes, so it
 * reads plainly; it writes atomically for those who look on.
 */
static inline __attribute__((always_inline)) bool slot_pop(struct slot *slot, void **object)
{
	uintptr_t sp = slot->sp;

	if (__builtin_expect(arch_disjoint(&slot->mask, sp), 0))
		return false;
	arch_subtract(&slot->sp, sizeof(void *));
	*object = *(void **)sp;
	return true;
}

/* false: the slot is full. */
static inline __attribute__((always_inline)) bool slot_push(struct slot *slot, void *object)
{
	uintptr_t sp = slot->sp + sizeof(void *);

	if (__builtin_expect(arch_disjoint(&slot->mask, sp), 0))
		return false;
	*(void **)sp = object;
	/* A compiler fence: a fork's child must not see the pointer moved over nothing. */
	atomic_signal_fence(memory_order_release);
	__atomic_store_n(&slot->sp, sp, __ATOMIC_RELAXED);
	return true;
}

/* The slow paths behind them, in stages: see alloc.c. NULL: ENOMEM, EAGAIN if it may not wait. */
void *slot_alloc_slow(struct kmem_cache *cache, gfp_t flags) __attribute__((noinline));
void slot_free_slow(struct kmem_cache *cache, void *object) __attribute__((noinline));
/* An object straight from a slab, past sheaves and barn; NULL: no memory. */
void *alloc_uncached(struct kmem_cache *cache);

/* The thread's sheaf of a cache without spare was found empty: it may have earned a larger one. */
void slot_missed(struct kmem_cache *cache);
/* The older half of the thread's sheaf of such a cache, which is full, goes home. */
void slot_spill(struct kmem_cache *cache);
/* Let the thread's sheaf of the cache be one that holds two bulks of nobjects, if there may be. */
void slot_widen(struct kmem_cache *cache, size_t nobjects);

/*
 * What a thread does now and then on a slow path: send home what lies idle in
 * its sheaves; and, one thread for all, age the barns and purge free pages. true: an
 * allocation may be due to be guarded (guard.h).
 */
bool thread_pass_slow(struct thread *thread);
#define PASSES 16 /* slow operations to a look at the clock */

#pragma GCC visibility push(hidden)
extern _Atomic uint32_t trim_epoch; /* counts what threads were asked */
#pragma GCC visibility pop

static inline bool thread_pass(struct thread *thread)
{
	/* The clock is in a part of the C library that small programs never touch. */
	if (++thread->passes % PASSES == 0 ||
	    thread->epoch != atomic_load_explicit(&trim_epoch, memory_order_relaxed))
		return thread_pass_slow(thread);
	return false;
}

/* The cache whose page the address is on, or that has it on a guarded one; NULL: none. */
struct kmem_cache *object_cache(const void *object);
/* Report an address that is freed to a cache it is not of; NULL is none. */
void object_wrong(const struct kmem_cache *cache, const void *object);
/* An address on none of the cache's pages is freed to it: it is guarded, or wrong. */
void object_free_elsewhere(struct kmem_cache *cache, void *object) __attribute__((noinline));

/* Let it look at the clock the next time. */
static inline void thread_pass_soon(struct thread *thread)
{
	thread->passes |= PASSES - 1;
}

/* The same on the slow paths of other layers, where the thread may have no record. */
void decay_pass(void);
/* What is done in passing for the process, all that is due, by a thread for it; pages given back.
 */
size_t decay_process(void);
/* At its bound of cached bytes: flush the next slot that was idle since it was last looked at. */
void thread_evict(struct thread *thread);
/* Ask all threads to flush the cache at their next slow pass. */
void threads_ask_trim(struct kmem_cache *cache);
/* The same for all caches; SLAB_NOWAIT ones, which are to be ready, only if it says so. */
void threads_ask_trim_all(bool ready);
/* A layer above that has memory to age sets this: gives back about most pages; how many. */
extern size_t (*decay_hook)(uint32_t age_ms, size_t most);

#endif
