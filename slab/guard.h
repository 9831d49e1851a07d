/* SPDX-License-Identifier: MIT */
/*
 * Guarded objects: now and then an allocation is given a page of its own between two that
 * nobody may touch, and what is freed becomes such a page as well. So an access past the object
 * or after its end stops where it happens, and is reported with who allocated and who freed it.
 *
 *	| no access | canary … | object | no access | object | … canary | no access | …
 *	              right edge, aligned             left edge
 *
 * Between the object and the end of its page, less than its alignment, and on the other side of
 * it, bytes of a pattern show at its free what was written there.
 *
 * Who is given one: the first that comes to look at the clock in slot_alloc_slow, once in
 * kfence_sample_interval. Such an object is none of its cache's slabs: its page has the id of
 * pages, so that free() and kmem_cache_free() come to their slow paths, and there ask for it.
 * Frees by bulk do not look: it may lie in a sheaf, and be handed out again, until it goes home.
 *
 * Source: mm/kfence of Linux, for the idea, the pool, the canary and the reports.
 */
#ifndef SLAB_GUARD_H
#define SLAB_GUARD_H

#include "slab/cache.h"
#include "slab/thread.h"

#define GUARD_POOL_MOST 8191u /* two mappings each: of 65,530 that a process may have */

#pragma GCC visibility push(hidden)
extern struct lock guard_lock;
#pragma GCC visibility pop

/*
 * The thread looks at the clock. true: somebody's turn has come, and it may be this thread's;
 * no lock may be held.
 */
bool guard_look(struct thread *thread, uint32_t now);

static inline bool guard_pass(struct thread *thread, uint32_t now)
{
	return __builtin_expect(settings_kfence_ms() != 0, 0) && guard_look(thread, now);
}

/* An object of the cache, constructed; NULL: another one's turn, or there can be none. */
void *guard_alloc(struct kmem_cache *cache);
/* Its caller asked for so many bytes only, and has not seen it: where it is now. */
void *guard_asked(void *object, size_t nbytes);

/* Is it on a page of the pool? Of any address. */
static inline bool guard_holds(const void *addr)
{
	return pagemap_id(addr) == ID_PAGES && pagemap_page(addr)->kind == PAGE_GUARDED;
}

/* Does a live object begin there? Else a report, that says what was being done. */
bool guard_check(const void *object, const char *doing);
/* Of one that does. */
size_t guard_usable(const void *object);
/* The cache whose object is, or was, on the page or the one below; NULL: none. */
struct kmem_cache *guard_cache(const void *addr);

/* Give it back, from any cache, or report what is wrong; no lock may be held. */
void guard_free(void *object);
/* The same for one that comes out of a sheaf, under any lock; false: it must not, as reported. */
bool guard_home(void *object);
/*
 * Finish what came home: of the cache, or, if NULL, of all without a destructor. How many; no
 * lock may be held.
 */
unsigned guard_settle(struct kmem_cache *cache);

/* Call seen, if given, for each live object of the cache; how many. */
unsigned guard_each_live(const struct kmem_cache *cache,
			 void (*seen)(const struct kmem_cache *cache, void *object));
/* Objects that came home and are to be settled. */
unsigned guard_count_left(const struct kmem_cache *cache);
/* The cache is destroyed: objects freed before are nobody's. */
void guard_forget(struct kmem_cache *cache);

/* Objects guarded so far, out now, and at once at most; false: there is no pool. */
struct guard_counts {
	uint64_t nallocated;
	uint32_t ntaken, nobjects;
};

bool guard_count(struct guard_counts *counts);

/* One line about an address of the pool. */
void guard_dump(const void *addr);
/* In the child of a fork. */
void guard_after_fork(void);

#endif
