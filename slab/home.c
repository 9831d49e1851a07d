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

struct table {
	struct place *last; /* the place of the last object: most likely the next one's */
	struct place places[PLACES];
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
static inline void write_back(struct kmem_cache *cache, const struct place *place)
{
	if (place->nbits)
		slab_return(cache, place->slab, place->word, place->bits, place->nbits);
}

/* The place of a word of a slab's bitmap, which is made free for it. */
static struct place *find_place(struct kmem_cache *cache, struct table *table, struct slab *slab,
				uint32_t word)
{
	uintptr_t hash = (uintptr_t)slab / sizeof(*slab) + word;
	struct place *place = &table->places[hash % PLACES];

	if (place->slab != slab || place->word != word) {
		write_back(cache, place);
		*place = (struct place){.slab = slab, .word = word};
	}
	table->last = place;
	return place;
}

/* Enter an object of the slab into the table. */
static inline void gather(struct kmem_cache *cache, struct table *table, struct slab *slab,
			  void *object)
{
	struct place *place = table->last;
	int index = slab_index(cache, slab, object);
	uint64_t bit = 1ull << (index & 63);

	if (__builtin_expect(index < 0, 0)) {
		report_interior(slab, object);
		return;
	}
	if (place->slab != slab || place->word != (uint32_t)index / 64)
		place = find_place(cache, table, slab, (uint32_t)index / 64);
	if (__builtin_expect((place->bits & bit) != 0, 0)) {
		report_bug("double free: object %p of cache '%s' is in one sheaf twice", object,
			   cache->pub.name);
		return;
	}
	place->bits |= bit;
	place->nbits++;
}

/* The slab of an object of the cache, its record on the way to the processor; NULL: none. */
static inline struct slab *fetch(const struct kmem_cache *cache, const void *object)
{
	struct slab *slab;

	if (__builtin_expect(pagemap_id(object) != cache->id, 0))
		return NULL;
	slab = slab_of(object);
	__builtin_prefetch(slab);
	return slab;
}

/* Up to CHUNK objects: the slabs of all, then what belongs to each. */
static inline void gather_chunk(struct kmem_cache *cache, struct table *table, void **objects,
				unsigned n)
{
	struct slab *slabs[CHUNK], *slab = NULL;
	uintptr_t last = 0;

	for (unsigned i = 0; i < n; i++) {
		if (((uintptr_t)objects[i] ^ last) >= PAGE_BYTES)
			slab = fetch(cache, objects[i]);
		slabs[i] = slab;
		last = (uintptr_t)objects[i];
	}
	for (unsigned i = 0; i < n; i++)
		if (__builtin_expect(slabs[i] != NULL, 1))
			gather(cache, table, slabs[i], objects[i]);
		else
			report_stray(cache, objects[i]);
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct table table = {.last = table.places};

	for (; n > CHUNK; n -= CHUNK, objects += CHUNK)
		gather_chunk(cache, &table, objects, CHUNK);
	gather_chunk(cache, &table, objects, n);
	for (unsigned i = 0; i < PLACES; i++)
		write_back(cache, &table.places[i]);
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
