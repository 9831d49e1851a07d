// SPDX-License-Identifier: MIT
/* Muted sheaves: see counted.h. */
#include "slab/counted.h"

#include "slab/sheaves.h"
#include "slab/slot.h"
#include "slab/slot_load.h"

#include <string.h>

#define SLOW __attribute__((noinline))

static void mute(struct slot *slot, struct slot held)
{
	__atomic_store_n(&slot->sp, held.sp | sheaf_level(slot_sheaf(&held)), __ATOMIC_RELEASE);
}

void *counted_pop(struct thread *thread, struct kmem_cache *cache)
{
	struct slot *slot = thread_slot(thread, cache->id), held = muted_held(slot);

	if (!slot_has_objects(&held))
		return NULL;
	__atomic_store_n(&slot->sp, slot->sp - sizeof(void *), __ATOMIC_RELAXED);
	shelf_count(&thread_shelf(thread, cache->id)->pub.taken, 1);
	return *(void **)held.sp;
}

/* false: there is no room, or no sheaf. */
static bool push(struct slot *slot, void *object)
{
	struct slot held = muted_held(slot);

	if (!((held.sp + sizeof(void *)) & held.mask))
		return false;
	*((void **)held.sp + 1) = object;
	/* A compiler fence: a fork's child must not see the pointer moved over nothing. */
	atomic_signal_fence(memory_order_release);
	__atomic_store_n(&slot->sp, slot->sp + sizeof(void *), __ATOMIC_RELAXED);
	return true;
}

/* A sheaf as large as the slot has grown to, in place of an empty one. */
static void widen(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
		  struct shelf *shelf)
{
	struct slot held = muted_held(slot);
	struct sheaf *sheaf;

	if (held.mask &&
	    (slot_has_objects(&held) || held.mask >= sheaf_mask(shelf_level(thread, cache, shelf))))
		return;
	sheaf = sheaf_for(thread, cache, shelf);
	if (!sheaf)
		return;
	slot_unload(slot);
	mute(slot, hold_empty(sheaf));
	thread_drop_empty(thread, cache, held);
}

/* Constructors run in here, and may use the cache. */
static SLOW void *from_slabs(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			     struct shelf *shelf)
{
	void *objects[SHEAF_CAP_MAX];
	unsigned level = shelf_level(thread, cache, shelf);
	unsigned n = cache->ops->refill(cache, shelf, objects, sheaf_capacity(level));

	if (thread_at_bound(thread))
		cache->ops->detach(cache, shelf);
	if (!n)
		return NULL;
	shelf->last = (uint16_t)thread->passes;
	shelf_refilled(thread, cache, shelf, level);
	widen(thread, cache, slot, shelf);
	/* So that they pop in order; what finds no room goes home. */
	while (n > 1 && push(slot, objects[n - 1]))
		n--;
	if (n > 1)
		cache->ops->home(cache, objects + 1, n - 1);
	shelf_count(&shelf->pub.taken, 1);
	return objects[0];
}

void *counted_alloc(struct thread *thread, struct kmem_cache *cache)
{
	struct shelf *shelf = thread_shelf(thread, cache->id);
	void *object = counted_pop(thread, cache);

	if (object)
		return object;
	shelf_enlist(thread, shelf, cache->id);
	if (thread_at_bound(thread))
		thread_evict(thread);
	return from_slabs(thread, cache, thread_slot(thread, cache->id), shelf);
}

/* The half of a full sheaf that lay there longest, to the slabs. */
static void spill(struct thread *thread, struct kmem_cache *cache, struct slot *slot)
{
	struct slot held = muted_held(slot);
	struct sheaf *sheaf = slot_sheaf(&held);
	unsigned fill = slot_fill(&held), n = fill - fill / 2;

	slot_unload(slot);
	if (thread_at_bound(thread))
		thread_evict(thread);
	cache->ops->home(cache, sheaf->object, n);
	memmove(sheaf->object, sheaf->object + n, (fill - n) * sizeof(void *));
	held.sp -= n * sizeof(void *);
	mute(slot, held);
}

static SLOW void free_more(struct thread *thread, struct kmem_cache *cache, void *object)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);

	shelf_enlist(thread, shelf, cache->id);
	if (slot->sp)
		spill(thread, cache, slot);
	else
		widen(thread, cache, slot, shelf);
	if (!push(slot, object))
		cache->ops->home(cache, &object, 1);
}

void counted_free(struct thread *thread, struct kmem_cache *cache, void *object)
{
	if (!push(thread_slot(thread, cache->id), object))
		free_more(thread, cache, object);
	shelf_count(&thread_shelf(thread, cache->id)->pub.given, 1);
}
