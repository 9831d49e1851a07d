// SPDX-License-Identifier: MIT
/* What a new cache is to be like: see shape.h. */
#include "slab/shape.h"

#include "buddy/settings.h"

#include "slab/annotate.h"
#include "slab/barn.h"
#include "slab/cache_place.h"
#include "slab/debug.h"
#include "slab/debug_spec.h"
#include "slab/failslab.h"
#include "slab/guard_pool.h"
#include "slab/rcu.h"
#include "slab/shade.h"
#include "slab/slab.h"

#include <string.h>

#define SLAB_KNOWN   (0x7fffu | SLAB_NOWARN | SLAB_NOWAIT)
#define BARN_BYTES   ((size_t)32 << 20) /* what a barn may come to hold */
#define BARN_SHEAVES 1024

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

/* What slab_ordinal divides by. */
static void set_inverse(struct kmem_cache *cache)
{
	uint64_t odd, inverse;

	cache->twos = (uint8_t)__builtin_ctz(cache->pub.stride);
	odd = inverse = cache->pub.stride >> cache->twos;
	/* Newton: each round doubles the bits that are right, three of any odd number at first. */
	for (unsigned bits = 3; bits < 64; bits *= 2)
		inverse *= 2 - odd * inverse;
	cache->inverse = inverse;
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
	cache->nwords = (uint16_t)((cache->pub.slab_objects + 63) / 64);
	cache->slab_bytes = (uint32_t)nbytes;
	set_inverse(cache);
}

/* The largest level up to most whose sheaves hold at most nbytes, or one object. */
static uint8_t sheaf_level_for(uint32_t stride, size_t nbytes, unsigned most)
{
	unsigned level = 0;

	while (level < most && (size_t)sheaf_capacity(level + 1) * stride <= nbytes)
		level++;
	return (uint8_t)level;
}

void shape_sheaves(struct kmem_cache *cache)
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

/* Without what debugging adds, which is no business of the program's limits. */
static uint32_t plain_stride(uint32_t size, uint32_t align)
{
	return (size + align - 1) & ~(align - 1);
}

/* Objects of so many bytes that the args allow; 0: any number, or not one. */
static size_t limit_of(const struct kmem_cache_args *args, uint32_t stride)
{
	size_t most = args->limit_bytes / stride;

	if (!args->limit_bytes || (args->limit_objects && args->limit_objects < most))
		return args->limit_objects;
	return most;
}

/* What the args say beyond the shape of objects. */
static void set_args(struct kmem_cache *cache, const struct kmem_cache_args *args)
{
	cache->reclaim = args->reclaim;
	cache->limit_reached = args->limit_reached;
	cache->data = args->data;
	cache->reserve = args->reserve_objects;
	atomic_store_explicit(&cache->used, 0, memory_order_relaxed);
	atomic_store_explicit(&cache->warned_ms, 0, memory_order_relaxed);
	atomic_store_explicit(&cache->asked, 0, memory_order_relaxed);
	cache->noted = cache->debug.flags || guard_ready() || shade_hooks;
}

