// SPDX-License-Identifier: MIT
/*
 * Homecoming: objects from a sheaf back to their slabs. What belongs to one word
 * of one slab's bitmap is gathered in a small table and set at once; an entry is
 * written where another takes its place. So a sheaf of neighbours, in whatever
 * order, costs a few atomic operations, and scattered objects one or two each.
 * Here an address inside an object, and a second free, are found.
 */
#include "slab/home.h"

#include "slab/slab.h"
#include "slab/thread.h"

#define PLACES 16u
#define AHEAD  8u /* objects from one whose slab's record is fetched to the one at hand */

struct place {
	struct slab *slab;
	uint32_t word, nbits;
	uint64_t bits;
};

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

/* The bits of a place into the bitmap. */
static inline void write_back(struct kmem_cache *cache, struct place place)
{
	if (place.nbits)
		slab_return(cache, place.slab, place.word, place.bits, place.nbits);
}

/* Add to what the table has of the same word, or make room for it. */
static inline void enter(struct kmem_cache *cache, struct place *table, struct place run)
{
	uintptr_t hash = (uintptr_t)run.slab / sizeof(*run.slab) + run.word;
	struct place *place = &table[hash % PLACES];

	if (place->slab != run.slab || place->word != run.word ||
	    __builtin_expect((place->bits & run.bits) != 0, 0)) {
		/* An object that is there twice is found when the second one is written. */
		write_back(cache, *place);
		*place = run;
		return;
	}
	place->bits |= run.bits;
	place->nbits += run.nbits;
}

/* The slab of an object of the cache; NULL: none. */
static inline struct slab *find_slab(const struct kmem_cache *cache, const void *object)
{
	return pagemap_id(object) == cache->id ? slab_of(object) : NULL;
}

static inline bool same_page(const void *one, const void *other)
{
	return ((uintptr_t)one ^ (uintptr_t)other) < PAGE_BYTES;
}

/* Enter the objects at the front that lie on one page of the slab; how many. */
static inline unsigned gather_page(struct kmem_cache *cache, struct place *table, struct slab *slab,
				   void **objects, unsigned n)
{
	struct place run = {.slab = slab};
	unsigned i = 0;

	do {
		int index = slab_index(cache, slab, objects[i]);
		uint64_t bit = 1ull << (index & 63);

		if (__builtin_expect(index < 0, 0)) {
			report_interior(slab, objects[i]);
			continue;
		}
		if (run.word != (uint32_t)index / 64 || run.bits & bit) {
			if (run.nbits)
				enter(cache, table, run);
			run = (struct place){.slab = slab, .word = (uint32_t)index / 64};
		}
		run.bits |= bit;
		run.nbits++;
	} while (++i < n && same_page(objects[i], objects[0]));
	if (run.nbits)
		enter(cache, table, run);
	return i;
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct place table[PLACES] = {0};

	for (unsigned done = 0; done < n;) {
		struct slab *slab = find_slab(cache, objects[done]);

		/* Where objects are scattered, the record of a later one's slab is on its way. */
		if (done + AHEAD < n)
			__builtin_prefetch(find_slab(cache, objects[done + AHEAD]));
		if (__builtin_expect(slab != NULL, 1))
			done += gather_page(cache, table, slab, objects + done, n - done);
		else
			report_stray(cache, objects[done++]);
	}
	for (unsigned i = 0; i < PLACES; i++)
		write_back(cache, table[i]);
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
