// SPDX-License-Identifier: MIT
/*
 * The slow paths behind slot_pop and slot_push, stage by stage:
 *
 *	alloc: spare sheaf | a full one from the barn | refill from slabs
 *	free:  spare sheaf | a full one to the barn   | its objects home to their slabs
 *
 * A sheaf is at any instant in one place: a slot, a shelf, a barn, or this
 * function's hands. It leaves one before it enters the next, so that a fork in
 * between can lose it but never double it.
 */
#include "buddy/sys.h"
#include "slab/barn.h"
#include "slab/slab.h"
#include "slab/slot.h"
#include "slab/slot_run.h"

#include <errno.h>
#include <string.h>

#define EMPTY_MOST 16u /* sheaves that a thread keeps empty */
#define SWAPS_EARN 32u /* swaps of slot and spare, or trades, that earn a larger sheaf */

#define SLOW __attribute__((noinline))

static inline struct sheaf *slot_sheaf(const struct slot *slot)
{
	return (struct sheaf *)(slot->sp & ~slot->mask);
}

static inline bool slot_has_objects(const struct slot *slot)
{
	return slot->sp & slot->mask;
}

/* Take what the slot holds out of it. */
static inline struct slot slot_unload(struct slot *slot)
{
	struct slot held = *slot;

	__atomic_store_n(&slot->mask, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->sp, 0, __ATOMIC_RELEASE);
	return held;
}

static inline void slot_load(struct slot *slot, struct slot held)
{
	__atomic_store_n(&slot->sp, held.sp, __ATOMIC_RELEASE);
	/* release: an inspector, or a fork's child, sees mask only with its sp */
	__atomic_store_n(&slot->mask, held.mask, __ATOMIC_RELEASE);
}

static inline void slot_swap(struct slot *one, struct slot *other)
{
	struct slot held = slot_unload(one);

	slot_load(one, slot_unload(other));
	slot_load(other, held);
}

/* What a slot holds with a sheaf that is empty, or full. */
static inline struct slot hold_empty(struct sheaf *sheaf)
{
	return (struct slot){(uintptr_t)sheaf, sheaf_mask(sheaf_level(sheaf))};
}

static inline struct slot hold_full(struct sheaf *sheaf)
{
	uintptr_t mask = sheaf_mask(sheaf_level(sheaf));

	return (struct slot){(uintptr_t)sheaf | mask, mask};
}

/*
 * Empty sheaves between two trades stay with the thread, chained by their first
 * place: the common stack is one cache line for all. A fork in between loses one
 * at most.
 */
static void keep_empty(struct thread *thread, struct sheaf *sheaf)
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

static struct sheaf *get_empty(struct thread *thread, unsigned level)
{
	struct sheaf *sheaf = thread->empty[level];

	if (!sheaf)
		return sheaf_get(level);
	thread->empty[level] = sheaf->object[0];
	thread->nempty--;
	return sheaf;
}

static void put_empties(struct thread *thread)
{
	for (unsigned level = 0; level < SHEAF_LEVELS; level++)
		while (thread->empty[level])
			sheaf_put(get_empty(thread, level));
	thread->nempty = 0;
}

/* A sheaf comes to, or leaves, the thread: what it could hold counts against thread_cache. */
static void charge(struct thread *thread, const struct kmem_cache *cache, uintptr_t mask)
{
	atomic_fetch_add_explicit(&thread->charge, mask / 8 * cache->pub.stride,
				  memory_order_relaxed);
}

static void discharge(struct thread *thread, const struct kmem_cache *cache, uintptr_t mask)
{
	atomic_fetch_sub_explicit(&thread->charge, mask / 8 * cache->pub.stride,
				  memory_order_relaxed);
}

/* The objects of what was held go home. */
static void send_home(struct kmem_cache *cache, struct shelf *shelf, struct slot held)
{
	unsigned fill = slot_fill(&held);

	if (!fill)
		return;
	cache->ops->home(cache, slot_sheaf(&held)->object, fill);
	shelf_count(&shelf->pub.given, fill);
}

