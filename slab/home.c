// SPDX-License-Identifier: MIT
/*
 * Homecoming: objects from a sheaf back to their slabs. They are sorted by
 * address, so that each slab is found once and its bitmap set by whole words.
 * Here an address inside an object, and a second free, are found.
 */
#include "slab/home.h"

#include "slab/slab.h"
#include "slab/thread.h"

#include <string.h>

#define FETCH_AHEAD 4u

/* Shell's sort with Ciura's gaps ("Best Increments …", FCT 2001): short arrays, no memory. */
static void sort(void **objects, unsigned n)
{
	static const unsigned gaps[] = {57, 23, 10, 4, 1};

	for (unsigned g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
		for (unsigned i = gaps[g]; i < n; i++) {
			void *object = objects[i];
			unsigned k = i;

			for (; k >= gaps[g] && objects[k - gaps[g]] > object; k -= gaps[g])
				objects[k] = objects[k - gaps[g]];
			objects[k] = object;
		}
}

static void report_interior(const struct slab *slab, const void *object)
{
	uintptr_t offset = (uintptr_t)object - slab->base;
	uint32_t stride = slab->cache->pub.stride;

	report_bug("interior pointer: %p freed to cache '%s' is %zu bytes into the object at %p",
		   object, slab->cache->pub.name, (size_t)(offset % stride),
		   (void *)(slab->base + offset / stride * stride));
}

/* Its slab has gone since it was freed first, or it came by a bulk free, which looks at nothing. */
static void report_stray(const struct kmem_cache *cache, const void *object)
{
	unsigned id = pagemap_id(object);

	if (id >= ID_FIRST)
		report_bug("wrong cache or double free: %p came home to cache '%s', and is of "
			   "cache '%s'",
			   object, cache->pub.name, cache_of(id)->pub.name);
	else
		report_bug("foreign pointer or double free: %p came home to cache '%s', and is "
			   "in no slab",
			   object, cache->pub.name);
}

/* Return the run of objects at the front that belong to one slab; how many. */
static unsigned return_run(const struct kmem_cache *cache, void **objects, unsigned n)
{
	uint64_t mask[SLAB_WORDS] = {0};
	unsigned i, nbits = 0;
	struct slab *slab;
	uintptr_t end;

	if (pagemap_id(objects[0]) != cache->id) {
		report_stray(cache, objects[0]);
		return 1;
	}
	slab = slab_of(objects[0]);
	end = slab->base + ((uintptr_t)cache->pub.slab_pages << PAGE_SHIFT);

	for (i = 0; i < n && (uintptr_t)objects[i] < end; i++) {
		int index = slab_index(slab, objects[i]);
		uint64_t bit = 1ull << (index & 63);

		if (index < 0)
			report_interior(slab, objects[i]);
		else if (mask[index / 64] & bit)
			report_bug("double free: object %p of cache '%s' is in one sheaf twice",
				   objects[i], slab->cache->pub.name);
		else {
			mask[index / 64] |= bit;
			nbits++;
		}
	}
	slab_return(slab, mask, nbits);
	return i;
}

/* Its slab's record into the processor's cache, if it is an object of the cache. */
static void fetch(const struct kmem_cache *cache, const void *object)
{
	if (pagemap_id(object) == cache->id)
		__builtin_prefetch(&slab_of(object)->state);
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	sort(objects, n);
	for (unsigned done = 0; done < n;) {
		/* Of scattered objects each has a slab of its own, seldom seen. */
		if (done + FETCH_AHEAD < n)
			fetch(cache, objects[done + FETCH_AHEAD]);
		done += return_run(cache, objects + done, n - done);
	}
}

/* Take from the shelf's slab, and let go of it if that was all it had. */
static unsigned take_active(struct shelf *shelf, void **out, unsigned want)
{
	struct slab *slab = shelf_slab(shelf);
	unsigned got;

	if (!slab)
		return 0;
	got = slab_take(slab, out, want);
	/* A constructor may have changed it meanwhile. */
	if (got < want && shelf_slab(shelf) == slab) {
		shelf_set_slab(shelf, NULL);
		slab_release(slab);
	}
	return got;
}

/* Objects for a sheaf from the thread's active slab, then from others of the cache. */
static unsigned slab_refill(struct kmem_cache *cache, struct shelf *shelf, void **out,
			    unsigned want)
{
	unsigned got = take_active(shelf, out, want), more = 1;

	/* Half a sheaf is worth no further visit. */
	while (more && got < (want + 1) / 2) {
		struct slab *slab = shelf_slab(shelf) ? NULL : slab_acquire(cache);

		if (slab)
			shelf_set_slab(shelf, slab);
		more = take_active(shelf, out + got, want - got);
		got += more;
	}
	return got;
}

static void slab_detach(struct kmem_cache *cache, struct shelf *shelf)
{
	struct slab *slab = shelf_slab(shelf);

	(void)cache;
	if (slab) {
		shelf_set_slab(shelf, NULL);
		slab_release(slab);
	}
}

const struct cache_ops slab_ops = {
	.refill = slab_refill,
	.home = home_return,
	.detach = slab_detach,
};
