/* SPDX-License-Identifier: MIT */
/*
 * A thread's own sheaves: the empty ones it keeps for its next trades, what all
 * of them count against thread_cache, how large those of a slot may be, and how
 * they are given up.
 *
 * All of it is for the thread itself, but for flushing, which is also done to
 * others: see thread.h.
 */
#ifndef SLAB_SHEAVES_H
#define SLAB_SHEAVES_H

#include "slab/barn.h"
#include "slab/thread.h"

#define EMPTY_MOST 16u /* sheaves that a thread keeps empty */

/* Too large for sheaves, or they are not wanted. */
static inline bool uncached(const struct kmem_cache *cache)
{
	return cache->direct || cache->gated || !settings.thread_cache;
}

/* Enter the shelf into the list of those in use. */
static inline void shelf_enlist(struct thread *thread, struct shelf *shelf, unsigned id)
{
	if (shelf->used)
		return;
	/* In this order: a fork's child finds a list that ends, whatever it interrupts. */
	shelf->next = (uint16_t)thread->used;
	atomic_signal_fence(memory_order_release);
	thread->used = id;
	atomic_signal_fence(memory_order_release);
	shelf->used = 1;
}

/* The thread has nothing of the cache: it may be destroyed, and its record another's by now. */
static inline bool shelf_bare(const struct slot *slot, struct shelf *shelf)
{
	/* sp: a sheaf may be muted (counted.h). */
	return !slot->sp && !shelf_spare(shelf)->mask && !shelf_slab(shelf);
}

/* Objects that the thread had go home. */
static inline void shelf_send_home(struct kmem_cache *cache, struct shelf *shelf, void **objects,
				   unsigned n)
{
	cache->ops->home(cache, objects, n);
	shelf_count(&shelf->pub.given, n);
}

/* A sheaf comes to, or leaves, the thread: what it could hold counts against thread_cache. */
static inline void thread_charge(struct thread *thread, const struct kmem_cache *cache,
				 uintptr_t mask)
{
	atomic_fetch_add_explicit(&thread->charge, mask / 8 * cache->pub.stride,
				  memory_order_relaxed);
}

static inline void thread_discharge(struct thread *thread, const struct kmem_cache *cache,
				    uintptr_t mask)
{
	atomic_fetch_sub_explicit(&thread->charge, mask / 8 * cache->pub.stride,
				  memory_order_relaxed);
}

/*
 * Empty sheaves between two trades stay with the thread, chained by their first
 * place: the common stack is one cache line for all. A fork in between loses one
 * at most. NULL: there is no memory for one of the level.
 */
static inline struct sheaf *thread_get_empty(struct thread *thread, unsigned level)
{
	struct sheaf *sheaf = thread->empty[level];

	if (!sheaf)
		return sheaf_get(level);
	thread->empty[level] = sheaf->object[0];
	thread->nempty--;
	return sheaf;
}

static inline void thread_keep_empty(struct thread *thread, struct sheaf *sheaf)
{
	struct sheaf **chain = &thread->empty[sheaf_level(sheaf)];

	if (thread->nempty >= EMPTY_MOST) {
		sheaf_put(sheaf);
		return;
	}
	sheaf->object[0] = *chain;
	atomic_signal_fence(memory_order_release);
	*chain = sheaf;
	thread->nempty++;
}

/* An empty sheaf of the cache, for any thread: one whose frees may not wait keeps its own. */
static inline void cache_put_empty(struct kmem_cache *cache, struct sheaf *sheaf)
{
	if (__builtin_expect(cache->nowait, 0))
		barn_put_empty(cache, sheaf);
	else
		sheaf_put(sheaf);
}

/* The same for this thread. */
static inline void cache_keep_empty(struct thread *thread, struct kmem_cache *cache,
				    struct sheaf *sheaf)
{
	if (__builtin_expect(cache->nowait, 0))
		barn_put_empty(cache, sheaf);
	else
		thread_keep_empty(thread, sheaf);
}

/* The thread needs the empty sheaf that was held, if any, no longer. */
void thread_drop_empty(struct thread *thread, struct kmem_cache *cache, struct slot held);

/* The level the slot's sheaves have grown to. */
static inline unsigned shelf_level(const struct thread *thread, const struct kmem_cache *cache,
				   const struct shelf *shelf)
{
	unsigned level = cache->level_first + (thread_at_bound(thread) ? 0u : shelf->level);

	return level < cache->level_max ? level : cache->level_max;
}

/* An empty sheaf as large as the slot has grown to, charged to the thread, or NULL. */
struct sheaf *sheaf_for(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf);

/* After a free found no empty sheaf in a cache that keeps its own: make it one of the level. */
void cache_make_empty(struct kmem_cache *cache, unsigned level);

/* Sheaves of this level were refilled once more: it may have earned larger ones. */
void shelf_refilled(const struct thread *thread, const struct kmem_cache *cache,
		    struct shelf *shelf, unsigned level);
/* Slot and spare change places again and again: larger sheaves, while they stay small. */
void shelf_swapped_often(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			 struct shelf *shelf);

/* Empty the thread's slot and shelf of one cache, under its lock; of all, which takes it. */
void thread_flush(struct thread *thread, struct kmem_cache *cache);
void thread_flush_all(struct thread *thread);

#endif
