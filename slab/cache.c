// SPDX-License-Identifier: MIT
/* Caches: birth, and what is done to all of one's slabs. The end is in destroy.c. */
#include "slab/cache.h"

#include "buddy/meta.h"
#include "buddy/report.h"
#include "buddy/root.h"
#include "buddy/settings.h"
#include "buddy/shortage.h"
#include "slab/barn.h"
#include "slab/cache_place.h"
#include "slab/damaged.h"
#include "slab/guard.h"
#include "slab/hardened.h"
#include "slab/rcu.h"
#include "slab/shade.h"
#include "slab/shape.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

struct kmem_cache *_Atomic cache_table[ID_LIMIT];
struct lock cache_lock;
static struct kmem_cache *free_records; /* guarded by cache_lock */
static struct meta_pool record_pool = {.nbytes = sizeof(struct kmem_cache), .align = 64};

unsigned cache_ids(void)
{
	return __atomic_load_n(&root_record.ncaches, __ATOMIC_ACQUIRE);
}

void cache_count(struct kmem_cache *cache, uint64_t taken, uint64_t given, uint64_t lent)
{
	if (taken)
		__atomic_fetch_add(&cache->pub.taken, taken, __ATOMIC_RELAXED);
	if (given)
		__atomic_fetch_add(&cache->pub.given, given, __ATOMIC_RELAXED);
	if (lent)
		__atomic_fetch_add(&cache->pub.lent, lent, __ATOMIC_RELAXED);
}

void cache_change_begin(struct kmem_cache *cache)
{
	lock_take(&cache->lock, LOCK_CACHE);
	/* acquire: no change may be seen with the even number before it */
	__atomic_fetch_add(&cache->pub.seq, 1, __ATOMIC_ACQUIRE);
}

void cache_change_end(struct kmem_cache *cache)
{
	__atomic_fetch_add(&cache->pub.seq, 1, __ATOMIC_RELEASE);
	lock_release(&cache->lock, LOCK_CACHE);
}

static void cache_publish(struct kmem_cache *cache, const struct cache_shape *shape)
{
	cache_change_begin(cache);
	shape_apply(shape, cache);
	cache->pub.generation++;
	cache->pub.id = cache->id;
	cache_change_end(cache);
	/* release: the record; readers come through cache_of */
	atomic_store_explicit(&cache_table[cache->id], cache, memory_order_release);
}

static void record_number(struct kmem_cache *record, unsigned id)
{
	record->id = id;
	record->slot = id * (uint32_t)sizeof(struct slot);
}

/* Give a record that nobody has seen its id; the one that has it already, if another was first. */
static struct kmem_cache *record_enter_locked(struct kmem_cache *fresh, unsigned id)
{
	if (cache_of(id)) {
		meta_pool_put(&record_pool, fresh);
		return cache_of(id);
	}
	record_number(fresh, id);
	return fresh;
}

struct kmem_cache *cache_create_fixed(unsigned id, const struct cache_shape *shape)
{
	struct kmem_cache *fresh = meta_pool_get(&record_pool), *cache;

	if (!fresh)
		return NULL;
	lock_take(&cache_lock, LOCK_CACHES);
	cache = record_enter_locked(fresh, id);
	if (cache == fresh)
		cache_publish(cache, shape);
	lock_release(&cache_lock, LOCK_CACHES);
	return cache;
}

struct kmem_cache *cache_create_front(unsigned id, unsigned size, const struct cache_ops *ops)
{
	struct kmem_cache *fresh = meta_pool_get(&record_pool), *cache;

	if (!fresh)
		return NULL;
	lock_take(&cache_lock, LOCK_CACHES);
	cache = record_enter_locked(fresh, id);
	if (cache == fresh) {
		cache->ops = ops;
		cache->pub.stride = size;
		strcpy(cache->pub.name, "malloc-heap");
		shape_sheaves(cache);
		cache->limit_first = cache->limit_max = 0;
		cache->direct = false;
		cache->gated = settings.hardened;
		atomic_store_explicit(&cache_table[id], cache, memory_order_release);
	}
	lock_release(&cache_lock, LOCK_CACHES);
	return cache;
}

