// SPDX-License-Identifier: MIT
/* What is looked at when a debugged object goes out and comes home: see debug.h. */
#include "slab/debug.h"

#include "buddy/report.h"
#include "slab/annotate.h"
#include "slab/cache_place.h"
#include "slab/debug_layout.h"
#include "slab/debug_report.h"
#include "slab/debug_spec.h"
#include "slab/marks.h"
#include "slab/shape.h"
#include "slab/sheaves.h"
#include "slab/slab.h"

#include <errno.h>
#include <kmem/debug.h>
#include <string.h>

/* Are all bytes around the object, and in it at home, as they should be? Else a report. */
static bool check_zones(const struct kmem_cache *cache, void *object, bool out)
{
	struct debug_zone zones[ZONES];
	struct debug_view view;
	bool sound = true;
	unsigned n;

	if (__builtin_expect(debug_zones_are(cache, object, out), 1))
		return true;
	n = debug_zones(cache, object, out, zones);
	for (unsigned i = 0; i < n; i++) {
		if (!zone_first_other(&zones[i]))
			continue;
		debug_view(&view, cache, object);
		debug_repair(&view, &zones[i]);
		sound = false;
	}
	return sound;
}

static unsigned char *image_of(const struct kmem_cache *cache, const void *object)
{
	return (unsigned char *)object + cache->debug.image;
}

static void keep_image(const struct kmem_cache *cache, const void *object)
{
	if (cache->debug.image)
		memcpy(image_of(cache, object), object, cache->pub.object_size);
}

void debug_construct(const struct kmem_cache *cache, void *object)
{
	annotate_open(cache, object);
	cache->ctor(object);
	keep_image(cache, object);
	annotate_home(cache, object);
}

static bool is_as_constructed(const struct kmem_cache *cache, const void *object)
{
	return !cache->debug.image ||
	       memcmp(object, image_of(cache, object), cache->pub.object_size) == 0;
}

/* Is the object as its constructor left it? Else the reason is reported. */
static bool check_image(const struct kmem_cache *cache, void *object, const char *reason)
{
	const unsigned char *at = object, *image = image_of(cache, object);
	struct debug_view view;

	if (is_as_constructed(cache, object))
		return true;
	while (*at == *image)
		at++, image++;
	debug_view(&view, cache, object);
	debug_report_dirty(&view, reason, at, *image);
	memcpy(object, image_of(cache, object), cache->pub.object_size);
	return false;
}

/* At home, where objects that were never out are not constructed. */
static bool check_home(const struct slab *slab, uint32_t index)
{
	void *object = slab_object(slab, index);
	bool sound;

	annotate_open(slab->cache, object);
	sound = check_zones(slab->cache, object, false);
	if (index < slab->fresh)
		sound &= check_image(slab->cache, object, "Object changed after it was freed");
	annotate_home(slab->cache, object);
	return sound;
}

/* What the program asked for of an object that it has. */
static size_t asked_of(const struct kmem_cache *cache, const void *object)
{
	return cache->debug.left ? debug_asked_sound(cache, object) : cache->pub.object_size;
}

static bool check_out(const struct kmem_cache *cache, void *object)
{
	size_t nbytes = asked_of(cache, object);
	bool sound;

	annotate_open_around(cache, object, nbytes);
	sound = check_zones(cache, object, true);
	annotate_close_around(cache, object, nbytes);
	return sound;
}

/* Does a thread count objects of the cache, or have sheaves for them? */
static bool is_used(const struct kmem_cache *cache)
{
	bool used = cache->pub.nslabs || cache->pub.taken;

	for_each_thread (thread) {
		struct shelf *shelf = thread_shelf(thread, cache->id);

		lock_take(&thread->lock, LOCK_THREAD);
		used |= shelf->pub.taken || !shelf_bare(thread_slot(thread, cache->id), shelf);
		lock_release(&thread->lock, LOCK_THREAD);
	}
	return used;
}

int kmem_cache_set_debug(struct kmem_cache *cache, slab_flags_t flags)
{
	int err = 0;

	if (flags & ~DEBUG_FLAGS)
		return -EINVAL;
	lock_take(&cache_lock, LOCK_CACHES);
	if (is_used(cache)) {
		err = -EBUSY;
	} else {
		cache_change_begin(cache);
		shape_debug(cache, flags);
		cache_change_end(cache);
	}
	lock_release(&cache_lock, LOCK_CACHES);
	return err;
}

int kmem_debug_set(const char *spec)
{
	return debug_spec_set(spec, "kmem_debug_set") ? 0 : -EINVAL;
}

bool debug_alloc(struct kmem_cache *cache, void *object)
{
	uint32_t flags = cache->debug.flags;
	struct slab *slab = slab_of(object);
	uint32_t index = (uint32_t)slab_index(cache, slab, object);
	struct debug_view view;

	if (!check_home(slab, index)) {
		debug_view(&view, cache, object);
		debug_report_aside(&view);
		return false;
	}
	if (flags & SLAB_STORE_USER)
		track_set(&debug_tracks(cache, object)[TRACK_ALLOC]);
	if (flags & SLAB_TRACE)
		debug_trace(cache, object, "alloc");
	/* malloc says itself how much of it was asked for. */
	if (cache->id >= ID_USER)
		debug_asked(cache, object, cache->pub.object_size);
	return true;
}

