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
	debug->padding = debug->end;
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

/* Visit each zone. Inlined, so that a visit costs no more than what it does. */
static inline __attribute__((always_inline)) void
each_zone(const struct kmem_cache *cache, const void *object, bool out,
	  void (*visit)(void *arg, struct debug_zone zone), void *arg)
{
	const struct debug *debug = &cache->debug;
	unsigned char *at = (unsigned char *)object, red = out ? RED_OUT : RED_HOME;
	uint32_t size = cache->pub.object_size;

	if (debug->flags & SLAB_RED_ZONE) {
		uint32_t asked = out ? debug_asked_sound(cache, object) : size;

		visit(arg, (struct debug_zone){"Left Redzone", at - debug->left, debug->left, red});
		visit(arg,
		      (struct debug_zone){"Right Redzone", at + asked, debug->tracks - asked, red});
	}
	if (debug->poisons && !out) {
		visit(arg, (struct debug_zone){"Poison", at, size - 1, POISON_FREE});
		visit(arg, (struct debug_zone){"End Poison", at + size - 1, 1, POISON_END});
	}
	/* The same at home and out. */
	if (debug->flags & SLAB_POISON)
		visit(arg, (struct debug_zone){"Object padding", at + debug->padding,
					       cache->pub.stride - debug->left - debug->padding,
					       POISON_PAD});
}

struct list {
	struct debug_zone *zones;
	unsigned n;
};

static inline void visit_add(void *arg, struct debug_zone zone)
{
	struct list *list = arg;

	list->zones[list->n++] = zone;
}

static inline void visit_look(void *arg, struct debug_zone zone)
{
	*(bool *)arg &= zone_is(zone.at, zone.nbytes, zone.byte);
}

static inline void visit_fill(void *arg, struct debug_zone zone)
{
	if (zone.byte != POISON_PAD || arg)
		zone_fill(zone.at, zone.nbytes, zone.byte);
}

unsigned debug_zones(const struct kmem_cache *cache, const void *object, bool out,
		     struct debug_zone zones[ZONES])
{
	struct list list = {zones, 0};

	each_zone(cache, object, out, visit_add, &list);
	return list.n;
}

bool debug_zones_are(const struct kmem_cache *cache, const void *object, bool out)
{
	bool sound = true;

	each_zone(cache, object, out, visit_look, &sound);
	return sound;
}

void debug_fill(const struct kmem_cache *cache, void *object, bool out)
{
	each_zone(cache, object, out, visit_fill, NULL);
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
		each_zone(cache, object, false, visit_fill, slab);
	}
	annotate_slab(slab);
}