/* The record for a new cache: a destroyed one's, else fresh with a new id. 0 or -errno. */
static int record_get_locked(struct kmem_cache *fresh, struct kmem_cache **record)
{
	uint32_t id = cache_ids();
	int err;

	if (free_records) {
		*record = free_records;
		free_records = free_records->next_free;
		meta_pool_put(&record_pool, fresh);
		return 0;
	}
	err = id >= ID_LIMIT ? -ENOSPC : threads_commit(id);
	if (err) {
		meta_pool_put(&record_pool, fresh);
		return err;
	}
	record_number(fresh, id);
	*record = fresh;
	atomic_store_explicit(&cache_table[id], fresh, memory_order_release);
	__atomic_store_n(&root_record.ncaches, id + 1, __ATOMIC_RELEASE);
	return 0;
}

static struct kmem_cache *create_failed(const struct cache_shape *shape, int err, const char *why)
{
	if (!(shape->flags & SLAB_NOWARN))
		report("kmem_cache_create: cache '%s': %s (size %u, align %u)",
		       shape->name ? shape->name : "(null)", why, shape->size, shape->args.align);
	if (shape->flags & SLAB_PANIC)
		sys_abort();
	errno = err;
	return NULL;
}

static int create_try(const struct cache_shape *shape, struct kmem_cache **cache)
{
	struct kmem_cache *fresh = meta_pool_get(&record_pool);
	int err;

	if (!fresh)
		return -ENOMEM;
	lock_take(&cache_lock, LOCK_CACHES);
	err = record_get_locked(fresh, cache);
	if (!err)
		cache_publish(*cache, shape);
	lock_release(&cache_lock, LOCK_CACHES);
	return err;
}

/* The queue of the flavour, where slabs or frees are to wait for its grace periods. */
static bool find_queue(struct cache_shape *shape)
{
	if (!(shape->flags & SLAB_TYPESAFE_BY_RCU) && !shape->args.flavor)
		return true;
	shape->rcu = rcu_ops_get()->queue(shape->args.flavor);
	return shape->rcu;
}

static struct kmem_cache *create(struct cache_shape *shape)
{
	struct shortage shortage = {.nbytes = sizeof(struct kmem_cache),
				    .flags = GFP_KERNEL | __GFP_NOWARN};
	const char *wrong = shape_error(shape);
	struct kmem_cache *cache = NULL;
	int err;

	if (wrong)
		return create_failed(shape, EINVAL, wrong);
	if (!find_queue(shape))
		return create_failed(shape, ENOMEM, "no memory");
	do
		err = create_try(shape, &cache);
	while (err == -ENOMEM && shortage_again(&shortage));
	if (err == -ENOSPC)
		return create_failed(shape, ENOSPC, "all 65535 ids are in use");
	if (err)
		return create_failed(shape, ENOMEM, "no memory");
	return cache;
}

struct kmem_cache *kmem_cache_create_args(const char *name, unsigned int size,
					  const struct kmem_cache_args *args, slab_flags_t flags)
{
	struct cache_shape shape = {.name = name, .size = size, .flags = flags};

	if (args)
		shape.args = *args;
	return create(&shape);
}

/* In parentheses: the header's macro of this name chooses between the two. */
struct kmem_cache *(kmem_cache_create)(const char *name, unsigned int size, unsigned int align,
				       slab_flags_t flags, void (*ctor)(void *object))
{
	return create(&(struct cache_shape){.name = name,
					    .size = size,
					    .flags = flags,
					    .args = {.align = align, .ctor = ctor}});
}