/* Enter the shelf into the list of those in use. */
static void shelf_enlist(struct thread *thread, struct shelf *shelf, unsigned id)
{
	if (shelf->used)
		return;
	/* In this order: a fork's child finds a list that ends, whatever it interrupts. */
	shelf->next = thread->used;
	atomic_signal_fence(memory_order_release);
	thread->used = id;
	atomic_signal_fence(memory_order_release);
	shelf->used = 1;
}

/* The level the slot's sheaves have grown to. */
static unsigned level_for(const struct thread *thread, const struct kmem_cache *cache,
			  const struct shelf *shelf)
{
	unsigned level = cache->level_first + (thread_at_bound(thread) ? 0u : shelf->level);

	return level < cache->level_max ? level : cache->level_max;
}

/* An empty sheaf as large as the slot has grown to, or NULL. */
static struct sheaf *sheaf_for(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf)
{
	struct sheaf *sheaf = NULL;

	/* A block this large is let in while there is room for any. */
	if (cache->pub.stride <= SHEAF_OBJECT_MOST || !thread_at_bound(thread))
		sheaf = get_empty(thread, level_for(thread, cache, shelf));
	if (sheaf)
		charge(thread, cache, sheaf_mask(sheaf_level(sheaf)));
	return sheaf;
}

/* The thread needs the empty sheaf that was held no longer. */
static void drop_empty(struct thread *thread, struct kmem_cache *cache, struct slot held)
{
	if (!held.mask)
		return;
	discharge(thread, cache, held.mask);
	keep_empty(thread, slot_sheaf(&held));
}

/* A sheaf from the barn for the empty one, which becomes the spare if there is none. */
static inline void load_full(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			     struct shelf *shelf, struct sheaf *sheaf)
{
	struct slot full = hold_full(sheaf), empty = slot_unload(slot);

	shelf_enlist(thread, shelf, cache->id);
	shelf_count(&shelf->pub.lent, 0 - full.mask / 8);
	shelf->moves++;
	slot_load(slot, full);
	if (shelf_spare(shelf)->mask && empty.mask == full.mask) {
		keep_empty(thread, slot_sheaf(&empty));
		return;
	}
	charge(thread, cache, full.mask);
	if (shelf_spare(shelf)->mask || cache->no_spare)
		drop_empty(thread, cache, empty);
	else
		slot_load(shelf_spare(shelf), empty);
}

/* Put objects[1 … n) into the slot so that they pop in order; what does not fit goes home. */
static void stock(struct thread *thread, struct kmem_cache *cache, void **objects, unsigned n)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);
	struct sheaf *sheaf;
	unsigned room, rest;

	/* A constructor may have used the cache meanwhile: then it is what it is. */
	if (!slot_has_objects(slot) && slot->mask / 8 < n)
		drop_empty(thread, cache, slot_unload(slot));
	if (!slot->mask) {
		sheaf = sheaf_for(thread, cache, shelf);
		if (sheaf)
			slot_load(slot, hold_empty(sheaf));
	}
	room = (unsigned)(~slot->sp & slot->mask) / sizeof(void *);
	rest = n - 1 > room ? n - 1 - room : 0;
	slot_push_run(slot, objects + 1 + rest, n - 1 - rest);
	if (rest > 0) {
		cache->ops->home(cache, objects + 1, rest);
		shelf_count(&shelf->pub.given, rest);
	}
}

/*
 * A sheaf of the level instead of the last is earned by refills: by one, if it is
 * small, by one for each 32 KiB if it is large, and the cache is behind an eighth
 * of what is slow in the thread.
 */
static void grow(const struct thread *thread, const struct kmem_cache *cache, struct shelf *shelf,
		 unsigned level)
{
	size_t nbytes = (size_t)sheaf_capacity(level) * cache->pub.stride;
	uint16_t passes = (uint16_t)((uint16_t)thread->passes - shelf->since);

	if (++shelf->refills < nbytes >> 15)
		return;
	if (nbytes <= SHEAF_BYTES_FIRST || passes / 8 <= shelf->refills)
		shelf->level++;
	shelf->refills = 0;
	shelf->since = (uint16_t)thread->passes;
}

