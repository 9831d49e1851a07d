// SPDX-License-Identifier: MIT
/* Guarded objects: who gets one, how it is laid out, and how it is given back. See guard.h. */
#include "slab/guard.h"

#include "slab/guard_pool.h"
#include "slab/guard_report.h"
#include "slab/slot.h"

#include <string.h>

#define MALLOC_ALIGN  16u
#define CANARY_PERIOD 8u

static _Atomic uint32_t last_ms; /* when an allocation was last chosen */
static _Atomic uint32_t nleft;	 /* objects LEFT */

static bool is_due(uint32_t last, uint32_t now)
{
	uint32_t interval = settings_kfence_ms();

	return interval && now - last >= interval;
}

bool guard_look(struct thread *thread, uint32_t now)
{
	uint32_t rested = now - thread->look_ms;
	bool due = is_due(atomic_load_explicit(&last_ms, memory_order_relaxed), now);

	thread->look_ms = now;
	if (atomic_load_explicit(&nleft, memory_order_relaxed))
		guard_settle(NULL);
	/* Who comes by so seldom looks each time; that costs as little. */
	if (rested >= settings_kfence_ms())
		thread_pass_soon(thread);
	/* Or it might be at a free each time, where allocations and frees take turns. */
	else if (due && thread->passes % PASSES == 0)
		thread->passes++;
	return due;
}

/* One thread for all: the next turn is an interval later. */
static bool take_turn(void)
{
	/* In this order, or another's time might be later than ours. */
	uint32_t last = atomic_load_explicit(&last_ms, memory_order_relaxed);
	uint32_t now = sys_now_ms();

	return is_due(last, now) &&
	       atomic_compare_exchange_strong_explicit(&last_ms, &last, now, memory_order_relaxed,
						       memory_order_relaxed);
}

/* What is counted, or has to stay readable, and frees that make no system call, do without. */
static bool may_guard(const struct kmem_cache *cache)
{
	return cache->pub.object_size <= PAGE_BYTES && !cache->gated && !cache->nowait &&
	       !(cache->pub.flags & (SLAB_SKIP_KFENCE | SLAB_TYPESAFE_BY_RCU));
}

/*
 * Three quarters of the pool are in use, and one of the objects comes from where this one does:
 * what lives for long would leave no room for the rest of the program.
 */
static bool is_covered(uint32_t stack)
{
	const struct guarded *objects = guard_pool.objects;

	if (!stack || pool_taken() < guard_pool.nobjects - guard_pool.nobjects / 4)
		return false;
	for (uint32_t i = 0; i < guard_pool.nobjects; i++)
		if (guarded_state(&objects[i]) == GUARD_LIVE &&
		    atomic_load_explicit(&objects[i].stack, memory_order_relaxed) == stack)
			return true;
	return false;
}

/* All of the page but the object's bytes is as it was filled; in them nothing is promised. */
static void place(struct guarded *guarded, size_t nbytes, size_t align)
{
	unsigned char *page = (unsigned char *)guarded_page(guarded);
	uintptr_t end = (uintptr_t)page + guard_pool.unit;
	uintptr_t object = guarded->left ? (uintptr_t)page : (end - nbytes) & ~(align - 1);

	for (size_t i = 0; i < CANARY_PERIOD; i++)
		page[i] = guard_canary(page + i);
	for (size_t i = CANARY_PERIOD; i < guard_pool.unit; i += CANARY_PERIOD)
		memcpy(page + i, page, CANARY_PERIOD);
	atomic_store_explicit(&guarded->object, object, memory_order_relaxed);
	atomic_store_explicit(&guarded->nbytes, (uint32_t)nbytes, memory_order_relaxed);
}

static void *make(struct guarded *guarded, struct kmem_cache *cache, const struct track *track)
{
	guarded->tracks[GUARD_ALLOCATED] = *track;
	guarded->tracks[GUARD_RELEASED].tid = 0;
	memcpy(guarded->name, cache->pub.name, sizeof(guarded->name));
	atomic_store_explicit(&guarded->stack, track->stack, memory_order_relaxed);
	atomic_store_explicit(&guarded->cache, cache, memory_order_relaxed);
	atomic_store_explicit(&guarded->retried, false, memory_order_relaxed);
	place(guarded, cache->pub.object_size, cache->pub.align);
	guarded_set(guarded, GUARD_LIVE);
	cache_count(cache, 1, 0, 0);
	if (cache->ctor)
		cache->ctor((void *)guarded->object);
	return (void *)guarded->object;
}

void *guard_alloc(struct kmem_cache *cache)
{
	struct guarded *guarded;
	struct track track;
	uint32_t random;

	if (!may_guard(cache) || !take_turn() || !pool_ready())
		return NULL;
	track_set(&track);
	if (is_covered(track.stack))
		return NULL;
	guarded = pool_take(&random);
	if (!guarded)
		return NULL;
	if (sys_commit((void *)guarded_page(guarded), guard_pool.unit) < 0) {
		pool_give_back(guarded);
		return NULL;
	}
	guarded->left = random >> 16 & 1;
	return make(guarded, cache, &track);
}

void *guard_asked(void *object, size_t nbytes)
{
	struct guarded *guarded = guarded_at((uintptr_t)object);
	size_t align;

	/* As the class's objects are: a size is a multiple of what its caller may count on. */
	nbytes = nbytes ? nbytes : 1;
	align = nbytes & (0 - nbytes);
	place(guarded, nbytes, align > MALLOC_ALIGN ? align : MALLOC_ALIGN);
	return (void *)guarded->object;
}

