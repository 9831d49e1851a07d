// SPDX-License-Identifier: MIT
/* Records' memory: see meta.h. */
#include "buddy/meta.h"

#include "buddy/limit.h"
#include "buddy/root.h"
#include "buddy/sys.h"

#include <errno.h>
#include <string.h>

#define META_CHUNK_MIN ((size_t)1 << 20)
#define META_CHUNK_MAX ((size_t)1 << 30)
#define META_STEP      ((size_t)64 << 10) /* commit at least so much at a time */
#define META_HUGE      ((size_t)1 << 20)

_Static_assert(META_CHUNK_MAX >> META_UNIT_SHIFT <= 1ul << META_CHUNK_SHIFT, "offset fits");

struct lock meta_lock;
struct meta_chunk meta_chunks[META_CHUNKS];
static _Atomic unsigned nchunks;

/* Raise the chunk's watermark to goal. 0 or -ENOMEM. */
static int chunk_commit_to(struct meta_chunk *chunk, size_t goal)
{
	if (!limit_fits_locked(goal - chunk->committed) ||
	    sys_commit(chunk->base + chunk->committed, goal - chunk->committed) < 0)
		return -ENOMEM;
	/* No huge page fits below: programs that stay small are spared the call. */
	if (chunk->committed < META_HUGE && goal >= META_HUGE)
		sys_advise_huge(chunk->base, chunk->nbytes, SYS_THP_NEVER);
	__atomic_fetch_add(&root_record.meta_bytes, goal - chunk->committed, __ATOMIC_RELAXED);
	chunk->committed = goal;
	return 0;
}

/* The same to end, or somewhat above, unless a limit is near. */
static int chunk_commit(struct meta_chunk *chunk, size_t end)
{
	size_t step = chunk->committed / 8 > META_STEP ? chunk->committed / 8 : META_STEP;
	size_t least = sys_page_up(end), goal = sys_page_up(chunk->committed + step);
	bool refused = limit_has_refused();
	int err;

	if (goal > chunk->nbytes)
		goal = chunk->nbytes;
	if (goal > least && chunk_commit_to(chunk, goal) == 0)
		return 0;
	err = chunk_commit_to(chunk, least);
	/* More was refused than it takes. */
	if (!err && !refused)
		limit_forget();
	return err;
}

static int chunk_commit_first(struct meta_chunk *chunk, size_t need)
{
	bool entered = limit_enter();
	int err = chunk_commit(chunk, need);

	limit_leave(entered);
	return err;
}

/* A chunk that has need bytes, committed; nobody knows it yet. 0 or -ENOMEM. */
static int chunk_create(struct meta_chunk *chunk, size_t need)
{
	unsigned n = atomic_load_explicit(&nchunks, memory_order_relaxed);
	size_t want = n < 10 ? META_CHUNK_MIN << n : META_CHUNK_MAX;

	/* A refusal halves the request before it is an error. */
	for (want = want < need ? need : want; want >= need; want /= 2) {
		*chunk = (struct meta_chunk){.nbytes = sys_page_up(want), .used = 64};
		chunk->base = sys_reserve(chunk->nbytes, sys_page_size());
		if (!chunk->base)
			continue;
		if (chunk_commit_first(chunk, need) == 0)
			return 0;
		sys_unmap(chunk->base, chunk->nbytes);
		return -ENOMEM;
	}
	return -ENOMEM;
}

static bool chunk_enter_locked(const struct meta_chunk *chunk)
{
	unsigned n = atomic_load_explicit(&nchunks, memory_order_relaxed);

	if (n == META_CHUNKS)
		return false;
	meta_chunks[n] = *chunk;
	/* release: pairs with the acquire in meta_at and meta_index */
	atomic_store_explicit(&nchunks, n + 1, memory_order_release);
	return true;
}

static void *chunk_take(struct meta_chunk *chunk, size_t nbytes, size_t align)
{
	uintptr_t base = (uintptr_t)chunk->base;
	size_t start = ((base + chunk->used + align - 1) & ~(align - 1)) - base;
	size_t end = start + nbytes;

	if (end > chunk->nbytes)
		return NULL;
	if (end > chunk->committed && chunk_commit(chunk, end) < 0)
		return NULL;
	chunk->used = end;
	return chunk->base + start;
}

/* From the last chunk; what is left of those before it is lost. */
static void *take_locked(size_t nbytes, size_t align)
{
	unsigned n = atomic_load_explicit(&nchunks, memory_order_relaxed);

	return n ? chunk_take(&meta_chunks[n - 1], nbytes, align) : NULL;
}

/* Under a limit with the page lock, which comes first: commits are counted. */
static bool lock_to_commit(void)
{
	bool limited = limit_enter();

	lock_take(&meta_lock, LOCK_META);
	return limited;
}

static void lock_drop(bool limited)
{
	lock_release(&meta_lock, LOCK_META);
	limit_leave(limited);
}

void *meta_alloc(size_t nbytes, size_t align)
{
	struct meta_chunk fresh;
	bool limited = lock_to_commit(), entered;
	void *record = take_locked(nbytes, align);

	lock_drop(limited);
	if (record || chunk_create(&fresh, nbytes + align + 64) < 0)
		return record;
	limited = lock_to_commit();
	/* Another thread may have brought one meanwhile. */
	record = take_locked(nbytes, align);
	entered = !record && chunk_enter_locked(&fresh);
	if (entered)
		record = take_locked(nbytes, align);
	lock_drop(limited);
	if (!entered) {
		sys_unmap(fresh.base, fresh.nbytes);
		limit_return(&root_record.meta_bytes, fresh.committed);
	}
	return record;
}

void *meta_pool_get(struct meta_pool *pool)
{
	void *record;

	lock_take(&meta_lock, LOCK_META);
	record = pool->free;
	if (record)
		pool->free = *(void **)record;
	lock_release(&meta_lock, LOCK_META);
	if (!record)
		return meta_alloc(pool->nbytes, pool->align);
	return memset(record, 0, pool->nbytes);
}

void meta_pool_put(struct meta_pool *pool, void *record)
{
	lock_take(&meta_lock, LOCK_META);
	*(void **)record = pool->free;
	pool->free = record;
	lock_release(&meta_lock, LOCK_META);
}
