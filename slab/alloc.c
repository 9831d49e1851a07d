// SPDX-License-Identifier: MIT
/*
 * The slow paths behind slot_pop and slot_push, stage by stage:
 *
 *	alloc: spare sheaf | a full one from the barn | refill from slabs
 *	free:  spare sheaf | a full one to the barn   | its objects home to their slabs
 *
 * With GFP_NOWAIT an allocation ends before the slabs: what they have may be pages
 * not touched yet, or objects not constructed. A free to a SLAB_NOWAIT cache goes
 * through the same stages with the empty sheaves that there are, and home without
 * the cache's lock (slab.h).
 *
 * A sheaf is at any instant in one place: a slot, a shelf, a barn, or this
 * function's hands. It leaves one before it enters the next, so that a fork in
 * between can lose it but never double it.
 */
#include "buddy/shortage.h"
#include "slab/barn.h"
#include "slab/cache_place.h"
#include "slab/counted.h"
#include "slab/damaged.h"
#include "slab/debug.h"
#include "slab/free_nowait.h"
#include "slab/guard.h"
#include "slab/hardened.h"
#include "slab/limit.h"
#include "slab/shade.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"
#include "slab/slot_load.h"
#include "slab/slot_run.h"

#include <errno.h>
#include <string.h>

#define SWAPS_EARN 32u /* swaps of slot and spare, or trades, that earn a larger sheaf */

#define SLOW __attribute__((noinline))

static inline void swap(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			struct shelf *shelf)
{
	slot_swap(slot, shelf_spare(shelf));
	if (++shelf->swaps % SWAPS_EARN == 0)
		shelf_swapped_often(thread, cache, slot, shelf);
}

/* A sheaf from the barn for the empty one, which becomes the spare if there is none. */
static inline void load_full(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			     struct shelf *shelf, struct sheaf *sheaf)
{
	struct slot full = hold_full(sheaf), empty = slot_unload(slot);

	shelf_enlist(thread, shelf, cache->id);
	shelf_count(&shelf->pub.lent, 0 - full.mask / 8);
	shelf->last = (uint16_t)thread->passes;
	slot_load(slot, full);
	if (shelf_spare(shelf)->mask && empty.mask == full.mask) {
		cache_keep_empty(thread, cache, slot_sheaf(&empty));
		return;
	}
	thread_charge(thread, cache, full.mask);
	if (shelf_spare(shelf)->mask || cache->no_spare)
		thread_drop_empty(thread, cache, empty);
	else
		slot_load(shelf_spare(shelf), empty);
}

/* Put the objects into the slot so that they pop in order; what does not fit goes home. */
static void stock(struct thread *thread, struct kmem_cache *cache, void **objects, unsigned n)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);
	struct sheaf *sheaf;
	unsigned room, rest;

	/* A constructor may have used the cache meanwhile: then it is what it is. */
	if (!slot_has_objects(slot) && slot->mask / 8 <= n)
		thread_drop_empty(thread, cache, slot_unload(slot));
	if (!slot->mask) {
		sheaf = sheaf_for(thread, cache, shelf);
		if (sheaf)
			slot_load(slot, hold_empty(sheaf));
	}
	room = (unsigned)(~slot->sp & slot->mask) / sizeof(void *);
	rest = n > room ? n - room : 0;
	slot_push_run(slot, objects + rest, n - rest);
	if (rest > 0)
		shelf_send_home(cache, shelf, objects, rest);
}

static void *alloc_from_slabs(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf)
{
	void *objects[SHEAF_CAP_MAX];
	unsigned level = shelf_level(thread, cache, shelf);
	unsigned n = cache->ops->refill(cache, shelf, objects, sheaf_capacity(level));

	/* Of so many caches it may not keep a slab each: others can use the rest. */
	if (thread_at_bound(thread))
		cache->ops->detach(cache, shelf);
	if (!n)
		return NULL;
	shelf_count(&shelf->pub.taken, n);
	shelf->last = (uint16_t)thread->passes;
	shelf_refilled(thread, cache, shelf, level);
	if (cache->nowait)
		cache_make_empty(cache, level);
	if (n > 1)
		stock(thread, cache, objects + 1, n - 1);
	return objects[0];
}

void *alloc_uncached(struct kmem_cache *cache)
{
	struct shelf shelf = {.next = 0};
	void *object;
	unsigned n = cache->ops->refill(cache, &shelf, &object, 1);

	cache->ops->detach(cache, &shelf);
	if (!n)
		return NULL;
	cache_count(cache, 1, 0, 0);
	return object;
}

static SLOW void *alloc_limited(struct kmem_cache *cache, gfp_t flags)
{
	void *object;

	return limit_alloc(cache, flags, 1, &object) ? object : NULL;
}