static void *alloc_from_slabs(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf)
{
	void *objects[SHEAF_CAP_MAX];
	unsigned level = level_for(thread, cache, shelf);
	unsigned n = cache->ops->refill(cache, shelf, objects, sheaf_capacity(level));

	/* Of so many caches it may not keep a slab each: others can use the rest. */
	if (thread_at_bound(thread))
		cache->ops->detach(cache, shelf);
	if (!n)
		return NULL;
	shelf_count(&shelf->pub.taken, n);
	shelf->moves++;
	if (level < cache->level_max && !thread_at_bound(thread))
		grow(thread, cache, shelf, level + 1);
	if (n > 1)
		stock(thread, cache, objects, n);
	return objects[0];
}

/* Too large for sheaves, or they are not wanted. */
static bool uncached(const struct kmem_cache *cache)
{
	return cache->direct || !settings.thread_cache;
}

/* One object straight from a slab. */
static void *alloc_uncached(struct kmem_cache *cache)
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

static void free_uncached(struct kmem_cache *cache, void *object)
{
	cache->ops->home(cache, &object, 1);
	cache_count(cache, 0, 1, 0);
}

/* The slot's sheaf for one of the size that its slot has grown to, with all objects in it. */
static void widen(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
		  struct shelf *shelf)
{
	struct sheaf *sheaf;
	struct slot held, wide;

	if (!slot->mask || slot->mask / 8 >= sheaf_capacity(level_for(thread, cache, shelf)))
		return;
	sheaf = sheaf_for(thread, cache, shelf);
	if (!sheaf)
		return;
	held = slot_unload(slot);
	wide = hold_empty(sheaf);
	memcpy(sheaf->object, slot_sheaf(&held)->object, slot_fill(&held) * sizeof(void *));
	wide.sp += held.sp & held.mask;
	slot_load(slot, wide);
	drop_empty(thread, cache, held);
}

void slot_widen(struct kmem_cache *cache, size_t nobjects)
{
	struct thread *thread = thread_known();
	struct shelf *shelf;

	if (!thread || uncached(cache))
		return;
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	while (!thread_at_bound(thread) && level_for(thread, cache, shelf) < cache->level_max &&
	       sheaf_capacity(level_for(thread, cache, shelf)) < 2 * nobjects)
		shelf->level++;
	widen(thread, cache, thread_slot(thread, cache->id), shelf);
}

/* Slot and spare change places again and again: larger sheaves, while they stay small. */
static SLOW void swapped_often(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			       struct shelf *shelf)
{
	unsigned next = level_for(thread, cache, shelf) + 1;

	if (thread_at_bound(thread))
		return;
	if (next <= cache->level_max &&
	    (size_t)sheaf_capacity(next) * cache->pub.stride <= SHEAF_BYTES_FIRST &&
	    shelf_spare(shelf)->mask / 8 >= sheaf_capacity(next - 1))
		shelf->level++;
	widen(thread, cache, slot, shelf);
}

static inline void swap(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			struct shelf *shelf)
{
	slot_swap(slot, shelf_spare(shelf));
	if (++shelf->moves % SWAPS_EARN == 0)
		swapped_often(thread, cache, slot, shelf);
}

