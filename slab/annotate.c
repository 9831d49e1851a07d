// SPDX-License-Identifier: MIT
/* See annotate.h. */
#include "slab/annotate.h"

#include "buddy/settings.h"
#include "slab/annotate_to.h"
#include "slab/debug.h"
#include "slab/slab.h"

enum annotator annotator;

void annotate_start(void)
{
	if (to_memcheck_is_there())
		annotator = ANNOTATOR_MEMCHECK;
	else if (to_asan_is_there())
		annotator = ANNOTATOR_ASAN;
}

bool annotate_wanted(void)
{
	return settings.annotate && annotator != ANNOTATOR_NONE;
}

static bool announces(const struct kmem_cache *cache)
{
	return cache->debug.flags & DEBUG_ANNOTATED;
}

static size_t slab_bytes(const struct slab *slab)
{
	return (size_t)slab->cache->pub.slab_pages << PAGE_SHIFT;
}

void annotate_slab(struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;
	const struct debug *debug = &cache->debug;
	char *object = (char *)slab->base;

	if (!announces(cache))
		return;
	to_close(slab_pages(slab), slab_bytes(slab));
	for (uint32_t i = 0; i < cache->pub.slab_objects; i++, object += cache->pub.stride)
		to_open(object + debug->tracks, cache->pub.stride - debug->left - debug->tracks);
	to_slab_begin(slab, slab_pages(slab), slab_bytes(slab));
}

void annotate_slab_end(struct slab *slab)
{
	if (!announces(slab->cache))
		return;
	to_slab_end(slab, slab_pages(slab), slab_bytes(slab));
	to_open(slab_pages(slab), slab_bytes(slab));
}

void annotate_open(const struct kmem_cache *cache, const void *object)
{
	if (announces(cache))
		to_open((char *)object - cache->debug.left,
			cache->debug.left + cache->debug.tracks);
}

void annotate_home(const struct kmem_cache *cache, const void *object)
{
	annotate_close_around(cache, object, cache_typesafe(cache) ? cache->pub.object_size : 0);
}

void annotate_open_around(const struct kmem_cache *cache, const void *object, size_t nbytes)
{
	if (!announces(cache))
		return;
	to_open((char *)object - cache->debug.left, cache->debug.left);
	to_open((char *)object + nbytes, cache->debug.tracks - nbytes);
}

void annotate_close_around(const struct kmem_cache *cache, const void *object, size_t nbytes)
{
	if (!announces(cache))
		return;
	to_close((char *)object - cache->debug.left, cache->debug.left);
	to_close((char *)object + nbytes, cache->debug.tracks - nbytes);
}

void annotate_out(const struct kmem_cache *cache, void *object, size_t before, size_t nbytes)
{
	if (!announces(cache))
		return;
	if (before != SIZE_MAX)
		to_shrink(object, before, nbytes);
	else
		to_announce(object, nbytes);
	if (cache->ctor || cache_typesafe(cache))
		to_open(object, nbytes);
	annotate_close_around(cache, object, nbytes);
}

void annotate_in(const struct kmem_cache *cache, void *object)
{
	if (!announces(cache))
		return;
	to_retire(object);
	annotate_open(cache, object);
}

void annotate_wrong(const struct kmem_cache *cache, const void *address)
{
	/* Memcheck knows who freed it, if it ever was a block, and says so. */
	if (announces(cache))
		to_retire((void *)address);
}