/* There is no memory, unless others can do without some. NULL with ENOMEM. */
static SLOW void *alloc_short(struct kmem_cache *cache, gfp_t flags)
{
	struct shortage shortage = {
		.nbytes = cache->pub.object_size, .npages = cache->pub.slab_pages, .flags = flags};
	void *object = NULL;

	while (!object && shortage_again(&shortage))
		if (!slot_pop(slot_of(cache), &object))
			object = slot_alloc_slow(cache, flags | GFP_ONCE);
	if (!object)
		errno = ENOMEM;
	return object;
}

/* Neither slot nor shelf nor barn has any. NULL with ENOMEM. */
static SLOW void *alloc_more(struct thread *thread, struct kmem_cache *cache, gfp_t flags)
{
	struct shelf *shelf;
	void *object;

	if (!thread && thread_attach())
		return slot_alloc_slow(cache, flags);
	if (thread && !uncached(cache)) {
		shelf = thread_shelf(thread, cache->id);
		shelf_enlist(thread, shelf, cache->id);
		if (thread_at_bound(thread))
			thread_evict(thread);
		object = alloc_from_slabs(thread, cache, shelf);
	} else if (cache->gated) {
		return alloc_limited(cache, flags);
	} else if (thread && may_mute(cache)) {
		object = counted_alloc(thread, cache);
	} else {
		object = alloc_uncached(cache);
	}
	return object ? object : alloc_short(cache, flags);
}

void *slot_alloc_slow(struct kmem_cache *cache, gfp_t flags)
{
	struct thread *thread = thread_known();
	struct slot *slot, *spare;
	struct shelf *shelf;
	struct sheaf *sheaf;
	void *object;

	if (__builtin_expect(thread != NULL, 1)) {
		slot = thread_slot(thread, cache->id);
		shelf = thread_shelf(thread, cache->id);
		spare = shelf_spare(shelf);
		if (flags & __GFP_DIRECT_RECLAIM && thread_pass(thread)) {
			object = guard_alloc(cache);
			if (object)
				return object;
		}
		if (slot_has_objects(spare) && flags & __GFP_DIRECT_RECLAIM)
			swap(thread, cache, slot, shelf);
		else if (slot_has_objects(spare))
			slot_swap(slot, spare); /* a larger sheaf may take a system call */
		else if ((sheaf = barn_take(cache, thread->barn)) ||
			 (!(flags & __GFP_DIRECT_RECLAIM) && (sheaf = barn_take_far(cache))))
			load_full(thread, cache, slot, shelf, sheaf);
		if (slot_pop(slot, &object))
			return object;
	} else if (shaded()) {
		return shade_hooks->alloc(cache, flags);
	}
	if (flags & __GFP_DIRECT_RECLAIM)
		return alloc_more(thread, cache, flags);
	if (cache->gated)
		return alloc_limited(cache, flags);
	if (thread && cache->muted && (object = counted_pop(thread, cache)))
		return object;
	shortage_no_wait(flags, "kmem_cache_alloc");
	return NULL;
}

/* An empty sheaf into the slot; the full one that was there becomes the spare. */
static void free_to_new(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			struct shelf *shelf)
{
	struct sheaf *sheaf = sheaf_for(thread, cache, shelf);
	struct slot full;

	if (!sheaf)
		return;
	full = slot_unload(slot);
	slot_load(slot, hold_empty(sheaf));
	if (full.mask)
		slot_load(shelf_spare(shelf), full);
}

/*
 * Objects of a full sheaf go home: all, if there is a full spare as well, else the
 * half that lay there longest, so that neither a malloc nor a free is slow next.
 */
static void free_to_slabs(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			  struct shelf *shelf)
{
	struct slot full = slot_unload(slot);
	struct sheaf *sheaf = slot_sheaf(&full);
	unsigned fill = slot_fill(&full);
	unsigned rest = slot_has_objects(shelf_spare(shelf)) ? 0 : fill / 2, n = fill - rest;

	if (thread_at_bound(thread))
		thread_evict(thread);
	shelf_send_home(cache, shelf, sheaf->object, n);
	memmove(sheaf->object, sheaf->object + n, rest * sizeof(void *));
	full.sp -= n * sizeof(void *);
	slot_load(slot, full);
}

void slot_spill(struct kmem_cache *cache)
{
	struct thread *thread = thread_known();

	free_to_slabs(thread, cache, thread_slot(thread, cache->id),
		      thread_shelf(thread, cache->id));
}

