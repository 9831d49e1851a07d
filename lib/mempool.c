// SPDX-License-Identifier: MIT
/*
 * Memory pools: an allocator, and behind it a reserve (lib/reserve.h). There is no lock,
 * so a request that may not wait never does, and the user's functions run under none.
 *
 * Who waits: it counts itself, looks at the reserve once more, and sleeps unless wakes
 * has changed since before. Who frees: it puts the element, and if anybody is counted
 * raises wakes and wakes one. Either the one sees the element or the other the count, as
 * both are seq_cst; so no wake-up is lost.
 * Source of the interface: mm/mempool.c of Linux.
 */
#include "lib/mempool.h"
#include "buddy/report.h"
#include "buddy/sys.h"
#include "lib/malloc.h"
#include "lib/reserve.h"

#include <errno.h>
#include <string.h>

#define OUT_LINES 4u
/* As in the kernel: then it tries the allocator again, as others than this pool's users free. */
#define WAIT_MS 5000u

struct kmem_mempool {
	kmem_mempool_alloc_t *alloc;
	kmem_mempool_free_t *free;
	void *data;
	_Atomic uint32_t waiters;
	_Atomic uint32_t wakes; /* what they sleep on */
	_Alignas(64) struct reserve reserve;
	/* Elements out, in cache lines of their own: a thread counts in that of its number. */
	struct {
		_Alignas(64) _Atomic long n;
	} out[OUT_LINES];
};

static inline void count_out(struct kmem_mempool *pool, long add)
{
	const struct thread *thread = thread_known();
	unsigned line = thread ? thread->number % OUT_LINES : 0;

	atomic_fetch_add_explicit(&pool->out[line].n, add, memory_order_relaxed);
}

static long elements_out(const struct kmem_mempool *pool)
{
	long n = 0;

	for (unsigned line = 0; line < OUT_LINES; line++)
		n += atomic_load_explicit(&pool->out[line].n, memory_order_relaxed);
	return n;
}

static void wake_one(struct kmem_mempool *pool)
{
	if (atomic_load_explicit(&pool->waiters, memory_order_seq_cst) == 0)
		return;
	atomic_fetch_add_explicit(&pool->wakes, 1, memory_order_seq_cst);
	sys_futex_wake((uint32_t *)&pool->wakes);
}

/* An element that is nobody's: to the reserve, else to the allocator. */
static void give(struct kmem_mempool *pool, void *element)
{
	if (!reserve_is_full(&pool->reserve))
		element = reserve_put(&pool->reserve, element);
	if (element)
		pool->free(element, pool->data);
	wake_one(pool);
}

/* An element of the reserve, or NULL after some time, or without reason. */
static void *wait_for_element(struct kmem_mempool *pool)
{
	uint32_t seen = atomic_load_explicit(&pool->wakes, memory_order_seq_cst);
	void *element;

	atomic_fetch_add_explicit(&pool->waiters, 1, memory_order_seq_cst);
	element = reserve_take(&pool->reserve);
	if (!element) {
		sys_futex_wait_ms((uint32_t *)&pool->wakes, seen, WAIT_MS);
		element = reserve_take(&pool->reserve);
	}
	atomic_fetch_sub_explicit(&pool->waiters, 1, memory_order_seq_cst);
	return element;
}

/* The allocator had none without running shrinkers. */
static __attribute__((noinline)) void *alloc_slow(struct kmem_mempool *pool, gfp_t flags)
{
	void *element = reserve_take(&pool->reserve);

	while (!element && flags & __GFP_DIRECT_RECLAIM) {
		element = pool->alloc(flags, pool->data);
		if (!element)
			element = wait_for_element(pool);
	}
	if (!element)
		errno = ENOMEM;
	return element;
}

/* Whose pool it is, for a message. */
static void describe(const struct kmem_mempool *pool, char *text, size_t nbytes)
{
	const struct kmem_cache *cache = pool->data;

	if (pool->alloc == kmem_mempool_alloc_slab)
		report_format(text, nbytes, "pool %p of cache '%s'", (const void *)pool,
			      cache->pub.name);
	else
		report_format(text, nbytes, "pool %p", (const void *)pool);
}

static __attribute__((noinline)) void *alloc_zeroed(const struct kmem_mempool *pool, gfp_t flags)
{
	char text[160];

	if (!(flags & __GFP_NOWARN)) {
		describe(pool, text, sizeof(text));
		report("kmem_mempool_alloc: %s: no __GFP_ZERO, as an element of the reserve is "
		       "as its last owner left it",
		       text);
	}
	errno = EINVAL;
	return NULL;
}

void *kmem_mempool_alloc(struct kmem_mempool *pool, gfp_t flags)
{
	/* To wait for memory is the pool's: the allocator gives up, and says nothing. */
	gfp_t quiet = (flags | __GFP_NOWARN) & ~__GFP_NOFAIL;
	void *element;

	if (__builtin_expect(flags & __GFP_ZERO, 0))
		return alloc_zeroed(pool, flags);
	element = pool->alloc(quiet | __GFP_NORETRY, pool->data);
	if (__builtin_expect(!element, 0))
		element = alloc_slow(pool, quiet);
	if (element)
		count_out(pool, 1);
	return element;
}

void *kmem_mempool_alloc_preallocated(struct kmem_mempool *pool)
{
	void *element = reserve_take(&pool->reserve);

	if (element)
		count_out(pool, 1);
	else
		errno = ENOMEM;
	return element;
}

