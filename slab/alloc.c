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

#define LEVEL_FIRST 3u /* fifteen objects */

/* Take the sheaf out of the slot, its head made up; NULL if there is none. */
static struct sheaf *slot_unload(struct slot *slot)
{
	uintptr_t mask = slot->mask, sp = slot->sp;
	struct sheaf *sheaf = (struct sheaf *)(sp & ~mask);

	if (!mask)
		return NULL;
	__atomic_store_n(&slot->mask, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->sp, 0, __ATOMIC_RELEASE);
	sheaf_set(sheaf, sheaf_level_of_mask(mask), (unsigned)(sp & mask) / 8);
	return sheaf;
}

static void slot_load(struct slot *slot, struct sheaf *sheaf)
{
	uintptr_t sp = (uintptr_t)sheaf + sheaf_fill(sheaf) * sizeof(void *);

	__atomic_store_n(&slot->sp, sp, __ATOMIC_RELAXED);
	/* release: an inspector, or a fork's child, sees mask only with its sp */
	__atomic_store_n(&slot->mask, sheaf_mask(sheaf_level(sheaf)), __ATOMIC_RELEASE);
}

static size_t sheaf_bytes(const struct kmem_cache *cache, const struct sheaf *sheaf)
{
	return (size_t)sheaf_capacity(sheaf_level(sheaf)) * cache->pub.stride;
}

/* A sheaf comes to, or leaves, the thread: what it could hold counts against thread_cache. */
static void charge(struct thread *thread, const struct kmem_cache *cache, const struct sheaf *sheaf)
{
	atomic_fetch_add_explicit(&thread->charge, sheaf_bytes(cache, sheaf), memory_order_relaxed);
}

static void discharge(struct thread *thread, const struct kmem_cache *cache,
		      const struct sheaf *sheaf)
{
	atomic_fetch_sub_explicit(&thread->charge, sheaf_bytes(cache, sheaf), memory_order_relaxed);
}

/* The objects of a sheaf that is in nobody's slot go home; the sheaf is empty then. */
static void sheaf_home(struct kmem_cache *cache, struct shelf *shelf, struct sheaf *sheaf)
{
	unsigned fill = sheaf_fill(sheaf);

	sheaf_set(sheaf, sheaf_level(sheaf), 0);
	if (!fill)
		return;
	cache->ops->home(cache, sheaf->object, fill);
	if (shelf)
		shelf_count(&shelf->pub.given, fill);
	else
		cache_count(cache, 0, fill);
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
	unsigned level = thread_at_bound(thread) ? LEVEL_FIRST : LEVEL_FIRST + shelf->level;

	return level < cache->level_max ? level : cache->level_max;
}

/* An empty sheaf as large as the slot has grown to, or NULL. */
static struct sheaf *sheaf_for(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf)
{
	struct sheaf *sheaf = NULL;

	/* A block this large is let in while there is room for any. */
	if (cache->pub.stride <= SHEAF_BYTES || !thread_at_bound(thread))
		sheaf = sheaf_get(level_for(thread, cache, shelf));

	if (sheaf)
		charge(thread, cache, sheaf);
	return sheaf;
}

static void sheaf_drop(struct thread *thread, struct kmem_cache *cache, struct sheaf *sheaf)
{
	if (!sheaf)
		return;
	discharge(thread, cache, sheaf);
	sheaf_put(sheaf);
}

/* The thread has one sheaf for another: what it could hold changes if their levels differ. */
static void recharge(struct thread *thread, const struct kmem_cache *cache,
		     const struct sheaf *gone, const struct sheaf *come)
{
	if (sheaf_level(gone) != sheaf_level(come)) {
		discharge(thread, cache, gone);
		charge(thread, cache, come);
	}
}

static bool alloc_from_spare(struct slot *slot, struct shelf *shelf)
{
	struct sheaf *spare = shelf_spare(shelf);
	struct sheaf *empty;

	if (!spare || !sheaf_fill(spare))
		return false;
	shelf_set_spare(shelf, NULL);
	empty = slot_unload(slot);
	slot_load(slot, spare);
	shelf_set_spare(shelf, empty);
	return true;
}

/* A full sheaf for the empty one, which becomes the spare if there is none. */
static bool alloc_from_barn(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			    struct shelf *shelf)
{
	struct sheaf *full = barn_take(cache, thread->number), *empty;

	if (!full)
		return false;
	shelf_count(&shelf->pub.traded, sheaf_fill(full));
	empty = slot_unload(slot);
	slot_load(slot, full);
	if (empty && shelf_spare(shelf)) {
		recharge(thread, cache, empty, full);
		sheaf_put(empty);
	} else {
		charge(thread, cache, full);
		if (empty)
			shelf_set_spare(shelf, empty);
	}
	return true;
}