/* The record's barns are those of a cache that was destroyed: they are empty. */
static void set_barns(struct kmem_cache *cache)
{
	struct barn *barns = atomic_load_explicit(&cache->barns, memory_order_relaxed);

	if (barns)
		barns_init(cache, barns);
	for (struct cache_place *at = cache_places(cache); at; at = cache_place_next(at))
		barns_init(cache, at->barns);
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

/* The layout of debugged objects, unless it is to be spared where slabs would grow by it. */
static void set_layout(struct kmem_cache *cache, bool spare)
{
	uint32_t npages = cache->pub.slab_pages, stride = cache->pub.stride;

	debug_layout(cache);
	set_slab_size(cache);
	if (!spare || cache->pub.slab_pages <= npages)
		return;
	cache->debug.flags &= ~(SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER);
	debug_layout(cache);
	cache->pub.stride = stride;
	set_slab_size(cache);
}

/* What follows from size, alignment and flags; said: the letters of KMEM_DEBUG. */
static void set_objects(struct kmem_cache *cache, slab_flags_t said)
{
	cache->pub.stride = plain_stride(cache->pub.object_size, cache->pub.align);
	set_slab_size(cache);
	/* Reports of a cache whose own flags ask for them do not end the program. */
	cache->debug = (struct debug){.flags = (cache->pub.flags | said) & DEBUG_FLAGS,
				      .continues = cache->pub.flags & DEBUG_FLAGS};
	cache->pub.flags |= cache->debug.flags | (said & SLAB_FAILSLAB);
	/* Where there is somebody to tell, slabs grow in any case. */
	if (annotate_wanted())
		cache->debug.flags |= DEBUG_ANNOTATED;
	if (cache->debug.flags)
		set_layout(cache, said & DEBUG_SPARE && !annotate_wanted());
	cache->ops = cache->debug.flags ? &debug_ops : &slab_ops;
	cache->usable = cache->debug.flags || shade_hooks ? 0 : cache->pub.stride;
	cache->hardened = settings.hardened && !cache->debug.flags;
	/* Sheaves of a cache whose frees wait for nobody are not counted by: it does without. */
	cache->gated = cache->limit || cache->debug.flags || cache->hardened ||
		       (cache->nowait && cache->pub.counted) || cache->pub.flags & SLAB_FAILSLAB ||
		       failslab_is_for_all();
	shape_sheaves(cache);
	if (cache->nowait)
		cache->direct = false;
	widen_sheaves(cache, cache->capacity);
	cache->muted = cache->pub.counted && !cache->gated && !cache->direct;
	cache->direct |= cache->muted;
	set_barns(cache);
}

void shape_debug(struct kmem_cache *cache, slab_flags_t flags)
{
	cache->pub.flags = (cache->pub.flags & ~(slab_flags_t)DEBUG_FLAGS) | flags;
	set_objects(cache, 0);
}

void shape_apply(const struct cache_shape *shape, struct kmem_cache *cache)
{
	memcpy(cache->pub.name, shape->name, strlen(shape->name) + 1);
	cache->pub.object_size = shape->size;
	cache->pub.align = stride_align(shape);
	cache->pub.flags = shape->flags;
	cache->ctor = shape->args.ctor;
	cache->dtor = shape->args.dtor;
	cache->capacity = (uint8_t)shape->args.sheaf_capacity;
	cache->nowait = shape->flags & SLAB_NOWAIT;
	cache->pub.counted = settings.stats;
	place_policy_store(&cache->policy, (struct place_policy){POLICY_NONE, 0});
	cache->limit = limit_of(&shape->args, plain_stride(shape->size, cache->pub.align));
	set_objects(cache, debug_spec_flags(cache->pub.name));
	set_args(cache, &shape->args);
	cache->rcu = shape->rcu;
}

static bool is_within(unsigned offset, unsigned nbytes, unsigned size)
{
	return offset <= size && nbytes <= size - offset;
}

/* What is wrong with the limits, or NULL. */
static const char *limits_error(const struct cache_shape *shape)
{
	const struct kmem_cache_args *args = &shape->args;
	size_t limit = limit_of(args, plain_stride(shape->size, stride_align(shape)));

	if (args->limit_bytes && !limit)
		return "limit_bytes is less than an object";
	if (args->reserve_objects > limit)
		return "reserve_objects is more than the limit";
	return NULL;
}

/* Names stand in reports and tables, a line each. */
static bool is_printable(const char *name)
{
	while (*name && (unsigned char)*name >= ' ' && *name != 0x7f)
		name++;
	return !*name;
}

const char *shape_error(const struct cache_shape *shape)
{
	const struct kmem_cache_args *args = &shape->args;

	if (!shape->name || !shape->name[0])
		return "name is empty";
	if (strlen(shape->name) > KMEM_CACHE_NAME_MAX)
		return "name is longer than 63 bytes";
	if (!is_printable(shape->name))
		return "name has a control character";
	if (shape->size == 0 || shape->size > KMEM_CACHE_SIZE_MAX)
		return "size is not between 1 and 4194304";
	if (shape->flags & SLAB_TYPESAFE_BY_RCU && !rcu_ops_get())
		return "SLAB_TYPESAFE_BY_RCU needs libkmem-rcu, which is not there";
	if (args->flavor && !rcu_ops_get())
		return "flavor needs libkmem-rcu, which is not there";
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
