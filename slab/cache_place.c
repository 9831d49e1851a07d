// SPDX-License-Identifier: MIT
/* What a cache has of each place: see cache_place.h. */
#include "slab/cache_place.h"

#include "slab/sheaves.h"
#include "slab/slot_load.h"

#include <string.h>

#define STRANGERS_SHARE 8 /* of a sheaf's capacity */

static struct meta_pool place_pool = {.nbytes = sizeof(struct cache_place), .align = 64};

struct cache_place *cache_place_find(struct kmem_cache *cache, unsigned place)
{
	struct cache_place *at = cache_places(cache);

	while (at && at->place != place)
		at = cache_place_next(at);
	return at;
}

/* The fresh record into the cache, unless it has one by now. */
static struct cache_place *enter(struct kmem_cache *cache, struct cache_place *fresh)
{
	struct cache_place *there;

	lock_take(&cache->lock, LOCK_CACHE);
	there = cache_place_find(cache, fresh->place);
	if (!there) {
		fresh->next = (uintptr_t)cache_places(cache);
		/* release: the record; pairs with cache_places, and inspectors */
		atomic_store_explicit(&cache->places, fresh, memory_order_release);
		there = fresh;
	}
	lock_release(&cache->lock, LOCK_CACHE);
	return there;
}

struct cache_place *cache_place_make(struct kmem_cache *cache, unsigned place)
{
	struct cache_place *there = cache_place_find(cache, place), *fresh;

	if (there)
		return there;
	fresh = meta_pool_get(&place_pool);
	if (!fresh)
		return NULL;
	barns_init(cache, fresh->barns);
	fresh->place = place;
	fresh->node = place_node(place);
	there = enter(cache, fresh);
	if (there != fresh)
		meta_pool_put(&place_pool, fresh);
	return there;
}

/* The policy in force for the cache. */
static struct place_policy policy_of(const struct kmem_cache *cache)
{
	struct place_policy policy = place_policy_load(&cache->policy);

	return policy.kind ? policy : place_process();
}

/* Has it barns by node? */
static bool has_places(const struct kmem_cache *cache)
{
	return !cache->nowait && policy_of(cache).kind != POLICY_PLACE;
}

struct barn *barns_at(struct kmem_cache *cache, uint32_t word)
{
	struct cache_place *at;

	if (word / BARN_ELSEWHERE <= 1 || !has_places(cache))
		return barns_of(cache);
	at = cache_place_find(cache, word / BARN_ELSEWHERE - 1);
	return at ? at->barns : NULL;
}

struct barn *barns_make_at(struct kmem_cache *cache, uint32_t word)
{
	struct barn *barns = barns_at(cache, word);
	struct cache_place *at;

	if (barns)
		return barns;
	if (word / BARN_ELSEWHERE <= 1 || !has_places(cache) || !cache->limit_max)
		return barns_make(cache);
	at = cache_place_make(cache, word / BARN_ELSEWHERE - 1);
	return at ? at->barns : NULL;
}

/* From one of four, that of the word first; or NULL. */
static inline __attribute__((always_inline)) struct sheaf *take_from(struct barn *barns,
								     uint32_t word)
{
	struct sheaf *sheaf = NULL;

	for (uint32_t i = 0; barns && !sheaf && i < BARNS; i++)
		sheaf = barn_pop(barn_of_word(barns, word ^ i * (uint32_t)sizeof(*barns)));
	return sheaf;
}

struct sheaf *barn_take_other(struct kmem_cache *cache, uint32_t word)
{
	struct barn *barns = barns_at(cache, word);
	struct sheaf *sheaf = take_from(barns, word);

	if (barns && !sheaf)
		barn_missed(cache, barns);
	return sheaf;
}

struct sheaf *barn_take_far(struct kmem_cache *cache)
{
	struct sheaf *sheaf = places_several() ? take_from(barns_of(cache), 0) : NULL;

	for (struct cache_place *at = cache_places(cache); at && !sheaf; at = cache_place_next(at))
		sheaf = take_from(at->barns, 0);
	return sheaf;
}

struct place_walk cache_walk(const struct kmem_cache *cache)
{
	struct thread *thread = thread_known();

	return thread && thread->wish ? *thread->wish : place_by(policy_of(cache));
}

static void send_home(struct thread *thread)
{
	lock_take(&thread->lock, LOCK_THREAD);
	for (unsigned id = thread->used; id; id = thread_shelf(thread, id)->next)
		/* Bare: the record may be another cache's just now. */
		if (!shelf_bare(thread_slot(thread, id), thread_shelf(thread, id)) &&
		    !cache_of(id)->nowait)
			thread_flush(thread, cache_of(id));
	lock_release(&thread->lock, LOCK_THREAD);
}

void thread_place(struct thread *thread)
{
	thread->barn = barn_word(thread->number);
	if (places_several())
		thread->barn += (place_here() + 1) * BARN_ELSEWHERE;
}

void thread_note_move(struct thread *thread)
{
	uint32_t barn = thread->barn;

	thread_place(thread);
	if (thread->barn != barn)
		send_home(thread);
}

/* Whose slabs the cache's objects in the thread's barns are to be of. */
static unsigned home_place(const struct thread *thread, const struct kmem_cache *cache)
{
	struct place_policy policy = policy_of(cache);

	return policy.kind ? place_by(policy).place : thread->barn / BARN_ELSEWHERE - 1;
}

/* What is no object of the cache is found when it comes home. */
static bool is_stranger(const struct kmem_cache *cache, const void *object, unsigned place)
{
	return pagemap_id(object) != cache->id || slab_of(object)->place != place;
}

/* Move the strangers among n objects to the front, in order; how many. */
static unsigned part(const struct kmem_cache *cache, void **objects, unsigned n, unsigned place)
{
	void *rest[SHEAF_CAP_MAX];
	unsigned nstrangers = 0, nrest = 0;

	for (unsigned i = 0; i < n; i++)
		if (is_stranger(cache, objects[i], place))
			objects[nstrangers++] = objects[i];
		else
			rest[nrest++] = objects[i];
	memcpy(objects + nstrangers, rest, nrest * sizeof(void *));
	return nstrangers;
}

bool slot_send_strangers(const struct thread *thread, struct kmem_cache *cache, struct slot *slot,
			 struct shelf *shelf)
{
	unsigned place = home_place(thread, cache), n = 0, fill = slot_fill(slot);
	struct sheaf *sheaf = slot_sheaf(slot);
	struct slot full;

	if (cache->ops != &slab_ops || !has_places(cache))
		return false;
	for (unsigned i = 0; i < fill; i++)
		n += is_stranger(cache, sheaf->object[i], place);
	if (n < 1 || n * STRANGERS_SHARE < fill)
		return false;
	full = slot_unload(slot);
	part(cache, sheaf->object, fill, place);
	shelf_send_home(cache, shelf, sheaf->object, n);
	memmove(sheaf->object, sheaf->object + n, (fill - n) * sizeof(void *));
	full.sp -= n * sizeof(void *);
	slot_load(slot, full);
	return true;
}
