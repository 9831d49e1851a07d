// SPDX-License-Identifier: MIT
/*
 * Objects made ahead: whole sheaves of them, constructed, in memory that was written
 * to, in the barns and in the calling thread's places. An allocation that may not
 * wait then finds them, and a free finds empty sheaves: as many as full ones were
 * made, as those may all be drained before the first is given back, and
 * THREADS_READY threads' two.
 *
 * A cache with a limit has no sheaves, in which objects would hide from the count, and one
 * that counts has no barns: there slabs are made, and the free objects in them touched.
 */
#include "slab/barn.h"
#include "slab/debug.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot_load.h"
#include "slab/slot_run.h"

#include <errno.h>

#define THREADS_READY 8 /* that may come without having called for it themselves */

/* What is made, before anybody sees it: so a failure changes nothing. */
struct store {
	struct kmem_cache *cache;
	struct barn *barns; /* a constructor may take the thread to another node's */
	struct sheaf_stack full, empty;
	unsigned level;
};

/* n objects of the cache into the array; false: no memory, and none taken. */
static bool take_objects(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct shelf shelf = {.next = 0};
	unsigned done = cache_refill(cache, &shelf, objects, n);

	cache->ops->detach(cache, &shelf);
	if (done < n)
		cache->ops->home(cache, objects, done);
	return done == n;
}

static bool make_full(struct store *store, size_t nsheaves)
{
	unsigned capacity = sheaf_capacity(store->level);
	void *objects[SHEAF_CAP_MAX];
	struct sheaf *sheaf;

	for (; nsheaves > 0; nsheaves--) {
		sheaf = sheaf_get(store->level);
		if (!sheaf)
			return false;
		if (!take_objects(store->cache, objects, capacity)) {
			sheaf_put(sheaf);
			return false;
		}
		copy_down(sheaf->object, objects + capacity - 1, capacity);
		sheaf_push(&store->full, sheaf);
	}
	return true;
}

static bool make_empty(struct store *store, size_t nsheaves)
{
	struct sheaf *sheaf;

	for (; nsheaves > 0; nsheaves--) {
		sheaf = sheaf_get(store->level);
		if (!sheaf)
			return false;
		sheaf_push(&store->empty, sheaf);
	}
	return true;
}

static void give_up(struct store *store, uint32_t nempty)
{
	struct sheaf *sheaf;

	while ((sheaf = sheaf_pop(&store->full))) {
		store->cache->ops->home(store->cache, sheaf->object, sheaf_capacity(store->level));
		sheaf_put(sheaf);
	}
	while ((sheaf = sheaf_pop(&store->empty)))
		sheaf_put(sheaf);
	slab_retire_but(store->cache, 0, nempty);
}

/* Write to each page of the object, and leave it as it is. */
static void touch(void *object, size_t nbytes)
{
	volatile char *bytes = object;

	for (size_t i = 0; i < nbytes; i += PAGE_BYTES)
		bytes[i] = bytes[i];
	bytes[nbytes - 1] = bytes[nbytes - 1];
}

/* A full sheaf out of the store, its objects' pages touched, or NULL. */
static struct sheaf *take_full(struct store *store)
{
	struct sheaf *sheaf = sheaf_pop(&store->full);

	for (unsigned i = 0; sheaf && i < sheaf_capacity(store->level); i++)
		touch(sheaf->object[i], store->cache->pub.stride);
	return sheaf;
}

/* Into a place of the thread that has no sheaf: a full one, else an empty one. */
static void fill_place(struct thread *thread, struct store *store, struct slot *place)
{
	struct sheaf *sheaf;

	if (place->mask)
		return;
	sheaf = take_full(store);
	slot_load(place, sheaf ? hold_full(sheaf) : hold_empty(sheaf_pop(&store->empty)));
	thread_charge(thread, store->cache, place->mask);
}

/* What the thread has no place for; the number of full sheaves. */
static size_t fill_barns(struct store *store)
{
	struct sheaf *sheaf;
	size_t n = 0;

	for (; (sheaf = take_full(store)); n++)
		barn_put(&store->barns[n % BARNS], sheaf);
	while ((sheaf = sheaf_pop(&store->empty)))
		cache_put_empty(store->cache, sheaf);
	return n;
}