/* Neither slot nor shelf nor barn has any. NULL with ENOMEM. */
static SLOW void *alloc_more(struct thread *thread, struct kmem_cache *cache)
{
	struct shelf *shelf;
	void *object;

	if (!thread && thread_attach())
		return slot_alloc_slow(cache, GFP_KERNEL);
	if (thread && !uncached(cache)) {
		shelf = thread_shelf(thread, cache->id);
		shelf_enlist(thread, shelf, cache->id);
		if (thread_at_bound(thread))
			thread_evict(thread);
		object = alloc_from_slabs(thread, cache, shelf);
	} else {
		object = alloc_uncached(cache);
	}
	if (!object)
		errno = ENOMEM;
	return object;
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
		if (flags & __GFP_DIRECT_RECLAIM)
			thread_pass(thread);
		if (slot_has_objects(spare) && flags & __GFP_DIRECT_RECLAIM)
			swap(thread, cache, slot, shelf);
		else if (slot_has_objects(spare))
			slot_swap(slot, spare);
		else if ((sheaf = barn_take(cache, thread->number)))
			load_full(thread, cache, slot, shelf, sheaf);
		if (slot_pop(slot, &object))
			return object;
	}
	if (flags & __GFP_DIRECT_RECLAIM)
		return alloc_more(thread, cache);
	errno = EAGAIN;
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
	unsigned rest = slot_has_objects(shelf_spare(shelf)) ? 0 : fill / 2;

	shelf->moves++;
	if (thread_at_bound(thread))
		thread_evict(thread);
	cache->ops->home(cache, sheaf->object, fill - rest);
	shelf_count(&shelf->pub.given, fill - rest);
	memmove(sheaf->object, sheaf->object + fill - rest, rest * sizeof(void *));
	full.sp -= (fill - rest) * sizeof(void *);
	slot_load(slot, full);
}

static void free_one(struct kmem_cache *cache, struct shelf *shelf, void *object)
{
	cache->ops->home(cache, &object, 1);
	shelf_count(&shelf->pub.given, 1);
}

/* The slot has no sheaf, or may have another, or there is no room for what it has. */
static SLOW void free_more(struct thread *thread, struct kmem_cache *cache, void *object)
{
	struct shelf *shelf;
	struct slot *slot;

	if (!thread)
		thread = thread_attach();
	if (!thread || uncached(cache)) {
		free_uncached(cache, object);
		return;
	}
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	if (!shelf->used && cache->pub.stride % 64 != 0) {
		/*
		 * Given to it by another thread, next to what that one uses: it is not
		 * for this one to have next, or both would write in one cache line.
		 */
		shelf_enlist(thread, shelf, cache->id);
		free_one(cache, shelf, object);
		return;
	}
	shelf_enlist(thread, shelf, cache->id);
	if (!slot->mask ||
	    (!shelf_spare(shelf)->mask && !cache->no_spare && !thread_at_bound(thread)))
		free_to_new(thread, cache, slot, shelf);
	else
		free_to_slabs(thread, cache, slot, shelf);
	/* No memory for a sheaf? */
	if (!slot_push(slot, object))
		free_one(cache, shelf, object);
}

/* The slot's full sheaf to the barn for an empty one, if there is a full spare as well. */
static inline void free_to_barn(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
				struct shelf *shelf)
{
	struct slot full = *slot;
	struct sheaf *sheaf = slot_sheaf(&full);
	struct sheaf *empty = get_empty(thread, sheaf_level(sheaf));

	if (!empty)
		return;
	slot_unload(slot);
	if (!barn_give(cache, sheaf, thread->number)) {
		slot_load(slot, full);
		keep_empty(thread, empty);
		return;
	}
	shelf_count(&shelf->pub.lent, full.mask / 8);
	shelf->moves++;
	slot_load(slot, hold_empty(empty));
}

void slot_free_slow(struct kmem_cache *cache, void *object)
{
	struct thread *thread = thread_known();

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
	}
	free_more(thread, cache, object);
}

static void flush(struct thread *thread, struct kmem_cache *cache, struct slot *slot)
{
	struct slot held = slot_unload(slot);

	send_home(cache, thread_shelf(thread, cache->id), held);
	if (!held.mask)
		return;
	discharge(thread, cache, held.mask);
	sheaf_put(slot_sheaf(&held));
}

void thread_flush(struct thread *thread, struct kmem_cache *cache)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);

	shelf->level = 0;
	/* Nothing of it here: it may be destroyed, and its record another's by now. */
	if (!slot->mask && !shelf_spare(shelf)->mask && !shelf_slab(shelf))
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