static bool begins_at(const struct guarded *guarded, const void *addr)
{
	return guarded &&
	       atomic_load_explicit(&guarded->object, memory_order_relaxed) == (uintptr_t)addr;
}

bool guard_check(const void *object, const char *doing)
{
	const struct guarded *guarded = guarded_at((uintptr_t)object);

	if (begins_at(guarded, object) && guarded_state(guarded) == GUARD_LIVE)
		return true;
	guard_report_invalid(object, doing);
	return false;
}

size_t guard_usable(const void *object)
{
	const struct guarded *guarded = guarded_at((uintptr_t)object);

	return guarded ? guarded->nbytes : 0;
}

struct kmem_cache *guard_cache(const void *addr)
{
	const struct guarded *guarded = guarded_at((uintptr_t)addr);

	if (!guarded && (uintptr_t)addr - guard_pool.base >= guard_pool.unit)
		guarded = guarded_at((uintptr_t)addr - guard_pool.unit);
	return guarded ? atomic_load_explicit(&guarded->cache, memory_order_relaxed) : NULL;
}

/* The first byte beside the object that was written; NULL: none. */
static const unsigned char *damaged(const struct guarded *guarded)
{
	const unsigned char *at = (const unsigned char *)guarded_page(guarded);
	const unsigned char *end = at + guard_pool.unit;
	const unsigned char *object = (const unsigned char *)guarded->object;

	for (; at < end; at++) {
		if (at == object)
			at += guarded->nbytes;
		if (at < end && *at != guard_canary(at))
			return at;
	}
	return NULL;
}

/*
 * What is claimed for it ends. Nothing but the record knows the cache, which may be destroyed
 * meanwhile if it has no destructor.
 */
static void retire(struct guarded *guarded, void (*dtor)(void *object))
{
	const unsigned char *at = damaged(guarded);
	uintptr_t opened;

	if (at)
		guard_report_damage(guarded, at);
	if (dtor)
		dtor((void *)guarded->object);
	track_set(&guarded->tracks[GUARD_RELEASED]);
	opened = atomic_exchange_explicit(&guarded->opened, 0, memory_order_relaxed);
	if (opened)
		sys_forbid((void *)opened, guard_pool.unit);
	/* Freed first, and so it is to who then finds its page closed. */
	guarded_set(guarded, GUARD_FREED);
	sys_forbid((void *)guarded_page(guarded), guard_pool.unit);
	pool_give(guarded);
}

void guard_free(void *object)
{
	struct guarded *guarded = guarded_at((uintptr_t)object);
	struct kmem_cache *cache;

	if (!begins_at(guarded, object) || !guarded_claim(guarded, GUARD_LIVE, GUARD_TAKEN)) {
		guard_report_invalid(object, "free");
		return;
	}
	cache = guarded->cache;
	cache_count(cache, 0, 1, 0);
	retire(guarded, cache->dtor);
}

bool guard_home(void *object)
{
	struct guarded *guarded = guarded_at((uintptr_t)object);

	if (begins_at(guarded, object) && guarded_claim(guarded, GUARD_LIVE, GUARD_LEFT)) {
		atomic_fetch_add_explicit(&nleft, 1, memory_order_relaxed);
		return true;
	}
	guard_report_invalid(object, "free");
	return false;
}

unsigned guard_settle(struct kmem_cache *cache)
{
	unsigned n = 0;

	if (!atomic_load_explicit(&nleft, memory_order_relaxed))
		return 0;
	for (uint32_t i = 0; i < guard_pool.nobjects; i++) {
		struct guarded *guarded = &guard_pool.objects[i];
		void (*dtor)(void *object);
		struct kmem_cache *own;

		if (guarded_state(guarded) != GUARD_LEFT)
			continue;
		own = atomic_load_explicit(&guarded->cache, memory_order_relaxed);
		if (!own || (cache && own != cache))
			continue;
		dtor = own->dtor;
		if ((dtor && !cache) || !guarded_claim(guarded, GUARD_LEFT, GUARD_TAKEN))
			continue;
		atomic_fetch_sub_explicit(&nleft, 1, memory_order_relaxed);
		retire(guarded, dtor);
		n++;
	}
	return n;
}

unsigned guard_each_live(const struct kmem_cache *cache,
			 void (*seen)(const struct kmem_cache *cache, void *object))
{
	unsigned n = 0;

	for (uint32_t i = 0; guard_ready() && i < guard_pool.nobjects; i++) {
		const struct guarded *guarded = &guard_pool.objects[i];

		if (guarded_state(guarded) != GUARD_LIVE || guarded->cache != cache)
			continue;
		n++;
		if (seen)
			seen(cache, (void *)guarded->object);
	}
	return n;
}

unsigned guard_count_left(const struct kmem_cache *cache)
{
	unsigned n = 0;

	if (!atomic_load_explicit(&nleft, memory_order_relaxed))
		return 0;
	for (uint32_t i = 0; i < guard_pool.nobjects; i++)
		n += guarded_state(&guard_pool.objects[i]) == GUARD_LEFT &&
		     guard_pool.objects[i].cache == cache;
	return n;
}

void guard_forget(struct kmem_cache *cache)
{
	for (uint32_t i = 0; guard_ready() && i < guard_pool.nobjects; i++) {
		struct kmem_cache *own = cache;

		/* Unless it is another's by now. */
		atomic_compare_exchange_strong_explicit(&guard_pool.objects[i].cache, &own, NULL,
							memory_order_relaxed, memory_order_relaxed);
	}
}
