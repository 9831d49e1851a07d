// SPDX-License-Identifier: MIT
/* The three fork handlers: see fork.h. */
#include "lib/fork.h"

#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/run.h"
#include "buddy/settings.h"
#include "buddy/sys.h"
#include "lib/debug_block.h"
#include "lib/heaps.h"
#include "lib/private_heap.h"
#include "lib/record.h"
#include "lib/shrinker.h"
#include "lib/start.h"
#include "slab/ask.h"
#include "slab/background.h"
#include "slab/damaged.h"
#include "slab/guard.h"
#include "slab/limit.h"
#include "slab/reclaim.h"
#include "slab/slab.h"
#include "slab/thread.h"

#include <errno.h>
#include <pthread.h>

_Atomic bool fork_registered;

/* Locks of one rank are taken by none but fork, which holds all above them. */
static void quiet_take(struct lock *lock)
{
	uint32_t free = 0;

	if (!atomic_compare_exchange_strong_explicit(&lock->word, &free, 1, memory_order_acquire,
						     memory_order_relaxed))
		lock_wait(lock);
}

static void quiet_release(struct lock *lock)
{
	if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		sys_futex_wake((uint32_t *)&lock->word);
}

/* A heap of one thread has none. The list is held still, or nobody else is there. */
static void each_heap_lock(void (*act)(struct lock *))
{
	for_each_heap (heap)
		if (heap_has_lock(heap))
			act(&heap->lock);
}

/* Every lock, in lock order. */
static void each_lock(void (*act)(struct lock *))
{
	start_lock_visit(act);
	act(&reclaim_lock);
	act(&cache_lock);
	act(&threads_lock);
	for_each_thread (thread)
		act(&thread->lock);
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id))
			act(&cache_of(id)->lock);
	/* The list's goes last where heaps could otherwise leave it meanwhile. */
	if (act != quiet_release)
		act(&heaps_lock);
	each_heap_lock(act);
	if (act == quiet_release)
		act(&heaps_lock);
	act(&debug_block_lock);
	act(&buddy_lock);
	act(&meta_lock);
	act(&guard_lock);
}

static void before(void)
{
	each_lock(quiet_take);
	atomic_store_explicit(&lock_forking, &errno, memory_order_relaxed);
}

static void in_parent(void)
{
	atomic_store_explicit(&lock_forking, NULL, memory_order_relaxed);
	each_lock(quiet_release);
}

static void in_child(void)
{
	atomic_store_explicit(&lock_forking, NULL, memory_order_relaxed);
	each_lock(lock_reset);
	private_heaps_after_fork();
	runs_after_fork();
	threads_after_fork();
	limits_after_fork();
	damaged_after_fork();
	background_after_fork();
	ask_after_fork();
	guard_after_fork();
	shrinkers_after_fork();
	record_after_fork();
	if (settings.ptracer_any)
		sys_ptracer(true);
}

void fork_register(void)
{
	if (!atomic_exchange_explicit(&fork_registered, true, memory_order_relaxed))
		pthread_atfork(before, in_parent, in_child);
}

void fork_register_if_threaded(void)
{
	if (!sys_alone())
		fork_register();
}