/* Put objects[1 … n) into the slot so that they pop in order; what does not fit goes home. */
static void stock(struct thread *thread, struct kmem_cache *cache, void **objects, unsigned n)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);
	struct sheaf *sheaf = slot_unload(slot);

	if (sheaf && sheaf_capacity(sheaf_level(sheaf)) < n && sheaf_fill(sheaf) == 0) {
		sheaf_drop(thread, cache, sheaf);
		sheaf = NULL;
	}
	if (!sheaf)
		sheaf = sheaf_for(thread, cache, shelf);
	if (sheaf)
		slot_load(slot, sheaf);
	while (n > 1 && slot_push(slot, objects[n - 1]))
		n--;
	if (n > 1) {
		cache->ops->home(cache, objects + 1, n - 1);
		shelf_count(&shelf->pub.given, n - 1);
	}
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
	if (n > 1) {
		/* Each refill earns a larger sheaf, while the thread's bound allows. */
		if (level < cache->level_max && !thread_at_bound(thread))
			shelf->level++;
		stock(thread, cache, objects, n);
	}
	return objects[0];
}

/* Past a thread's end, without memory for its record, or too large for sheaves. */
static bool uncached(const struct thread *thread, const struct kmem_cache *cache)
{
	return !thread || cache->direct || !settings.thread_cache;
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
	cache_count(cache, 1, 0);
	return object;
}

static void free_uncached(struct kmem_cache *cache, void *object)
{
	cache->ops->home(cache, &object, 1);
	cache_count(cache, 0, 1);
}

void *slot_alloc_slow(struct kmem_cache *cache, gfp_t flags)
{
	bool may_wait = flags & __GFP_DIRECT_RECLAIM;
	struct thread *thread = may_wait ? thread_self() : thread_known();
	struct slot *slot;
	struct shelf *shelf;
	void *object;

	if (uncached(thread, cache))
		return may_wait ? alloc_uncached(cache) : NULL;
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	if ((alloc_from_spare(slot, shelf) || alloc_from_barn(thread, cache, slot, shelf)) &&
	    slot_pop(slot, &object)) {
		if (may_wait)
			thread_pass(thread);
		return object;
	}
	if (!may_wait)
		return NULL;
	thread_pass(thread);
	if (thread_at_bound(thread))
		thread_evict(thread);
	return alloc_from_slabs(thread, cache, shelf);
}

/* The slot's full sheaf becomes the spare, an empty one takes its place. */
static bool free_to_spare(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			  struct shelf *shelf)
{
	struct sheaf *empty = shelf_spare(shelf);

	bool no_new = cache->no_spare || thread_at_bound(thread);

	if (empty ? sheaf_fill(empty) > 0 : slot->mask && no_new)
		return false;
	shelf_set_spare(shelf, NULL);
	if (!empty)
		empty = sheaf_for(thread, cache, shelf);
	if (!empty)
		return false;
	shelf_set_spare(shelf, slot_unload(slot));
	slot_load(slot, empty);
	return true;
}

/* Rid the slot of its full sheaf: to the barn for an empty one, or its objects home. */
static void free_to_barn(struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			 struct shelf *shelf)
{
	struct sheaf *full = slot_unload(slot);
	struct sheaf *empty;
	unsigned fill;

	if (!full)
		return;
	fill = sheaf_fill(full);
	empty = sheaf_get(sheaf_level(full));
	if (empty && barn_give(cache, full, thread->number)) {
		shelf_count(&shelf->pub.traded, fill);
		slot_load(slot, empty);
		thread_pass(thread);
		return;
	}
	if (empty)
		sheaf_put(empty);
	thread_pass(thread);
	if (thread_at_bound(thread))
		thread_evict(thread);
	sheaf_home(cache, shelf, full);
	shelf->moves++;
	slot_load(slot, full);
}

void slot_free_slow(struct kmem_cache *cache, void *object)
{
	struct thread *thread = thread_self();
	struct slot *slot;
	struct shelf *shelf;

	if (uncached(thread, cache)) {
		free_uncached(cache, object);
		return;
	}
	slot = thread_slot(thread, cache->id);
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	if (!free_to_spare(thread, cache, slot, shelf))
		free_to_barn(thread, cache, slot, shelf);
	if (!slot_push(slot, object)) {
		/* No memory for a sheaf. */
		cache->ops->home(cache, &object, 1);
		shelf_count(&shelf->pub.given, 1);
	}
}

static void flush_sheaf(struct thread *thread, struct kmem_cache *cache, struct sheaf *sheaf)
{
	if (sheaf) {
		sheaf_home(cache, thread_shelf(thread, cache->id), sheaf);
		sheaf_drop(thread, cache, sheaf);
	}
}

void thread_flush(struct thread *thread, struct kmem_cache *cache)
{
	struct slot *slot = thread_slot(thread, cache->id);
	struct shelf *shelf = thread_shelf(thread, cache->id);
	struct sheaf *spare = shelf_spare(shelf);

	shelf->level = 0;
	/* Nothing of it here: it may be destroyed, and its record another's by now. */
	if (!slot->mask && !spare && !shelf_slab(shelf))
		return;
	shelf_set_spare(shelf, NULL);
	flush_sheaf(thread, cache, slot_unload(slot));
	flush_sheaf(thread, cache, spare);
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
		cache_count(cache, shelf->pub.taken, shelf->pub.given);
		shelf_clear_counts(shelf);
		shelf->used = 0;
		cache_change_end(cache);
	}
	lock_release(&thread->lock, LOCK_THREAD);
}