static void hand_out(struct thread *thread, struct store *store, size_t nfull)
{
	struct kmem_cache *cache = store->cache;
	struct shelf *shelf = thread_shelf(thread, cache->id);
	unsigned capacity = sheaf_capacity(store->level);

	cache_count(cache, nfull * capacity, 0, 0);
	fill_place(thread, store, thread_slot(thread, cache->id));
	if (!cache->no_spare)
		fill_place(thread, store, shelf_spare(shelf));
	cache_count(cache, 0, 0, fill_barns(store) * capacity);
}

/* The owner touches what is at home: nobody else writes there. */
static void touch_slab(const struct slab *slab)
{
	uint32_t stride = slab->cache->pub.stride;
	char *at = slab_pages(slab);

	/* From its pages on: the first object of a debugged one lies behind a red zone. */
	for (uint32_t i = 0; i < slab->cache->pub.slab_objects; i++, at += stride)
		if (slab_is_home(slab, i))
			touch(at, stride);
}

/* Slabs with so many free objects, one of them the thread's. 0 or -ENOMEM. */
static int ready_slabs(struct kmem_cache *cache, struct shelf *shelf, size_t nobjects)
{
	uint32_t nempty = __atomic_load_n(&cache->pub.nslabs_empty, __ATOMIC_RELAXED);
	struct slab *chain = NULL, *slab;
	uint32_t nslabs = 0;
	size_t n = 0;

	/* The thread's may have next to nothing left. */
	cache->ops->detach(cache, shelf);
	for (; n < nobjects && (slab = slab_acquire(cache)); chain = slab) {
		n += (size_t)slab_nfree(atomic_load_explicit(&slab->state, memory_order_relaxed));
		slab->next = chain;
		nslabs++;
	}
	if (n >= nobjects)
		atomic_fetch_add_explicit(&cache->nready, nslabs, memory_order_relaxed);
	while ((slab = chain)) {
		chain = slab->next;
		if (n >= nobjects && !(cache->debug.flags & DEBUG_ANNOTATED))
			touch_slab(slab);
		if (n >= nobjects && (!cache->direct || cache->muted) && !shelf_slab(shelf))
			shelf_set_slab(shelf, slab);
		else
			slab_release(slab);
	}
	if (n >= nobjects)
		return 0;
	slab_retire_but(cache, 0, nempty);
	return -ENOMEM;
}

/* Full sheaves with so many objects. 0 or -ENOMEM. */
static int ready_sheaves(struct thread *thread, struct kmem_cache *cache, struct shelf *shelf,
			 size_t nobjects)
{
	struct store store = {.cache = cache,
			      .barns = barns_make_at(cache, thread->barn),
			      .level = shelf_level(thread, cache, shelf)};
	unsigned capacity = sheaf_capacity(store.level);
	size_t nfull = (nobjects + capacity - 1) / capacity;
	size_t nempty = cache->nowait ? 2 + nfull + 2 * THREADS_READY : 2;
	uint32_t nslabs_empty = __atomic_load_n(&cache->pub.nslabs_empty, __ATOMIC_RELAXED);

	if (!store.barns || !make_full(&store, nfull) || !make_empty(&store, nempty)) {
		give_up(&store, nslabs_empty);
		return -ENOMEM;
	}
	hand_out(thread, &store, nfull);
	return 0;
}

int kmem_cache_prealloc(struct kmem_cache *cache, size_t nobjects)
{
	struct thread *thread;
	struct shelf *shelf;

	if (cache->limit && nobjects > cache->limit)
		return -EINVAL;
	thread = thread_self();
	if (!thread || nobjects > ((size_t)1 << ARCH_ADDRESS_BITS) / cache->pub.stride)
		return -ENOMEM;
	shelf = thread_shelf(thread, cache->id);
	shelf_enlist(thread, shelf, cache->id);
	return cache->gated || cache->muted ? ready_slabs(cache, shelf, nobjects)
					    : ready_sheaves(thread, cache, shelf, nobjects);
}
