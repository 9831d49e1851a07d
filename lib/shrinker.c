// SPDX-License-Identifier: MIT
/*
 * Shrinkers: a list, under the lock of the caches. One that runs is counted as busy and stays
 * in the list, so that who walks it finds the next; who frees one waits until nobody runs it.
 * Source: mm/shrinker.c of Linux.
 */
#include "lib/shrinker.h"

#include "buddy/meta.h"
#include "buddy/report.h"
#include "lib/stats.h"
#include "slab/ask.h"

#include <errno.h>
#include <kmem/shrinker.h>
#include <stdarg.h>
#include <stdio.h>

#define BATCH 128ul /* objects to a scan, by default */
#define SEEKS 2	    /* the cost of an object, by default */

enum state { FREE, MADE, REGISTERED, DYING };

struct shrinker {
	struct kmem_shrinker pub;
	char name[64];
	struct shrinker *next; /* these three are guarded by the caches lock */
	struct shrinker *prev;
	enum state state;
	_Atomic uint32_t busy; /* threads that run it; changed under the lock */
};

static struct shrinker *shrinkers; /* guarded by the caches lock */
static struct meta_pool pool = {.nbytes = sizeof(struct shrinker), .align = 16};

struct kmem_shrinker *kmem_shrinker_alloc(unsigned int flags, const char *format, ...)
{
	struct shrinker *shrinker = meta_pool_get(&pool);
	va_list args;

	if (!shrinker) {
		errno = ENOMEM;
		return NULL;
	}
	va_start(args, format);
	vsnprintf(shrinker->name, sizeof(shrinker->name), format, args);
	va_end(args);
	shrinker->state = MADE;
	shrinker->pub.flags = flags;
	return &shrinker->pub;
}

int kmem_shrinker_register(struct kmem_shrinker *pub)
{
	struct shrinker *shrinker = (struct shrinker *)pub;
	int err = -EINVAL;

	if (!pub || !pub->count_objects || !pub->scan_objects || pub->batch < 0 || pub->seeks < 0)
		return -EINVAL;
	lock_take(&cache_lock, LOCK_CACHES);
	if (shrinker->state == MADE) {
		shrinker->state = REGISTERED;
		shrinker->prev = NULL;
		shrinker->next = shrinkers;
		if (shrinkers)
			shrinkers->prev = shrinker;
		shrinkers = shrinker;
		err = 0;
	}
	lock_release(&cache_lock, LOCK_CACHES);
	return err;
}

static void unlink_locked(struct shrinker *shrinker)
{
	if (shrinker->prev)
		shrinker->prev->next = shrinker->next;
	else
		shrinkers = shrinker->next;
	if (shrinker->next)
		shrinker->next->prev = shrinker->prev;
}

/* It runs no more from now on, and is in no list. false: there is none to be freed. */
static bool retire(struct shrinker *shrinker)
{
	enum state state;
	uint32_t busy;

	lock_take(&cache_lock, LOCK_CACHES);
	state = shrinker->state;
	if (state == REGISTERED)
		shrinker->state = DYING;
	while (state == REGISTERED && (busy = shrinker->busy)) {
		lock_release(&cache_lock, LOCK_CACHES);
		sys_futex_wait((uint32_t *)&shrinker->busy, busy);
		lock_take(&cache_lock, LOCK_CACHES);
	}
	if (state == REGISTERED)
		unlink_locked(shrinker);
	if (state == REGISTERED || state == MADE)
		shrinker->state = FREE;
	lock_release(&cache_lock, LOCK_CACHES);
	return state == REGISTERED || state == MADE;
}

void kmem_shrinker_free(struct kmem_shrinker *pub)
{
	struct shrinker *shrinker = (struct shrinker *)pub;

	if (!pub)
		return;
	if (asking == shrinker)
		report_bug("kmem_shrinker_free: shrinker '%s' frees itself while it runs",
			   shrinker->name);
	else if (retire(shrinker))
		meta_pool_put(&pool, shrinker);
	else
		report_bug("kmem_shrinker_free: the shrinker at %p was freed before", (void *)pub);
}

