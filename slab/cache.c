// SPDX-License-Identifier: MIT
/* Caches: geometry, birth, death, and what is done to all of one's slabs. */
#include "slab/cache.h"

#include "buddy/buddy.h"
#include "buddy/meta.h"
#include "buddy/report.h"
#include "buddy/root.h"
#include "slab/ask.h"
#include "slab/barn.h"
#include "slab/home.h"
#include "slab/reclaim.h"
#include "slab/sheaves.h"
#include "slab/slab.h"
#include "slab/slot.h"

#include <errno.h>
#include <string.h>

#define SLAB_KNOWN   (0x7fffu | SLAB_NOWARN | SLAB_NOWAIT)
#define BARN_BYTES   ((size_t)32 << 20) /* what a barn may come to hold */
#define BARN_SHEAVES 1024

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

/*
 * Many where they are small, so that what is allocated one after the other lies on
 * pages side by side; fewer the larger they are, as an empty slab is what can be
 * given back.
 */
static uint32_t wanted_objects(uint32_t stride)
{
	if (stride <= 64)
		return 512;
	if (stride <= 256)
		return 256;
	if (stride <= 1024)
		return 64;
	if (stride <= 8192)
		return 16;
	return stride <= 32768 ? 8 : 4;
}

/* Pages of a slab: the least power of two with room for the wanted objects. */
static void set_slab_size(struct kmem_cache *cache)
{
	uint32_t stride = cache->pub.stride, npages = 1;
	size_t nbytes = PAGE_BYTES;

	while (nbytes / stride < wanted_objects(stride) && (nbytes * 2) / stride <= SLAB_OBJECTS) {
		nbytes *= 2;
		npages *= 2;
	}
	cache->pub.slab_pages = npages;
	cache->pub.slab_objects = (uint32_t)(nbytes / stride);
	if (cache->pub.slab_objects > SLAB_OBJECTS)
		cache->pub.slab_objects = SLAB_OBJECTS;
	cache->nwords = (cache->pub.slab_objects + 63) / 64;
	cache->reciprocal = (uint32_t)((1ull << 32) / stride) + 1;
}

/* The largest level up to most whose sheaves hold at most nbytes, or one object. */
static uint8_t sheaf_level_for(uint32_t stride, size_t nbytes, unsigned most)
{
	unsigned level = 0;

	while (level < most && (size_t)sheaf_capacity(level + 1) * stride <= nbytes)
		level++;
	return (uint8_t)level;
}

static void set_sheaf_size(struct kmem_cache *cache)
{
	unsigned level = sheaf_level_for(cache->pub.stride, SHEAF_BYTES, SHEAF_LEVELS - 1);
	size_t sheaf_bytes;

	cache->level_max = (uint8_t)level;
	cache->level_first =
		sheaf_level_for(cache->pub.stride, SHEAF_BYTES_FIRST, SHEAF_LEVEL_FIRST);
	cache->direct = cache->pub.stride > SHEAF_OBJECT_MOST;
	cache->no_spare = cache->pub.stride > SHEAF_OBJECT_MOST / 4;
	sheaf_bytes = (size_t)sheaf_capacity(level) * cache->pub.stride;
	cache->limit_max = (int32_t)(BARN_BYTES / sheaf_bytes);
	if (cache->limit_max > BARN_SHEAVES)
		cache->limit_max = BARN_SHEAVES;
	cache->limit_first =
		cache->limit_max < BARN_LIMIT_FIRST ? cache->limit_max : BARN_LIMIT_FIRST;
}

/* Sheaves of at least so many objects from the start. */
static void widen_sheaves(struct kmem_cache *cache, unsigned capacity)
{
	while (sheaf_capacity(cache->level_first) < capacity)
		cache->level_first++;
	if (cache->level_max < cache->level_first)
		cache->level_max = cache->level_first;
}

/* What the args say beyond the shape of objects. */
static void set_args(struct kmem_cache *cache, const struct kmem_cache_args *args)
{
	size_t most = args->limit_bytes / cache->pub.stride;

	cache->ctor = args->ctor;
	cache->dtor = args->dtor;
	cache->reclaim = args->reclaim;
	cache->limit_reached = args->limit_reached;
	cache->data = args->data;
	cache->limit = args->limit_objects;
	if (args->limit_bytes && (!cache->limit || most < cache->limit))
		cache->limit = most;
	cache->reserve = args->reserve_objects;
	atomic_store_explicit(&cache->used, 0, memory_order_relaxed);
	atomic_store_explicit(&cache->warned_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&cache->asked, 0, memory_order_relaxed);
	cache->gated = cache->limit != 0;
	cache->nowait = cache->pub.flags & SLAB_NOWAIT;
	if (cache->nowait)
		cache->direct = false;
	widen_sheaves(cache, args->sheaf_capacity);
}