struct kmem_cache *kmem_cache_create_usercopy(const char *name, unsigned int size,
					      unsigned int align, slab_flags_t flags,
					      unsigned int useroffset, unsigned int usersize,
					      void (*ctor)(void *object))
{
	return create(&(struct cache_shape){.name = name,
					    .size = size,
					    .flags = flags,
					    .args = {.align = align,
						     .useroffset = useroffset,
						     .usersize = usersize,
						     .ctor = ctor}});
}

size_t cache_drain_barn(struct kmem_cache *cache, struct barn *barn, size_t most)
{
	size_t n = 0;

	for (; barn && most > 0; most--) {
		struct sheaf *sheaf = barn_pop(barn);
		unsigned fill;

		if (!sheaf)
			break;
		fill = sheaf_capacity(sheaf_level(sheaf));
		cache->ops->home(cache, sheaf->object, fill);
		cache_count(cache, 0, fill, 0 - (uint64_t)fill);
		sheaf_put(sheaf);
		n += fill;
	}
	return n;
}

static void drain_barn(struct kmem_cache *cache, struct barn *barn)
{
	cache_drain_barn(cache, barn, SIZE_MAX);
}

static void age_barn(struct kmem_cache *cache, struct barn *barn)
{
	cache_drain_barn(cache, barn, (size_t)barn_surplus(cache, barn));
}

/* Of all places. */
static void each_barn(struct kmem_cache *cache,
		      void (*act)(struct kmem_cache *cache, struct barn *barn))
{
	struct barn *barns = barns_of(cache);

	for (unsigned i = 0; barns && i < BARNS; i++)
		act(cache, &barns[i]);
	for (struct cache_place *at = cache_places(cache); at; at = cache_place_next(at))
		for (unsigned i = 0; i < BARNS; i++)
			act(cache, &at->barns[i]);
}

/* The empty sheaves that the cache kept to itself: to all caches. */
static void drain_empties(struct kmem_cache *cache)
{
	struct sheaf *sheaf;

	for (unsigned level = 0; level < SHEAF_LEVELS; level++)
		while ((sheaf = barn_take_empty(cache, level)))
			sheaf_put(sheaf);
}

void cache_drain(struct kmem_cache *cache)
{
	hardened_drain(cache);
	each_barn(cache, drain_barn);
	drain_empties(cache);
	slab_retire(cache, 0);
}

void cache_decay(struct kmem_cache *cache)
{
	if (cache->nowait)
		return;
	each_barn(cache, age_barn);
	if (__atomic_load_n(&cache->pub.nslabs_empty, __ATOMIC_RELAXED))
		slab_retire(cache, 1);
}

void cache_forget_locked(struct kmem_cache *cache)
{
	for_each_thread (thread) {
		struct shelf *shelf = thread_shelf(thread, cache->id);

		lock_take(&thread->lock, LOCK_THREAD);
		if (shelf->used)
			shelf_clear_counts(shelf);
		shelf_begin_small(shelf);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	cache_change_begin(cache);
	cache->pub.id = 0;
	__atomic_store_n(&cache->pub.taken, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&cache->pub.given, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&cache->pub.lent, 0, __ATOMIC_RELAXED);
	memset(cache->pub.name, 0, sizeof(cache->pub.name));
	cache_change_end(cache);
	cache->next_free = free_records;
	free_records = cache;
}

int kmem_cache_shrink(struct kmem_cache *cache)
{
	struct thread *thread = thread_mine();

	threads_ask_trim(cache);
	if (thread) {
		lock_take(&thread->lock, LOCK_THREAD);
		thread_flush(thread, cache);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	cache_drain(cache);
	slab_destruct(cache);
	guard_settle(cache);
	damaged_pass();
	rcu_wake();
	return __atomic_load_n(&cache->pub.nslabs, __ATOMIC_RELAXED) != 0;
}

unsigned int kmem_cache_size(const struct kmem_cache *cache)
{
	return cache->pub.object_size;
}

const char *kmem_cache_name(const struct kmem_cache *cache)
{
	return cache->pub.name;
}
