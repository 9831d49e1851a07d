// SPDX-License-Identifier: MIT
/* Where things lie around a debugged object, and how they are when nobody has done anything. */
#include "slab/debug_layout.h"

#include "slab/annotate.h"
#include "slab/slab.h"

#include <string.h>

#define WORD	      ((uint32_t)sizeof(void *))
#define RED_ANNOTATED 16u /* who reads or writes words is not to pass over it unseen */

static uint32_t up(uint32_t n, uint32_t align)
{
	return (n + align - 1) & ~(align - 1);
}

void debug_layout(struct kmem_cache *cache)
{
	struct debug *debug = &cache->debug;
	uint32_t flags = debug->flags, size = cache->pub.object_size, align = cache->pub.align;
	uint32_t red = flags & DEBUG_ANNOTATED ? RED_ANNOTATED : flags & SLAB_RED_ZONE ? WORD : 0;

	debug->poisons =
		flags & SLAB_POISON && !cache->ctor && !cache->dtor && !cache_typesafe(cache);
	debug->left = up(red, align);
	/* A whole word of red zone at least, and what the object's end leaves of another. */
	debug->end = up(size, WORD) + red;
	debug->tracks = debug->end;
	if (flags & SLAB_STORE_USER)
		debug->end += TRACKS * (uint32_t)sizeof(struct track);
	debug->asked = debug->end;
	if (red)
		debug->end += WORD;
	debug->image = debug->end;
	if (flags & SLAB_POISON && cache->ctor && !cache_typesafe(cache))
		debug->end += up(size, WORD);
	else
		debug->image = 0;
	/* A word of padding to see what runs on beyond all that. */
	if (flags & SLAB_POISON)
		debug->end += WORD;
	cache->pub.stride = up(debug->left + debug->end, align);
}

struct track *debug_tracks(const struct kmem_cache *cache, const void *object)
{
	return (struct track *)((char *)object + cache->debug.tracks);
}

uint32_t *debug_asked_at(const struct kmem_cache *cache, const void *object)
{
	return (uint32_t *)((char *)object + cache->debug.asked);
}

uint32_t debug_asked_sound(const struct kmem_cache *cache, const void *object)
{
	uint32_t asked = *debug_asked_at(cache, object);

	return asked <= cache->pub.object_size ? asked : cache->pub.object_size;
}

__attribute__((always_inline)) inline unsigned debug_zones(const struct kmem_cache *cache,
							   const void *object, bool out,
							   struct debug_zone zones[ZONES])
{
	const struct debug *debug = &cache->debug;
	unsigned char *at = (unsigned char *)object, red = out ? RED_OUT : RED_HOME;
	uint32_t size = cache->pub.object_size, n = 0;
	uint32_t padding = debug->image	 ? debug->image + up(size, WORD)
			   : debug->left ? debug->asked + WORD
					 : debug->asked;

	if (debug->flags & SLAB_RED_ZONE) {
		uint32_t asked = out ? debug_asked_sound(cache, object) : size;

		zones[n++] =
			(struct debug_zone){"Left Redzone", at - debug->left, debug->left, red};
		zones[n++] = (struct debug_zone){"Right Redzone", at + asked, debug->tracks - asked,
						 red};
	}
	if (debug->poisons && !out) {
		zones[n++] = (struct debug_zone){"Poison", at, size - 1, POISON_FREE};
		zones[n++] = (struct debug_zone){"End Poison", at + size - 1, 1, POISON_END};
	}
	if (debug->flags & SLAB_POISON)
		zones[n++] =
			(struct debug_zone){"Object padding", at + padding,
					    cache->pub.stride - debug->left - padding, POISON_PAD};
	return n;
}

static inline void fill(const struct kmem_cache *cache, void *object, bool out, bool was_filled)
{
	struct debug_zone zones[ZONES];
	unsigned n = debug_zones(cache, object, out, zones);

	/* The last is padding, which is the same at home and out. */
	if (was_filled && cache->debug.flags & SLAB_POISON)
		n--;
	for (unsigned i = 0; i < n; i++)
		zone_fill(zones[i].at, zones[i].nbytes, zones[i].byte);
}

void debug_fill(const struct kmem_cache *cache, void *object, bool out)
{
	fill(cache, object, out, true);
}

void debug_new_slab(struct slab *slab)
{
	const struct kmem_cache *cache = slab->cache;

	for (uint32_t i = 0; i < cache->pub.slab_objects; i++) {
		void *object = slab_object(slab, i);

		if (cache->debug.flags & SLAB_STORE_USER)
			memset(debug_tracks(cache, object), 0, TRACKS * sizeof(struct track));
		if (cache->debug.left)
			*(uint64_t *)debug_asked_at(cache, object) = 0;
		fill(cache, object, false, false);
	}
	annotate_slab(slab);
}