/* The record's barns are those of a cache that was destroyed: they are empty. */
static void set_barns(struct kmem_cache *cache)
{
	struct barn *barns = atomic_load_explicit(&cache->barns, memory_order_relaxed);

	for (unsigned i = 0; barns && i < BARNS; i++) {
		atomic_store_explicit(&barns[i].limit, cache->limit_first, memory_order_relaxed);
		atomic_store_explicit(&barns[i].overflows, 0, memory_order_relaxed);
	}
}

static uint32_t stride_align(const struct cache_shape *shape)
{
	uint32_t align = shape->args.align ? shape->args.align : 8;

	if (shape->flags & SLAB_HWCACHE_ALIGN) {
		uint32_t line = 64;

		/* As in the kernel: small objects share a line evenly. */
		while (line > 8 && shape->size <= line / 2)
			line /= 2;
		align = align > line ? align : line;
	}
	return align < 8 ? 8 : align;
}

/* Fill the record in; its id is not yet known to the page map. */
static void cache_setup(struct kmem_cache *cache, const struct cache_shape *shape)
{
	uint32_t align = stride_align(shape);

	cache->ops = &slab_ops;
	memcpy(cache->pub.name, shape->name, strlen(shape->name) + 1);
	cache->pub.object_size = shape->size;
	cache->pub.align = align;
	cache->pub.stride = (shape->size + align - 1) & ~(align - 1);
	cache->pub.flags = shape->flags;
	set_slab_size(cache);
	set_sheaf_size(cache);
	set_args(cache, &shape->args);
	set_barns(cache);
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
	cache_setup(cache, shape);
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
		set_sheaf_size(cache);
		cache->limit_first = cache->limit_max = 0;
		cache->level_max = cache->level_first;
		cache->direct = false;
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

static bool is_within(unsigned offset, unsigned nbytes, unsigned size)
{
	return offset <= size && nbytes <= size - offset;
}

/* What is wrong with the limits, or NULL. */
static const char *limits_error(const struct cache_shape *shape)
{
	const struct kmem_cache_args *args = &shape->args;
	uint32_t align = stride_align(shape);
	size_t stride = (shape->size + align - 1) & ~(align - 1);
	size_t limit = args->limit_objects ? args->limit_objects : SIZE_MAX;

	if (args->limit_bytes && args->limit_bytes < stride)
		return "limit_bytes is less than an object";
	if (args->limit_bytes && args->limit_bytes / stride < limit)
		limit = args->limit_bytes / stride;
	if (args->reserve_objects && (limit == SIZE_MAX || args->reserve_objects > limit))
		return "reserve_objects is more than the limit";
	return NULL;
}

/* What is wrong with the arguments, or NULL. */
static const char *shape_error(const struct cache_shape *shape)
{
	const struct kmem_cache_args *args = &shape->args;

	if (!shape->name || !shape->name[0])
		return "name is empty";
	if (strlen(shape->name) > KMEM_CACHE_NAME_MAX)
		return "name is longer than 63 bytes";
	if (shape->size == 0 || shape->size > KMEM_CACHE_SIZE_MAX)
		return "size is not between 1 and 4194304";
	if (shape->flags & SLAB_TYPESAFE_BY_RCU)
		return "SLAB_TYPESAFE_BY_RCU needs RCU, which is not there";
	if (shape->flags & ~SLAB_KNOWN)
		return "flags has unknown bits";
	if (args->align & (args->align - 1) || args->align > PAGE_BYTES)
		return "align is not a power of two up to 4096";
	if (!is_within(args->useroffset, args->usersize, shape->size))
		return "useroffset and usersize reach beyond the object";
	if (args->use_freeptr_offset &&
	    !is_within(args->freeptr_offset, sizeof(void *), shape->size))
		return "freeptr_offset reaches beyond the object";
	if (args->sheaf_capacity > SHEAF_CAP_MAX)
		return "sheaf_capacity is more than 255";
	return limits_error(shape);
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

static struct kmem_cache *create(const struct cache_shape *shape)
{
	const char *wrong = shape_error(shape);
	struct kmem_cache *cache = NULL, *fresh;
	int err;

	if (wrong)
		return create_failed(shape, EINVAL, wrong);
	fresh = meta_pool_get(&record_pool);
	if (!fresh)
		return create_failed(shape, ENOMEM, "no memory");
	lock_take(&cache_lock, LOCK_CACHES);
	err = record_get_locked(fresh, &cache);
	if (!err)
		cache_publish(cache, shape);
	lock_release(&cache_lock, LOCK_CACHES);
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

/* Send home up to n sheaves of a barn, or the next one's where it has none. */
static void drain_sheaves(struct kmem_cache *cache, unsigned barn, int32_t n)
{
	while (n-- > 0) {
		struct sheaf *sheaf = barn_take(cache, barn);
		unsigned fill;

		if (!sheaf)
			return;
		fill = sheaf_capacity(sheaf_level(sheaf));
		cache->ops->home(cache, sheaf->object, fill);
		cache_count(cache, 0, fill, 0 - (uint64_t)fill);
		sheaf_put(sheaf);
	}
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
	drain_sheaves(cache, 0, INT32_MAX);
	drain_empties(cache);
	slab_retire(cache, 0);
}

void cache_decay(struct kmem_cache *cache)
{
	if (cache->nowait)
		return;
	for (unsigned barn = 0; barn < BARNS; barn++)
		drain_sheaves(cache, barn, barn_surplus(cache, barn));
	if (__atomic_load_n(&cache->pub.nslabs_empty, __ATOMIC_RELAXED))
		slab_retire(cache, 1);
}

/* Call seen, if given, for each object that is not at home; how many. */
static unsigned each_live(const struct kmem_cache *cache,
			  void (*seen)(const struct kmem_cache *cache, void *object))
{
	unsigned n = 0;

	for (unsigned bucket = BUCKET_FULL; bucket < BUCKET_EMPTY; bucket++)
		for (struct slab *slab = cache->lists[bucket]; slab; slab = slab->next)
			for (uint32_t i = 0; i < cache->pub.slab_objects; i++) {
				uint64_t word = atomic_load_explicit(&slab->free[i / 64],
								     memory_order_acquire);

				if (word >> (i & 63) & 1)
					continue;
				n++;
				if (seen)
					seen(cache, (void *)(slab->base +
							     (uintptr_t)i * cache->pub.stride));
			}
	return n;
}

static void report_live(const struct kmem_cache *cache, void *object)
{
	report("kmem_cache_destroy: cache '%s': object %p is still live", cache->pub.name, object);
}

/* Everything home that threads and barn hold. */
static void recall(struct kmem_cache *cache)
{
	for_each_thread (thread) {
		lock_take(&thread->lock, LOCK_THREAD);
		if (thread_shelf(thread, cache->id)->used)
			thread_flush(thread, cache);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	cache_drain(cache);
	if (cache->pub.nslabs) {
		slab_recount_all(cache);
		slab_retire(cache, 0);
	}
}

/* The record forgets the cache, and each thread its counts. */
static void record_put_locked(struct kmem_cache *cache)
{
	for_each_thread (thread) {
		struct shelf *shelf = thread_shelf(thread, cache->id);

		lock_take(&thread->lock, LOCK_THREAD);
		if (shelf->used)
			shelf_clear_counts(shelf);
		shelf->level = 0;
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

/* One try to destroy the cache: what still lives, and how many slabs. false: it is none. */
static bool destroy_try(struct kmem_cache *cache, unsigned *nlive, unsigned *nslabs)
{
	bool known;

	/* No slab is in other hands meanwhile. */
	lock_take(&reclaim_lock, LOCK_RECLAIM);
	lock_take(&cache_lock, LOCK_CACHES);
	known = cache->pub.id != 0;
	if (known) {
		recall(cache);
		*nlive = each_live(cache, NULL);
		*nslabs = cache->pub.nslabs;
		if (!*nlive && !*nslabs)
			record_put_locked(cache);
	}
	lock_release(&cache_lock, LOCK_CACHES);
	lock_release(&reclaim_lock, LOCK_RECLAIM);
	return known;
}

int kmem_cache_destroy(struct kmem_cache *cache)
{
	unsigned nlive = 0, nslabs = 0;
	bool known;

	if (!cache)
		return 0;
	if (!ask_stop(cache)) {
		report_bug("kmem_cache_destroy: cache '%s' is destroyed by its reclaim callback",
			   cache->pub.name);
		return -EBUSY;
	}
	/* Destructors run in between, with no lock held. */
	do
		known = destroy_try(cache, &nlive, &nslabs);
	while (known && !nlive && nslabs && slab_destruct(cache));
	if (nslabs)
		ask_resume(cache);
	if (!known) {
		report_bug("kmem_cache_destroy: the cache at %p was destroyed before",
			   (void *)cache);
		return -EINVAL;
	}
	/* Nobody uses the cache, so its slabs stay where they are without the lock. */
	if (nlive)
		each_live(cache, report_live);
	else if (nslabs)
		report("kmem_cache_destroy: cache '%s': %u slabs were lost in a fork",
		       cache->pub.name, nslabs);
	return nslabs ? -EBUSY : 0;
}

int kmem_cache_shrink(struct kmem_cache *cache)
{
	struct thread *thread = thread_known();

	threads_ask_trim(cache);
	if (thread) {
		lock_take(&thread->lock, LOCK_THREAD);
		thread_flush(thread, cache);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	cache_drain(cache);
	slab_destruct(cache);
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
