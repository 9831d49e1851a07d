// SPDX-License-Identifier: MIT
/*
 * Prefilled sheaves: an array of objects in a block of malloc's, taken from the front
 * and filled before it, so that what is in it always ends with the array. To their
 * cache the objects are allocated.
 *
 *	| check | cache | first | capacity | …  free  … | object | object | … |
 *	                                                  ^ first              ^ capacity
 */
#include "buddy/report.h"
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/kmalloc.h>
#include <kmem/sheaf.h>
#include <limits.h>
#include <string.h>

struct slab_sheaf {
	uint64_t check; /* of address and cache: what is no sheaf, or no longer, is found out */
	struct kmem_cache *cache;
	uint32_t first;
	uint32_t capacity;
	void *objects[];
};

static uint64_t check_of(const struct slab_sheaf *sheaf)
{
	return ((uintptr_t)sheaf ^ (uintptr_t)sheaf->cache >> 4) * 0x9e3779b97f4a7c15ull | 1;
}

static bool is_sound(const struct slab_sheaf *sheaf)
{
	return pagemap_id(sheaf) != ID_NONE && sheaf->check == check_of(sheaf);
}

static inline bool is_of(const struct kmem_cache *cache, const struct slab_sheaf *sheaf)
{
	return is_sound(sheaf) && sheaf->cache == cache;
}

/* Why it is not of the cache it was given with. */
static void explain(const struct slab_sheaf *sheaf, char *why, size_t nbytes)
{
	if (is_sound(sheaf))
		report_format(why, nbytes, "sheaf %p is of cache '%s'", (const void *)sheaf,
			      sheaf->cache->pub.name);
	else
		report_format(why, nbytes, "%p is no sheaf, or was returned before",
			      (const void *)sheaf);
}

static __attribute__((noinline)) void
report_wrong(const char *doing, const struct kmem_cache *cache, const struct slab_sheaf *sheaf)
{
	char why[160];

	explain(sheaf, why, sizeof(why));
	report_bug("%s: cache '%s': %s", doing, cache->pub.name, why);
}

/* One with room for nobjects, empty; NULL with errno. */
static struct slab_sheaf *create(struct kmem_cache *cache, gfp_t flags, unsigned nobjects)
{
	size_t nbytes = sizeof(struct slab_sheaf) + nobjects * sizeof(void *);
	struct slab_sheaf *sheaf = kmem_kmalloc(nbytes, flags & ~__GFP_ZERO);

	if (!sheaf)
		return NULL;
	sheaf->cache = cache;
	sheaf->check = check_of(sheaf);
	sheaf->first = sheaf->capacity = nobjects;
	return sheaf;
}

/* The objects are elsewhere. */
static void discard(struct slab_sheaf *sheaf)
{
	sheaf->check = 0;
	facade_free(sheaf);
}

/* Let it have nobjects, for which there is room; 0, or -errno and it is as it was. */
static int fill(struct slab_sheaf *sheaf, gfp_t flags, unsigned nobjects)
{
	unsigned size = sheaf->capacity - sheaf->first;
	unsigned more = nobjects > size ? nobjects - size : 0;

	/* Those already there were not zeroed either: that is for alloc_from_sheaf. */
	if (more && !kmem_cache_alloc_bulk(sheaf->cache, flags & ~__GFP_ZERO, more,
					   sheaf->objects + sheaf->first - more))
		return -errno;
	sheaf->first -= more;
	return 0;
}

static bool is_number(const char *doing, const struct kmem_cache *cache, gfp_t flags,
		      unsigned nobjects)
{
	if (nobjects > 0 && nobjects <= INT_MAX)
		return true;
	if (!(flags & __GFP_NOWARN))
		report("%s: cache '%s': nobjects, %u, is not between 1 and %d", doing,
		       cache->pub.name, nobjects, INT_MAX);
	return false;
}

struct slab_sheaf *kmem_cache_prefill_sheaf(struct kmem_cache *cache, gfp_t flags,
					    unsigned int nobjects)
{
	struct slab_sheaf *sheaf;
	int err;

	if (!is_number("kmem_cache_prefill_sheaf", cache, flags, nobjects)) {
		errno = EINVAL;
		return NULL;
	}
	sheaf = create(cache, flags, nobjects);
	if (!sheaf)
		return NULL;
	err = fill(sheaf, flags, nobjects);
	if (!err)
		return sheaf;
	discard(sheaf);
	errno = -err;
	return NULL;
}

static __attribute__((noinline)) void *alloc_refused(const struct kmem_cache *cache, gfp_t flags,
						     const struct slab_sheaf *sheaf)
{
	char why[160] = "it has a constructor: no __GFP_ZERO";

	if (!is_of(cache, sheaf))
		explain(sheaf, why, sizeof(why));
	if (!(flags & __GFP_NOWARN))
		report("kmem_cache_alloc_from_sheaf: cache '%s': %s", cache->pub.name, why);
	errno = EINVAL;
	return NULL;
}

void *kmem_cache_alloc_from_sheaf(struct kmem_cache *cache, gfp_t flags, struct slab_sheaf *sheaf)
{
	void *object;

	if (__builtin_expect(!is_of(cache, sheaf) || (flags & __GFP_ZERO && cache->ctor), 0))
		return alloc_refused(cache, flags, sheaf);
	if (sheaf->first == sheaf->capacity) {
		errno = ENOMEM;
		return NULL;
	}
	object = sheaf->objects[sheaf->first++];
	if (flags & __GFP_ZERO)
		memset(object, 0, cache->pub.object_size);
	return object;
}

/* The same objects and more in a sheaf with room for nobjects, instead of *sheaf. 0 or -errno. */
static int refill_larger(struct slab_sheaf **sheaf, gfp_t flags, unsigned nobjects)
{
	struct slab_sheaf *old = *sheaf, *larger = create(old->cache, flags, nobjects);
	unsigned size = old->capacity - old->first;
	int err;

	if (!larger)
		return -errno;
	larger->first -= size;
	memcpy(larger->objects + larger->first, old->objects + old->first, size * sizeof(void *));
	err = fill(larger, flags, nobjects);
	discard(err ? larger : old);
	if (!err)
		*sheaf = larger;
	return err;
}

int kmem_cache_refill_sheaf(struct kmem_cache *cache, gfp_t flags, struct slab_sheaf **sheaf,
			    unsigned int nobjects)
{
	static const char doing[] = "kmem_cache_refill_sheaf";

	if (!is_number(doing, cache, flags, nobjects))
		return -EINVAL;
	if (!sheaf || !is_of(cache, *sheaf)) {
		report_wrong(doing, cache, sheaf ? *sheaf : NULL);
		return -EINVAL;
	}
	if (nobjects > (*sheaf)->capacity)
		return refill_larger(sheaf, flags, nobjects);
	return fill(*sheaf, flags, nobjects);
}

void kmem_cache_return_sheaf(struct kmem_cache *cache, gfp_t flags, struct slab_sheaf *sheaf)
{
	unsigned size;

	(void)flags;
	if (!sheaf)
		return;
	if (!is_of(cache, sheaf)) {
		report_wrong("kmem_cache_return_sheaf", cache, sheaf);
		return;
	}
	size = sheaf->capacity - sheaf->first;
	if (size)
		kmem_cache_free_bulk(cache, size, sheaf->objects + sheaf->first);
	discard(sheaf);
}

unsigned int kmem_cache_sheaf_size(const struct slab_sheaf *sheaf)
{
	return sheaf->capacity - sheaf->first;
}
