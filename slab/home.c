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
#define CHUNK  16u /* objects whose slabs' records are fetched together */

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

static inline struct place *place_of(struct place *places, const struct slab *slab, uint32_t word)
{
	return &places[((uintptr_t)slab / sizeof(*slab) + word) % PLACES];
}

static inline void write_back(struct kmem_cache *cache, const struct place *place)
{
	slab_return(cache, place->slab, place->word, place->bits, place->nbits);
}

/* Enter an object of the slab into the table, which has its place or makes room for it. */
static inline void gather(struct kmem_cache *cache, struct place *places, struct slab *slab,
			  void *object)
{
	int index = slab_index(cache, slab, object);
	struct place *place;
	uint32_t word;
	uint64_t bit;

	if (__builtin_expect(index < 0, 0)) {
		report_interior(slab, object);
		return;
	}
	word = (uint32_t)index / 64;
	bit = 1ull << (index & 63);
	place = place_of(places, slab, word);
	if (place->slab != slab || place->word != word) {
		if (place->slab)
			write_back(cache, place);
		*place = (struct place){slab, word, 1, bit};
	} else if (__builtin_expect((place->bits & bit) != 0, 0)) {
		report_bug("double free: object %p of cache '%s' is in one sheaf twice", object,
			   cache->pub.name);
	} else {
		place->bits |= bit;
		place->nbits++;
	}
}

/* The slab of an object of the cache, its record on the way to the processor; NULL: reported. */
static inline struct slab *fetch(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab;

	if (__builtin_expect(pagemap_id(object) != cache->id, 0))
		return NULL;
	slab = slab_of(object);
	__builtin_prefetch(slab);
	return slab;
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct place places[PLACES] = {0};
	struct slab *slabs[CHUNK];

	for (unsigned done = 0; done < n; done += CHUNK) {
		unsigned end = n - done < CHUNK ? n - done : CHUNK;

		for (unsigned i = 0; i < end; i++)
			slabs[i] = fetch(cache, objects[done + i]);
		for (unsigned i = 0; i < end; i++)
			if (__builtin_expect(slabs[i] != NULL, 1))
				gather(cache, places, slabs[i], objects[done + i]);
			else
				report_stray(cache, objects[done + i]);
	}
	for (unsigned i = 0; i < PLACES; i++)
		if (places[i].slab)
			write_back(cache, &places[i]);
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
