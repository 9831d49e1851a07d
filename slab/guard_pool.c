// SPDX-License-Identifier: MIT
/* The pool of guarded objects, and the line of those that are free: see guard_pool.h. */
#include "slab/guard_pool.h"

#include "buddy/fault.h"
#include "buddy/limit.h"
#include "buddy/meta.h"
#include "buddy/report.h"
#include "slab/guard_report.h"

#include <string.h>

#define LINE_END UINT32_MAX

struct guard_pool guard_pool;
_Atomic uint32_t guard_made;
struct lock guard_lock;

/* Guarded by guard_lock: the line, in which each waits as long as it can. */
static struct {
	uint32_t first, last;
	uint32_t ntaken;
	uint32_t random;
	uint64_t nallocated;
} line;

static size_t power_of_two(size_t nbytes)
{
	size_t power = 1;

	while (power < nbytes)
		power *= 2;
	return power;
}

/* Addresses within one GiB, with descriptors, and a record for each object. */
static bool pool_reserve(struct guard_pool *pool)
{
	pool->objects = meta_alloc(pool->nobjects * sizeof(struct guarded), 64);
	pool->base = (uintptr_t)sys_reserve(pool->nbytes, power_of_two(pool->nbytes));
	if (!pool->base)
		return false;
	if (pool->objects && pagemap_cover((void *)pool->base) == 0 &&
	    pagemap_commit((void *)pool->base, pool->nbytes >> PAGE_SHIFT) == 0)
		return true;
	sys_unmap((void *)pool->base, pool->nbytes);
	return false;
}

/* Classes of malloc are to say from now on what their callers ask for. */
static void note_classes(void)
{
	for (unsigned id = ID_FIRST; id < ID_USER; id++)
		if (cache_of(id))
			__atomic_store_n(&cache_of(id)->noted, true, __ATOMIC_RELAXED);
}

static void line_up(const struct guard_pool *pool)
{
	lock_take(&guard_lock, LOCK_GUARD);
	for (uint32_t i = 0; i < pool->nobjects; i++)
		pool->objects[i].next = i + 1 < pool->nobjects ? i + 1 : LINE_END;
	line.first = 0;
	line.last = pool->nobjects - 1;
	memcpy(&line.random, sys_random16() + 4, sizeof(line.random));
	lock_release(&guard_lock, LOCK_GUARD);
}

/* What may be resident: a page and a record for each object, and descriptors. */
static size_t resident_bytes(const struct guard_pool *pool)
{
	size_t npages = pool->nbytes >> PAGE_SHIFT;

	return pool->nobjects * pool->unit + npages * sizeof(struct page);
}

static bool pool_make(void)
{
	struct guard_pool pool = {.unit = sys_page_size(), .nobjects = settings.kfence_pool};
	bool refused = limit_has_refused(), admitted;

	pool.nbytes = (2 * (size_t)pool.nobjects + 1) * pool.unit;
	admitted = limit_reserve(&limit_tables, resident_bytes(&pool));
	if (!admitted || !pool_reserve(&pool)) {
		if (admitted)
			limit_return(&limit_tables, resident_bytes(&pool));
		/* The object that was asked for comes from elsewhere. */
		if (!refused)
			limit_forget();
		return false;
	}
	for (size_t i = 0; i < pool.nbytes; i += PAGE_BYTES)
		pagemap_page((void *)(pool.base + i))->kind = PAGE_GUARDED;
	pagemap_set((void *)pool.base, pool.nbytes >> PAGE_SHIFT, ID_PAGES, NULL);
	line_up(&pool);
	guard_pool = pool;
	return true;
}

bool pool_ready(void)
{
	uint32_t none = POOL_NONE;

	if (guard_ready())
		return true;
	if (!atomic_compare_exchange_strong_explicit(&guard_made, &none, POOL_MAKING,
						     memory_order_relaxed, memory_order_relaxed))
		return false;
	if (!pool_make() || fault_watch(guard_fault) < 0) {
		atomic_store_explicit(&guard_made, POOL_REFUSED, memory_order_relaxed);
		__atomic_store_n(&settings.kfence_ms, 0, __ATOMIC_RELAXED);
		report("kfence_sample_interval: there is no memory for the pool; it is off");
		return false;
	}
	/* release: the pool; pairs with the acquire in guard_ready */
	atomic_store_explicit(&guard_made, POOL_MADE, memory_order_release);
	note_classes();
	/* Whoever asks just now has not said how much: the next one. */
	return false;
}

/* xorshift32; G. Marsaglia, "Xorshift RNGs", 2003. */
static uint32_t next_random_locked(void)
{
	uint32_t x = line.random | !line.random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return line.random = x;
}

struct guarded *pool_take(uint32_t *random)
{
	struct guarded *guarded = NULL;

	lock_take(&guard_lock, LOCK_GUARD);
	if (line.first != LINE_END) {
		guarded = &guard_pool.objects[line.first];
		line.first = guarded->next;
		line.ntaken++;
		line.nallocated++;
		*random = next_random_locked();
	}
	lock_release(&guard_lock, LOCK_GUARD);
	if (guarded)
		guarded_set(guarded, GUARD_TAKEN);
	return guarded;
}

void pool_give(struct guarded *guarded)
{
	uint32_t index = (uint32_t)(guarded - guard_pool.objects);

	lock_take(&guard_lock, LOCK_GUARD);
	guarded->next = LINE_END;
	if (line.first == LINE_END)
		line.first = index;
	else
		guard_pool.objects[line.last].next = index;
	line.last = index;
	line.ntaken--;
	lock_release(&guard_lock, LOCK_GUARD);
}

void pool_give_back(struct guarded *guarded)
{
	lock_take(&guard_lock, LOCK_GUARD);
	if (line.first == LINE_END)
		line.last = (uint32_t)(guarded - guard_pool.objects);
	guarded->next = line.first;
	line.first = (uint32_t)(guarded - guard_pool.objects);
	line.ntaken--;
	line.nallocated--;
	lock_release(&guard_lock, LOCK_GUARD);
}

uint32_t pool_taken(void)
{
	struct guard_counts counts;

	return guard_count(&counts) ? counts.ntaken : 0;
}

bool guard_count(struct guard_counts *counts)
{
	if (!guard_ready())
		return false;
	counts->nobjects = guard_pool.nobjects;
	lock_take(&guard_lock, LOCK_GUARD);
	counts->ntaken = line.ntaken;
	counts->nallocated = line.nallocated;
	lock_release(&guard_lock, LOCK_GUARD);
	return true;
}

/* The thread that was about to make it has vanished, and the addresses it may have are lost. */
void guard_after_fork(void)
{
	uint32_t making = POOL_MAKING;

	atomic_compare_exchange_strong_explicit(&guard_made, &making, POOL_NONE,
						memory_order_relaxed, memory_order_relaxed);
}