void debug_asked(const struct kmem_cache *cache, void *object, size_t nbytes)
{
	struct slab *slab = slab_of(object);
	uint32_t index = (uint32_t)slab_index(cache, slab, object);
	size_t before = mark_holds(slab, index) ? SIZE_MAX : asked_of(cache, object);

	annotate_open_around(cache, object, nbytes);
	if (cache->debug.left) {
		*debug_asked_at(cache, object) = (uint32_t)nbytes;
		debug_fill(cache, object, true);
	}
	annotate_out(cache, object, before, nbytes);
	/* Last: what a fork comes between is nobody's, and not looked at. */
	mark_out(slab, index);
}

/* The object that the address lies in, or the first or last. */
static void *object_around(const struct slab *slab, const void *addr)
{
	uint32_t last = slab->cache->pub.slab_objects - 1;
	uintptr_t first = slab->base, at = (uintptr_t)addr;
	uintptr_t index = at < first ? 0 : (at - first) / slab->cache->pub.stride;

	return slab_object(slab, index < last ? (uint32_t)index : last);
}

/* The index of the object that begins there; -1: none does, which is reported. */
static int check_begin(const struct kmem_cache *cache, const struct slab *slab, const void *object)
{
	int index = slab_index(cache, slab, object);
	struct debug_view view;

	if (index < 0) {
		annotate_wrong(cache, object);
		debug_view(&view, cache, object_around(slab, object));
		debug_report_pointer(&view, object);
	}
	return index;
}

size_t debug_usable(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab = slab_of(object);
	int index = check_begin(cache, slab, object);
	struct debug_view view;

	if (index < 0)
		return 0;
	if (mark_holds(slab, (uint32_t)index)) {
		debug_view(&view, cache, object);
		debug_report_twice(&view);
		return 0;
	}
	return asked_of(cache, object);
}

/* Is it the beginning of an object that the program has? From now on it does not. */
static bool check_pointer(const struct kmem_cache *cache, void *object)
{
	struct slab *slab = slab_of(object);
	int index = check_begin(cache, slab, object);
	struct debug_view view;

	if (index < 0)
		return false;
	if (mark_in(slab, (uint32_t)index))
		return true;
	annotate_wrong(cache, object);
	debug_view(&view, cache, object);
	debug_report_twice(&view);
	return false;
}

bool debug_free(struct kmem_cache *cache, void *object)
{
	uint32_t flags = cache->debug.flags;

	if (!check_pointer(cache, object))
		return false;
	annotate_in(cache, object);
	if (flags & SLAB_TRACE)
		debug_trace(cache, object, "free");
	/* Repaired, it may go home: what was overwritten was nobody's. */
	check_zones(cache, object, true);
	check_image(cache, object, "Object left dirty: not as its constructor made it");
	if (flags & SLAB_STORE_USER)
		track_set(&debug_tracks(cache, object)[TRACK_FREE]);
	debug_fill(cache, object, false);
	annotate_home(cache, object);
	return true;
}

void debug_take_back(const struct kmem_cache *cache, void *object)
{
	struct slab *slab = slab_of(object);

	if (mark_in(slab, (uint32_t)slab_index(cache, slab, object)))
		annotate_in(cache, object);
	else
		annotate_open(cache, object);
	debug_fill(cache, object, false);
	keep_image(cache, object);
	annotate_home(cache, object);
}

void debug_print_tracks(const struct kmem_cache *cache, const void *object)
{
	if (cache->debug.flags & SLAB_STORE_USER)
		tracks_print(debug_tracks(cache, object));
}

void debug_repair(const struct debug_view *view, const struct debug_zone *zone)
{
	unsigned char *first = zone_first_other(zone), *last = zone->at + zone->nbytes;

	while (*--last == zone->byte)
		;
	debug_report_bytes(view, zone, first, last);
	memset(first, zone->byte, (size_t)(last - first) + 1);
}

static bool is_sound_home(const struct slab *slab, uint32_t index)
{
	void *object = slab_object(slab, index);
	bool sound;

	annotate_open(slab->cache, object);
	sound = debug_zones_are(slab->cache, object, false) &&
		(index >= slab->fresh || is_as_constructed(slab->cache, object));
	annotate_home(slab->cache, object);
	return sound;
}

bool debug_old_sound(const struct slab *slab)
{
	bool sound = true;

	for (uint32_t i = 0; sound && i < slab->cache->pub.slab_objects; i++)
		sound = is_sound_home(slab, i);
	return sound;
}

void debug_old_slab(const struct slab *slab)
{
	for (uint32_t i = 0; i < slab->cache->pub.slab_objects; i++)
		check_home(slab, i);
}

static bool validate_slab(struct kmem_cache *cache, const struct slab *slab)
{
	bool sound = true;

	for (uint32_t i = 0; i < cache->pub.slab_objects; i++)
		if (slab_is_home(slab, i))
			sound &= check_home(slab, i);
		else if (!mark_holds(slab, i))
			sound &= check_out(cache, slab_object(slab, i));
	return sound;
}

bool debug_validate(struct kmem_cache *cache)
{
	bool sound = true;

	/* Without the lock: a report takes its time, and nobody changes the lists. */
	for_each_lists (cache, lists)
		for (unsigned bucket = 0; bucket < BUCKETS; bucket++)
			for (struct slab *slab = lists[bucket]; slab; slab = slab->next)
				sound &= validate_slab(cache, slab);
	for_each_thread (thread) {
		struct slab *slab = shelf_slab(thread_shelf(thread, cache->id));

		if (slab)
			sound &= validate_slab(cache, slab);
	}
	return sound;
}
