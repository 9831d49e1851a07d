// SPDX-License-Identifier: MIT
/*
 * What the tests of the kernel's tools/testing ask of the allocator they bring along, beyond
 * the kernel's interface: counts of live objects, and requests that fail on demand. Each
 * call comes here first (ld --wrap), is counted, and goes on to libkmem.
 *
 * A request that may not wait fails, as in the tests' own allocator, unless so many were
 * allowed; the next request of the cache then makes its callback.
 */
#include "shim.h"

#include <kmem/cache.h>
#include <kmem/kmalloc.h>
#include <kmem/rcu.h>
#include <kmem/stats.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NCACHES 16

/* The tests' own names. */
int nr_allocated; /* objects of all caches */
int preempt_count;
int test_verbose;
int kmalloc_verbose;
int kmalloc_nr_allocated;
void kmem_cache_set_callback(struct kmem_cache *cache, void (*callback)(void *data));
void kmem_cache_set_private(struct kmem_cache *cache, void *data);
void kmem_cache_set_non_kernel(struct kmem_cache *cache, unsigned int allowed);
unsigned long kmem_cache_get_alloc(struct kmem_cache *cache);
unsigned long kmem_cache_nr_allocated(struct kmem_cache *cache);
unsigned long kmem_cache_nr_tallocated(struct kmem_cache *cache);
void kmem_cache_zero_nr_tallocated(struct kmem_cache *cache);
void test_kmem_cache_bulk(void);

wrapped(void *, kmem_cache_alloc, struct kmem_cache *cache, gfp_t flags);
wrapped(void *, kmem_cache_alloc_lru, struct kmem_cache *cache, struct list_lru *lru, gfp_t flags);
wrapped(int, kmem_cache_alloc_bulk, struct kmem_cache *cache, gfp_t flags, size_t n,
	void **objects);
wrapped(void, kmem_cache_free, struct kmem_cache *cache, void *object);
wrapped(void, kmem_cache_free_bulk, struct kmem_cache *cache, size_t n, void **objects);
wrapped(void *, kmem_kmalloc, size_t nbytes, gfp_t flags);
wrapped(void, kmem_kfree, const void *block);
wrapped(time_t, time, time_t *at);

/* What the tests set and read of a cache. */
struct watch {
	struct kmem_cache *_Atomic cache;
	_Atomic unsigned int allowed; /* requests that may not wait and shall not fail */
	_Atomic unsigned long live;
	_Atomic unsigned long total; /* allocated since it was last set to zero */
	_Atomic unsigned long ever;
	_Atomic bool call; /* the callback is due */
	void (*callback)(void *data);
	void *data;
};

static struct watch watches[NCACHES];

static struct watch *watch_of(struct kmem_cache *cache)
{
	for (int i = 0; i < NCACHES; i++) {
		struct kmem_cache *known = NULL;

		if (atomic_compare_exchange_strong(&watches[i].cache, &known, cache) ||
		    known == cache)
			return &watches[i];
	}
	fprintf(stderr, "more than %d caches\n", NCACHES);
	abort();
}

void kmem_cache_set_callback(struct kmem_cache *cache, void (*callback)(void *data))
{
	watch_of(cache)->callback = callback;
}

void kmem_cache_set_private(struct kmem_cache *cache, void *data)
{
	watch_of(cache)->data = data;
}

void kmem_cache_set_non_kernel(struct kmem_cache *cache, unsigned int allowed)
{
	watch_of(cache)->allowed = allowed;
}

unsigned long kmem_cache_get_alloc(struct kmem_cache *cache)
{
	return watch_of(cache)->live * kmem_cache_size(cache);
}

unsigned long kmem_cache_nr_allocated(struct kmem_cache *cache)
{
	return watch_of(cache)->live;
}

unsigned long kmem_cache_nr_tallocated(struct kmem_cache *cache)
{
	return watch_of(cache)->total;
}

void kmem_cache_zero_nr_tallocated(struct kmem_cache *cache)
{
	watch_of(cache)->total = 0;
}

/* How much the tests' allocator keeps is its own business: ours has tests of its own. */
void test_kmem_cache_bulk(void)
{
}

/* What is live, for libkmem too, once nothing waits for readers any more. */
static void check_live(const struct watch *watch)
{
	struct kmem_cache_stats stats = {.size = sizeof(stats)};

	if (kmem_cache_stats(watch->cache, &stats) == 0 && stats.active == watch->live)
		return;
	fprintf(stderr, "%s: %lu objects are live, not %lu\n", stats.name, stats.active,
		watch->live);
	_exit(1);
}