/* How many of count objects are to be looked at: one at least. */
static unsigned long share(const struct kmem_shrinker *pub, unsigned long count,
			   enum shrink_share part)
{
	unsigned long seeks = pub->seeks ? (unsigned long)pub->seeks : SEEKS;
	unsigned long n = count / seeks + (count % seeks != 0);

	if (part == SHRINK_HALF)
		return n;
	return n < count - n ? 2 * n : count;
}

/* Count, then scan in batches until the share is done or no progress can be made. */
static unsigned long run(struct kmem_shrinker *pub, gfp_t flags, enum shrink_share part)
{
	struct kmem_shrink_control control = {.gfp_mask = flags};
	unsigned long count = pub->count_objects(pub, &control), total = 0, freed, left;
	unsigned long batch = pub->batch ? (unsigned long)pub->batch : BATCH;

	if (count == 0 || count == KMEM_SHRINK_EMPTY)
		return 0;
	for (left = share(pub, count, part); left > 0; left -= control.nr_scanned) {
		control.nr_to_scan = control.nr_scanned = left < batch ? left : batch;
		freed = pub->scan_objects(pub, &control);
		if (freed == KMEM_SHRINK_STOP)
			break;
		total += freed;
		if (control.nr_scanned == 0 || control.nr_scanned > left)
			break;
	}
	return total;
}

/* The next one to run, busy from now on, the first one at first; the last one is so no more. */
static struct shrinker *step(struct shrinker *last)
{
	struct shrinker *next;
	bool awaited = false;

	lock_take(&cache_lock, LOCK_CACHES);
	next = last ? last->next : shrinkers;
	while (next && next->state != REGISTERED)
		next = next->next;
	if (next)
		next->busy++;
	if (last)
		awaited = --last->busy == 0 && last->state == DYING;
	lock_release(&cache_lock, LOCK_CACHES);
	if (awaited)
		sys_futex_wake((uint32_t *)&last->busy);
	return next;
}

static bool run_shrinkers(gfp_t flags, enum shrink_share part, unsigned long *nfreed)
{
	struct shrinker *first = step(NULL);
	unsigned long freed;

	for (struct shrinker *shrinker = first; shrinker; shrinker = step(shrinker)) {
		asking = shrinker;
		freed = run(&shrinker->pub, flags, part);
		asking = NULL;
		if (nfreed)
			*nfreed += freed;
	}
	return first != NULL;
}

/* What is gone from the caches' objects in use was freed. */
static unsigned long ask_and_count(struct kmem_cache *cache)
{
	uint64_t before = cache_stats(cache).active, after;

	ask(cache);
	after = cache_stats(cache).active;
	return after < before ? before - after : 0;
}

static bool run_callbacks(unsigned long *nfreed)
{
	struct kmem_cache *cache;
	unsigned id = ID_FIRST;

	for (; (cache = ask_next(id)); id = cache->id + 1) {
		if (nfreed)
			*nfreed += ask_and_count(cache);
		else
			ask(cache);
		ask_done(cache);
	}
	return id != ID_FIRST;
}

bool shrink(gfp_t flags, enum shrink_share part, unsigned long *nfreed)
{
	bool asked;

	if (asking || lock_is_ours())
		return false;
	asked = run_shrinkers(flags, part, nfreed);
	return (part != SHRINK_REST && run_callbacks(nfreed)) || asked;
}

unsigned long kmem_shrink(void)
{
	unsigned long nfreed = 0;

	shrink(GFP_KERNEL, SHRINK_ALL, &nfreed);
	return nfreed;
}

void shrinkers_after_fork(void)
{
	for (struct shrinker *shrinker = shrinkers, *next; shrinker; shrinker = next) {
		next = shrinker->next;
		shrinker->busy = asking == shrinker;
		if (shrinker->state != DYING)
			continue;
		/* Who was to free it is gone. */
		unlink_locked(shrinker);
		shrinker->state = FREE;
		if (!shrinker->busy)
			meta_pool_put(&pool, shrinker);
	}
}
