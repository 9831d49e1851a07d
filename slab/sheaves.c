// SPDX-License-Identifier: MIT
/* A thread's own sheaves: see sheaves.h. */
#include "slab/sheaves.h"

#include "slab/counted.h"
#include "slab/slot.h"
#include "slab/slot_load.h"

#include <string.h>

void thread_drop_empty(struct thread *thread, struct kmem_cache *cache, struct slot held)
{
	if (!held.mask)
		return;
	thread_discharge(thread, cache, held.mask);
	cache_keep_empty(thread, cache, slot_sheaf(&held));
}

static void put_empties(struct thread *thread)
{
	for (unsigned level = 0; level < SHEAF_LEVELS; level++)
		while (thread->empty[level])
			sheaf_put(thread_get_empty(thread, level));
	/* A fork may have come between a sheaf and its count. */
	thread->nempty = 0;
}

struct sheaf *sheaf_for(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf)
{
	unsigned level = shelf_level(thread, cache, shelf);
	struct sheaf *sheaf = cache->nowait ? barn_take_empty(cache, level) : NULL;

	/* A block this large is let in while there is room for any. */
	if (!sheaf && (cache->pub.stride <= SHEAF_OBJECT_MOST || !thread_at_bound(thread)))
		sheaf = thread_get_empty(thread, level);
	if (sheaf)
		thread_charge(thread, cache, sheaf_mask(sheaf_level(sheaf)));
	return sheaf;
}

void cache_make_empty(struct kmem_cache *cache, unsigned level)
{
	struct sheaf *sheaf;

	if (!atomic_load_explicit(&cache->short_of_empty, memory_order_relaxed) ||
	    (!barns_of(cache) && !barns_make(cache)))
		return;
	sheaf = sheaf_get(level);
	if (!sheaf)
		return;
	barn_put_empty(cache, sheaf);
	atomic_store_explicit(&cache->short_of_empty, false, memory_order_relaxed);
}

/*
 * A sheaf of the next level is earned by refills: by one, if it is small, by one
 * for each 32 KiB if it is large, and the cache is behind an eighth of what is
 * slow in the thread.
 */
void shelf_refilled(const struct thread *thread, const struct kmem_cache *cache,
		    struct shelf *shelf, unsigned level)
{
	size_t nbytes = (size_t)sheaf_capacity(level + 1) * cache->pub.stride;
	uint16_t passes = (uint16_t)(thread->passes - shelf->since);

	if (level >= cache->level_max || thread_at_bound(thread) ||
	    ++shelf->refills < nbytes / SHEAF_BYTES_FIRST)
		return;
	if (nbytes <= SHEAF_BYTES_FIRST || passes / 8 <= shelf->refills)
		shelf->level++;
	shelf->refills = 0;
	shelf->since = (uint16_t)thread->passes;
}

/* The slot's sheaf for one of the size that its slot has grown to, with all objects in it. */
static void widen(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
		  struct shelf *shelf)
{
	struct sheaf *sheaf;
	struct slot held, wide;
	size_t nbytes;

	if (!slot->mask || slot->mask / 8 >= sheaf_capacity(shelf_level(thread, cache, shelf)))
		return;
	sheaf = sheaf_for(thread, cache, shelf);
	if (!sheaf)
		return;
	held = slot_unload(slot);
	nbytes = held.sp & held.mask;
	memcpy(sheaf->object, slot_sheaf(&held)->object, nbytes);
	wide = hold_empty(sheaf);
	wide.sp += nbytes;
	slot_load(slot, wide);
	thread_drop_empty(thread, cache, held);
}

void slot_widen(struct kmem_cache *cache, size_t nobjects)
{
	struct thread *thread = thread_known();
	struct shelf *shelf;

	if (!thread || uncached(cache))
		return;
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	if (thread_at_bound(thread))
		return;
	for (unsigned level = shelf_level(thread, cache, shelf);
	     level < cache->level_max && sheaf_capacity(level) < 2 * nobjects; level++)
		shelf->level++;
	widen(thread, cache, thread_slot(thread, cache->id), shelf);
}

void slot_missed(struct kmem_cache *cache)
{
	struct thread *thread = thread_known();
	struct slot *slot;
	struct shelf *shelf;

	if (!thread || uncached(cache))
		return;
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	if (!slot->mask || slot->mask >= sheaf_mask(cache->level_max))
		return;
	shelf_refilled(thread, cache, shelf, shelf_level(thread, cache, shelf));
	widen(thread, cache, slot, shelf);
}

void shelf_swapped_often(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			 struct shelf *shelf)
{
	unsigned next = shelf_level(thread, cache, shelf) + 1;

	if (thread_at_bound(thread))
		return;
	if (next <= cache->level_max &&
	    (size_t)sheaf_capacity(next) * cache->pub.stride <= SHEAF_BYTES_FIRST &&
	    shelf_spare(shelf)->mask / 8 >= sheaf_capacity(next - 1))
		shelf->level++;
	widen(thread, cache, slot, shelf);
}

static void flush(struct thread *thread, struct kmem_cache *cache, struct slot *slot)
{
	struct slot held = slot_unload(slot);

	if (!held.mask)
		held = muted_held(&held);
	if (!held.mask)
		return;
	if (slot_has_objects(&held) && cache->muted)
		cache->ops->home(cache, slot_sheaf(&held)->object, slot_fill(&held));
	else if (slot_has_objects(&held))
		shelf_send_home(cache, thread_shelf(thread, cache->id), slot_sheaf(&held)->object,
				slot_fill(&held));
	thread_discharge(thread, cache, held.mask);
	/* Not kept for the thread: this may be done to another, which is at work on its chains. */
	cache_put_empty(cache, slot_sheaf(&held));
}

void thread_flush(struct thread *thread, struct kmem_cache *cache)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);

	shelf_begin_small(shelf);
	if (shelf_bare(slot, shelf))
		return;
	flush(thread, cache, slot);
	flush(thread, cache, shelf_spare(shelf));
	cache->ops->detach(cache, shelf);
}

void thread_flush_all(struct thread *thread)
{
	lock_take(&thread->lock, LOCK_THREAD);
	thread->hand = 0;
	while (thread->used) {
		unsigned id = thread->used;
		struct shelf *shelf = thread_shelf(thread, id);
		struct kmem_cache *cache = cache_of(id);

		thread->used = shelf->next;
		thread_flush(thread, cache);
		cache_change_begin(cache);
		cache_count(cache, shelf->pub.taken, shelf->pub.given, shelf->pub.lent);
		shelf_clear_counts(shelf);
		shelf->used = 0;
		cache_change_end(cache);
	}
	put_empties(thread);
	lock_release(&thread->lock, LOCK_THREAD);
}