void free_uncached(struct kmem_cache *cache, void *object)
{
	struct thread *thread;

	/* A bulk free has looked at nothing. */
	if ((cache->gated || cache->muted) && pagemap_id(object) != cache->id) {
		object_free_elsewhere(cache, object);
		return;
	}
	thread = thread_known();
	if (thread && may_mute(cache)) {
		counted_free(thread, cache, object);
		return;
	}
	if (cache->debug.flags && !debug_free(cache, object))
		return;
	if (cache->hardened && !hardened_free(cache, &object)) {
		/* None: it waits in quarantine. */
		if (!object)
			cache_count(cache, 0, 1, 0);
		return;
	}
	cache->ops->home(cache, &object, 1);
	cache_count(cache, 0, 1, 0);
	if (cache->debug.flags && !cache->nowait)
		damaged_pass();
}

/* The slot has no sheaf, or may have another, or there is no room for what it has. */
static SLOW void free_more(struct thread *thread, struct kmem_cache *cache, void *object)
{
	struct shelf *shelf;
	struct slot *slot;
	bool given;

	if (!thread)
		thread = thread_attach();
	if (!thread || uncached(cache)) {
		free_uncached(cache, object);
		return;
	}
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	given = !shelf->used && cache->pub.stride % 64 != 0;
	shelf_enlist(thread, shelf, cache->id);
	if (given) {
		/*
		 * By another thread, next to what that one uses: it is not for this one
		 * to have next, or both would write in one cache line.
		 */
		shelf_send_home(cache, shelf, &object, 1);
		return;
	}
	if (!slot->mask ||
	    (!shelf_spare(shelf)->mask && !cache->no_spare && !thread_at_bound(thread)))
		free_to_new(thread, cache, slot, shelf);
	else
		free_to_slabs(thread, cache, slot, shelf);
	/* No memory for a sheaf? */
	if (!slot_push(slot, object))
		shelf_send_home(cache, shelf, &object, 1);
}

/* The slot's full sheaf to the barn for the empty one of its level; how many objects are lent. */
static inline __attribute__((always_inline)) size_t trade_full(struct thread *thread,
							       struct barn *barn, struct slot *slot,
							       struct slot full,
							       struct sheaf *empty)
{
	slot_unload(slot);
	if (!barn_offer(barn, slot_sheaf(&full))) {
		slot_load(slot, full);
		thread_keep_empty(thread, empty);
		return 0;
	}
	slot_load(slot, (struct slot){(uintptr_t)empty, full.mask});
	return full.mask / 8;
}

/*
 * The same for a cache without barns; and on a machine of several nodes, where it is to the
 * thread's node's, and what is of others goes home.
 */
static SLOW size_t trade_elsewhere(struct thread *thread, struct kmem_cache *cache,
				   struct slot *slot, struct shelf *shelf, struct sheaf *empty)
{
	struct barn *barns = NULL;

	if (thread->barn < BARN_ELSEWHERE || !slot_send_strangers(thread, cache, slot, shelf))
		barns = barns_make_at(cache, thread->barn);
	if (barns)
		return trade_full(thread, barn_of_word(barns, thread->barn), slot, *slot, empty);
	thread_keep_empty(thread, empty);
	return 0;
}

/* For a full slot whose spare is full. */
static inline void free_to_barn(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
				struct shelf *shelf)
{
	struct slot full = *slot;
	struct sheaf *empty = thread_get_empty(thread, sheaf_level(slot_sheaf(&full)));
	struct barn *barns;
	size_t nlent;
	uint32_t word;

	if (!empty)
		return;
	barns = barns_of(cache);
	word = thread->barn;
	if (__builtin_expect(!barns || word >= BARN_ELSEWHERE, 0))
		nlent = trade_elsewhere(thread, cache, slot, shelf, empty);
	else
		nlent = trade_full(thread, (struct barn *)((char *)barns + word), slot, full,
				   empty);
	shelf_count(&shelf->pub.lent, nlent);
}

void slot_free_slow(struct kmem_cache *cache, void *object)
{
	struct thread *thread = thread_known();

	if (__builtin_expect(cache->nowait, 0)) {
		free_nowait(thread, cache, object);
		return;
	}
	if (__builtin_expect(thread != NULL, 1)) {
		struct slot *slot = thread_slot(thread, cache->id);
		struct shelf *shelf = thread_shelf(thread, cache->id);
		struct slot *spare = shelf_spare(shelf);

		thread_pass(thread);
		if (slot->mask && (slot_has_objects(spare) || cache->no_spare))
			free_to_barn(thread, cache, slot, shelf);
		else if (spare->mask)
			swap(thread, cache, slot, shelf);
		if (slot_push(slot, object))
			return;
	} else if (shaded()) {
		shade_hooks->free(cache, object);
		return;
	}
	free_more(thread, cache, object);
	if (__builtin_expect(cache->dtor != NULL, 0)) {
		slab_destruct_surplus(cache);
		guard_settle(cache);
	}
}
