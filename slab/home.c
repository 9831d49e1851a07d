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

/* Objects of one word of a slab's bitmap. */
struct place {
	_Atomic uint64_t *word;
	uint64_t bits;
	uint64_t nbits;
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

/* Add to what the table has of the same word, or make room for it. */
static inline void enter(struct kmem_cache *cache, struct place *table, struct place run)
{
	/* Words are numbered through all records: neighbours get places side by side. */
	struct place *place = &table[(uintptr_t)run.word / sizeof(*run.word) % PLACES];

	if (place->word == run.word && !(place->bits & run.bits)) {
		place->bits |= run.bits;
		place->nbits += run.nbits;
		return;
	}
	/* An object that is there twice is found when the second one is written. */
	if (place->word)
		slab_return(cache, place->word, place->bits, (uint32_t)place->nbits);
	*place = run;
}

/* The slab of an object of the cache; NULL: none. */
static inline struct slab *find_slab(const struct kmem_cache *cache, const void *object)
{
	return pagemap_id(object) == cache->id ? slab_of(object) : NULL;
}

/*
 * The first object's bit, and those of the objects behind it that belong to the
 * same word of the bitmap.
 */
static inline struct place gather(const struct kmem_cache *cache, struct slab *slab, uint32_t first,
				  void **objects, unsigned n)
{
	uint32_t word = first / 64;
	struct place run = {&slab->free[word], 1ull << first % 64, 1};
	uint32_t stride = cache->pub.stride, reciprocal = cache->reciprocal;
	uint32_t rest = cache->pub.slab_objects - word * 64;
	uintptr_t base = slab->base + (uintptr_t)word * 64 * stride;

	for (; run.nbits < n; run.nbits++) {
		uint64_t offset = (uintptr_t)objects[run.nbits] - base;
		uint64_t index = offset * reciprocal >> 32;

		if (index >= 64 || index >= rest || index * stride != offset ||
		    run.bits & 1ull << index)
			break;
		run.bits |= 1ull << index;
	}
	return run;
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct place table[PLACES] = {0};

	for (unsigned done = 0; done < n;) {
		struct slab *slab = find_slab(cache, objects[done]);
		int index = slab ? slab_index(cache, slab, objects[done]) : -1;

		/* Where objects are scattered, the record of a later one's slab is on its way. */
		if (done + AHEAD < n)
			__builtin_prefetch(find_slab(cache, objects[done + AHEAD]));
		if (__builtin_expect(index >= 0, 1)) {
			struct place run =
				gather(cache, slab, (uint32_t)index, objects + done, n - done);

			enter(cache, table, run);
			done += run.nbits;
		} else if (slab) {
			report_interior(slab, objects[done++]);
		} else {
			report_stray(cache, objects[done++]);
		}
	}
	for (unsigned i = 0; i < PLACES; i++)
		if (table[i].word)
			slab_return(cache, table[i].word, table[i].bits, (uint32_t)table[i].nbits);
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
