// SPDX-License-Identifier: MIT
/*
 * Caches of which the thread needed no sheaf lately, as what it had was enough, or it
 * only frees: what lies in its sheaves of them, and in its barn, goes home, and so do
 * the slabs that then are empty. One that is busy on its fast path alone looks the
 * same and is refilled: rarely, as this is done only where memory grows.
 */
#include "slab/gather.h"

#include "buddy/gather.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"
#include "slab/slot_load.h"

#define LATELY	     16	   /* slow operations of the thread, a sheaf's worth each */
#define OBJECTS_MOST 16384 /* at a time: a millisecond or two */

static bool is_idle(const struct thread *thread, const struct shelf *shelf)
{
	return (uint16_t)(thread->passes - shelf->last) >= LATELY;
}

/* Caches whose objects' pages are all touched; their record may be another cache's by now. */
static bool may_be_asked(const struct kmem_cache *cache)
{
	return cache && cache->ops == &slab_ops && !cache->nowait &&
	       cache->pub.slab_pages <= GATHER_PAGES;
}

/* Send home what the thread has of the cache, and of its barn about most; how many objects. */
static size_t gather_cache(struct thread *thread, struct kmem_cache *cache, size_t most)
{
	struct shelf *shelf = thread_shelf(thread, cache->id);
	size_t n = slot_fill(thread_slot(thread, cache->id)) + slot_fill(shelf_spare(shelf));
	struct barn *barns = barns_at(cache, thread->barn);
	uint8_t level = shelf->level;

	thread_flush(thread, cache);
	/* It may still be freed to, in sheaves as large as before. */
	shelf->level = level;
	if (barns)
		n += cache_drain_barn(cache, barn_of_word(barns, thread->barn),
				      most / SHEAF_CAP_MAX + 1);
	slab_retire_but(cache, 0, atomic_load_explicit(&cache->nready, memory_order_relaxed));
	return n;
}

size_t gather_idle(void)
{
	struct thread *thread = thread_known();
	size_t n = 0;

	/* Caches come and go under the lock. */
	if (!thread || !lock_try(&cache_lock, LOCK_CACHES))
		return 0;
	lock_take(&thread->lock, LOCK_THREAD);
	for (unsigned id = thread->used; id && n < OBJECTS_MOST;
	     id = thread_shelf(thread, id)->next)
		if (may_be_asked(cache_of(id)) && is_idle(thread, thread_shelf(thread, id)))
			n += gather_cache(thread, cache_of(id), OBJECTS_MOST - n);
	lock_release(&thread->lock, LOCK_THREAD);
	lock_release(&cache_lock, LOCK_CACHES);
	return n;
}