void kmem_mempool_free(void *element, struct kmem_mempool *pool)
{
	if (!element)
		return;
	count_out(pool, -1);
	give(pool, element);
}

static void release(struct kmem_mempool *pool, void **elements, uint32_t n)
{
	while (n > 0)
		pool->free(elements[--n], pool->data);
}

/* n elements into elements[]. 0, or -ENOMEM, or -EINVAL if the allocator says so, and none. */
static int allocate(struct kmem_mempool *pool, void **elements, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		errno = 0;
		elements[i] = pool->alloc(GFP_KERNEL, pool->data);
		if (!elements[i]) {
			int err = errno == EINVAL ? -EINVAL : -ENOMEM;

			release(pool, elements, i);
			return err;
		}
	}
	return 0;
}

/* From old elements to n; false: another thread has changed the number meanwhile. */
static bool change_least(struct kmem_mempool *pool, uint32_t old, uint32_t n)
{
	return atomic_compare_exchange_strong_explicit(&pool->reserve.least, &old, n,
						       memory_order_seq_cst, memory_order_seq_cst);
}

/* Let the reserve have more elements, which are allocated first. 0, -EAGAIN, or as allocate. */
static int grow(struct kmem_mempool *pool, uint32_t old, uint32_t n)
{
	uint32_t more = n - old;
	void **elements = facade_malloc((size_t)more * sizeof(void *));
	int err = elements ? reserve_grow(&pool->reserve, n) : -ENOMEM;

	if (!err)
		err = allocate(pool, elements, more);
	if (!err && change_least(pool, old, n)) {
		for (uint32_t i = 0; i < more; i++)
			give(pool, elements[i]);
	} else if (!err) {
		release(pool, elements, more);
		err = -EAGAIN;
	}
	facade_free(elements);
	return err;
}

/* Fewer: what lies beyond goes where there is room, or back. 0 or -EAGAIN. */
static int shrink(struct kmem_mempool *pool, uint32_t old, uint32_t n)
{
	if (!change_least(pool, old, n))
		return -EAGAIN;
	for (uint32_t i = n; i < old; i++) {
		void *element = reserve_take_at(&pool->reserve, i);

		if (element)
			give(pool, element);
	}
	return 0;
}

static bool is_min(const char *doing, int min_nr)
{
	if (min_nr > 0)
		return true;
	report("%s: min_nr, %d, is not above 0", doing, min_nr);
	return false;
}

int kmem_mempool_resize(struct kmem_mempool *pool, int min_nr)
{
	uint32_t n = (uint32_t)min_nr, old;
	int err;

	if (!is_min("kmem_mempool_resize", min_nr))
		return -EINVAL;
	do {
		old = atomic_load_explicit(&pool->reserve.least, memory_order_seq_cst);
		err = n > old ? grow(pool, old, n) : shrink(pool, old, n);
	} while (err == -EAGAIN);
	return err;
}

/* Without a look at the arguments; NULL with errno. */
static struct kmem_mempool *create(int min_nr, kmem_mempool_alloc_t *alloc,
				   kmem_mempool_free_t *free, void *data)
{
	struct kmem_mempool *pool = aligned_alloc_any(_Alignof(struct kmem_mempool), sizeof(*pool));
	int err = -ENOMEM;

	if (pool) {
		memset(pool, 0, sizeof(*pool));
		pool->alloc = alloc;
		pool->free = free;
		pool->data = data;
		err = grow(pool, 0, (uint32_t)min_nr);
		if (!err)
			return pool;
		reserve_free(&pool->reserve);
		facade_free(pool);
	}
	errno = -err;
	return NULL;
}

struct kmem_mempool *mempool_make(const char *doing, int min_nr, kmem_mempool_alloc_t *alloc,
				  kmem_mempool_free_t *free, void *pool_data)
{
	bool good = is_min(doing, min_nr);

	if (good && (!alloc || !free)) {
		report("%s: %s is NULL", doing, alloc ? "free" : "alloc");
		good = false;
	}
	if (good)
		return create(min_nr, alloc, free, pool_data);
	errno = EINVAL;
	return NULL;
}

struct kmem_mempool *kmem_mempool_create(int min_nr, kmem_mempool_alloc_t *alloc,
					 kmem_mempool_free_t *free, void *pool_data)
{
	return mempool_make("kmem_mempool_create", min_nr, alloc, free, pool_data);
}

void kmem_mempool_destroy(struct kmem_mempool *pool)
{
	void *element;
	char text[160];
	long out;

	if (!pool)
		return;
	out = elements_out(pool);
	if (out > 0) {
		describe(pool, text, sizeof(text));
		report("kmem_mempool_destroy: %s: %zu elements are still out", text, (size_t)out);
	}
	while ((element = reserve_take(&pool->reserve)))
		pool->free(element, pool->data);
	reserve_free(&pool->reserve);
	facade_free(pool);
}

int kmem_mempool_reserve(const struct kmem_mempool *pool)
{
	int count = atomic_load_explicit(&pool->reserve.count, memory_order_relaxed);

	return count > 0 ? count : 0;
}

int kmem_mempool_min(const struct kmem_mempool *pool)
{
	return (int)atomic_load_explicit(&pool->reserve.least, memory_order_relaxed);
}
