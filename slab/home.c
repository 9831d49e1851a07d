// SPDX-License-Identifier: MIT
/*
 * Homecoming: objects from a sheaf back to their slabs. What belongs to one word
 * of one slab's bitmap is gathered in a small table and set at once; an entry is
 * written where another takes its place. So a sheaf of neighbours, in whatever
 * order, costs a few atomic operations, and scattered objects one or two each.
 * Here an address inside an object, and a second free, are found.
 */
#include "slab/home.h"

#include "slab/guard.h"
#include "slab/pairs.h"
#include "slab/slab.h"
#include "slab/thread.h"

#define PLACES 16u
#define MANY   7u /* neighbours, behind which more are expected */

/* Objects of one word of a slab's bitmap; no word: none. */
struct place {
	_Atomic uint64_t *word;
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

/* What is no object of the cache, and was counted as one that it was given. */
static __attribute__((noinline)) void report_lost(struct kmem_cache *cache, void *object)
{
	if (guard_holds(object) && guard_cache(object) == cache) {
		if (guard_home(object))
			return;
	} else if (pagemap_id(object) == cache->id && slab_of(object)) {
		report_interior(slab_of(object), object);
	} else {
		report_stray(cache, object);
	}
	cache_count(cache, 0, 0 - (uint64_t)1, 0);
}

/* Add to what the table has of the same word, or make room for it. */
static inline void enter(struct kmem_cache *cache, struct place *table, struct place run)
{
	/* Words of a slab have places side by side, and so have the first ones of several. */
	uintptr_t at = (uintptr_t)run.word / sizeof(*run.word) + (uintptr_t)run.word / SLAB_RECORD;
	struct place *place = &table[at % PLACES];
	struct place other = *place;

	if (other.word == run.word && !(other.bits & run.bits)) {
		place->bits |= run.bits;
		return;
	}
	/* By the time it makes room for another its record is at hand. */
	__builtin_prefetch(slab_of_word(run.word), 1);
	*place = run;
	/* An object that is there twice is found when the second one is written. */
	if (other.word)
		slab_return(cache, other.word, other.bits);
}

/*
 * Objects side by side, upward or downward, from the index-th of a slab on, to the end of
 * its word: how many, and their bits. 1 where they are not many.
 */
static inline unsigned gather_neighbours(const struct kmem_cache *cache, struct place *run,
					 uint32_t index, void **objects, unsigned n)
{
	uintptr_t step = cache->pub.stride, next = (uintptr_t)objects[0];
	unsigned bit = index % 64, most = cache->pub.slab_objects - index, got = 0;
	bool down = n > MANY && next - (uintptr_t)objects[MANY] == step * MANY;

	if (!down && (n <= MANY || (uintptr_t)objects[MANY] - next != step * MANY))
		return 1;
	if (down)
		step = -step;
	most = down ? bit + 1 : most < 64 - bit ? most : 64 - bit;
	most = most < n ? most : n;
	if (pairs_counted(objects, next, step, most))
		got = most;
	for (; got < most && (uintptr_t)objects[got] == next; got++)
		next += step;
	run->bits = ~0ull >> (64 - got) << (down ? bit + 1 - got : bit);
	return got;
}

/* The objects behind one, the index-th of its slab, whose bits are in the same word. */
static inline unsigned gather(const struct kmem_cache *cache, struct place *run, uint32_t index,
			      void **objects, unsigned n)
{
	uintptr_t first = (uintptr_t)objects[0] - (uintptr_t)(index % 64) * cache->pub.stride;
	uint32_t most = cache->pub.slab_objects - index / 64 * 64;
	void **at = objects + gather_neighbours(cache, run, index, objects, n), **end = objects + n;
	uint64_t next;

	for (most = most < 64 ? most : 64; at < end; at++) {
		next = slab_ordinal(cache, (uintptr_t)*at - first);
		if (next >= most || arch_set_bit(&run->bits, next))
			break;
	}
	return (unsigned)(at - objects);
}

/* Enter the first object and those behind it that belong to the same word; how many. */
static inline unsigned home_run(struct kmem_cache *cache, struct place *table, void **objects,
				unsigned n)
{
	/* Slabs are aligned to their size. */
	uintptr_t inside = cache->slab_bytes - 1, object = (uintptr_t)objects[0];
	uint64_t index = slab_ordinal(cache, object & inside);
	struct slab *slab;
	struct place run;
	unsigned got = 1;

	if (__builtin_expect(pagemap_id(objects[0]) != cache->id, 0) ||
	    __builtin_expect(index >= cache->pub.slab_objects, 0)) {
		report_lost(cache, objects[0]);
		return 1;
	}
	slab = slab_of(objects[0]);
	run = (struct place){&slab->free[index / 64], 1ull << index % 64};
	if (n > 1 && ((uintptr_t)objects[1] ^ object) <= inside)
		got = gather(cache, &run, (uint32_t)index, objects, n);
	enter(cache, table, run);
	return got;
}

void home_return(struct kmem_cache *cache, void **objects, unsigned n)
{
	struct place table[PLACES];

	for (unsigned i = 0; i < PLACES; i++)
		table[i].word = NULL;
	for (unsigned done = 0; done < n;)
		done += home_run(cache, table, objects + done, n - done);
	for (unsigned i = 0; i < PLACES; i++)
		if (table[i].word)
			slab_return(cache, table[i].word, table[i].bits);
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

/* Of a debugged cache, where slabs do not begin with an object, and few come at once. */
static void debug_home(struct kmem_cache *cache, void **objects, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct slab *slab = slab_of(objects[i]);
		unsigned index = (unsigned)slab_index(cache, slab, objects[i]);

		slab_return(cache, &slab->free[index / 64], 1ull << index % 64);
	}
}

const struct cache_ops debug_ops = {
	.refill = slab_refill,
	.home = debug_home,
	.detach = slab_detach,
};

const struct cache_ops slab_ops = {
	.refill = slab_refill,
	.home = home_return,
	.detach = slab_detach,
};