/* That it was libkmem who served them. */
__attribute__((destructor)) static void tell(void)
{
	kmem_rcu_barrier();
	for (int i = 0; i < NCACHES && watches[i].cache; i++) {
		check_live(&watches[i]);
		fprintf(stderr, "libkmem: %lu of %s\n", watches[i].ever,
			kmem_cache_name(watches[i].cache));
	}
	fprintf(stderr, "libkmem-rcu: %lu nodes\n", ndeferred);
}

static void count(struct watch *watch, long n)
{
	__atomic_add_fetch(&nr_allocated, (int)n, __ATOMIC_SEQ_CST);
	watch->live += (unsigned long)n;
	if (n > 0) {
		watch->total += (unsigned long)n;
		watch->ever += (unsigned long)n;
	}
}

void shim_freed(struct kmem_cache *cache)
{
	count(watch_of(cache), -1);
}

/* Those that the cache gave are now the program's. */
static void hand_out(struct kmem_cache *cache, size_t n, void **objects)
{
	for (size_t i = 0; i < n; i++)
		shim_construct(cache, objects[i]);
	count(watch_of(cache), (long)n);
}

/* Whether n objects may be asked for with these flags; with GFP_KERNEL from there on. */
static bool admit(struct watch *watch, gfp_t flags, size_t n)
{
	unsigned int allowed = watch->allowed;

	if (flags & __GFP_DIRECT_RECLAIM)
		return true;
	do {
		if (allowed < n)
			return false;
	} while (!atomic_compare_exchange_weak(&watch->allowed, &allowed,
					       allowed - (unsigned int)n));
	return true;
}

/* A request for one object: whether it goes on. */
static bool request(struct watch *watch, gfp_t flags)
{
	if (atomic_exchange(&watch->call, false) && watch->callback)
		watch->callback(watch->data);
	if (admit(watch, flags, 1))
		return true;
	watch->call = true;
	return false;
}

void *__wrap_kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	struct watch *watch = watch_of(cache);
	void *object = NULL;

	if (request(watch, flags))
		object = __real_kmem_cache_alloc(cache, flags | GFP_KERNEL);
	if (object)
		hand_out(cache, 1, &object);
	return object;
}

void *__wrap_kmem_cache_alloc_lru(struct kmem_cache *cache, struct list_lru *lru, gfp_t flags)
{
	struct watch *watch = watch_of(cache);
	void *object = NULL;

	if (request(watch, flags))
		object = __real_kmem_cache_alloc_lru(cache, lru, flags | GFP_KERNEL);
	if (object)
		hand_out(cache, 1, &object);
	return object;
}

int __wrap_kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t n, void **objects)
{
	struct watch *watch = watch_of(cache);
	int got = 0;

	if (admit(watch, flags, n))
		got = __real_kmem_cache_alloc_bulk(cache, flags | GFP_KERNEL, n, objects);
	hand_out(cache, (size_t)got, objects);
	return got;
}

void __wrap_kmem_cache_free(struct kmem_cache *cache, void *object)
{
	count(watch_of(cache), -1);
	__real_kmem_cache_free(cache, object);
}

void __wrap_kmem_cache_free_bulk(struct kmem_cache *cache, size_t n, void **objects)
{
	count(watch_of(cache), -(long)n);
	__real_kmem_cache_free_bulk(cache, n, objects);
}

void *__wrap_kmem_kmalloc(size_t nbytes, gfp_t flags)
{
	void *block = NULL;

	if (flags & __GFP_DIRECT_RECLAIM)
		block = __real_kmem_kmalloc(nbytes, flags);
	if (block)
		__atomic_add_fetch(&kmalloc_nr_allocated, 1, __ATOMIC_SEQ_CST);
	return block;
}

void __wrap_kmem_kfree(const void *block)
{
	if (block)
		__atomic_sub_fetch(&kmalloc_nr_allocated, 1, __ATOMIC_SEQ_CST);
	__real_kmem_kfree(block);
}

/* In haste, loops of so many seconds are over in a part of them. */
time_t __wrap_time(time_t *at)
{
	static _Atomic long haste;
	struct timespec now;
	time_t seconds;

	if (!haste) {
		const char *given = getenv("KERNEL_HASTE");

		haste = given ? atol(given) : 1;
	}
	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	seconds = (now.tv_sec * 1000 + now.tv_nsec / 1000000) * haste / 1000;
	if (at)
		*at = seconds;
	return seconds;
}
