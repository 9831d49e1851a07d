/* SPDX-License-Identifier: MIT */
/*
 * objects: objects of 200 bytes that need initialising (a lock, an empty list, a table of
 * 16 words). how=malloc: malloc and initialise each time. how=cache: a cache with a
 * constructor; how=bulk: the same, 16 at a time; how=prefilled: the same as cache from objects
 * that were constructed before the clock starts. how=bare and
 * how=bare-bulk: the calls alone, to count instructions. shape=pair frees each at once, shape=batch
 * 1000 in order of allocation.
 *
 * Stresses: what a constructed state that survives free is worth; the bulk calls.
 * Origin: J. Bonwick, "The Slab Allocator", USENIX Summer 1994, his table of what
 * initialising an object costs; bulk as in Linux' slab_bulk_test (J. D. Brouer, 2015).
 */
#include "bench.h"

#include <kmem.h>
#include <string.h>

#define BATCH 1008 /* a multiple of BULK */
#define BULK  16

struct thing {
	void *next, *previous;
	unsigned lock, users;
	uint64_t slot[16];
	char name[48];
};

static struct kmem_cache *cache;
static void *batch[BATCH];

static void init_thing(void *object)
{
	struct thing *thing = object;

	thing->next = thing->previous = thing;
	thing->lock = 0;
	thing->users = 1;
	memset(thing->name, 0, sizeof(thing->name));
	for (int i = 0; i < 16; i++)
		thing->slot[i] = ~(uint64_t)0;
}

static void *make_by_malloc(void)
{
	void *thing = must(malloc(sizeof(struct thing)));

	init_thing(thing);
	return thing;
}

static void *make_by_cache(void)
{
	return must(kmem_cache_alloc(cache, GFP_KERNEL));
}

static void drop_by_cache(void *thing)
{
	kmem_cache_free(cache, thing);
}

/* Use it, and leave it as it was, as users of constructed objects do. */
static inline void use(void *object)
{
	struct thing *thing = object;

	if (thing->users != 1)
		bench_fail("an object is not initialised");
	*(volatile unsigned *)&thing->lock = 0;
}

static inline __attribute__((always_inline)) void run(size_t count, void *(*make)(void),
						      void (*drop)(void *))
{
	if (bench_is("shape", "batch")) {
		for (size_t done = 0; done < count; done += BATCH) {
			for (size_t i = 0; i < BATCH; i++) {
				batch[i] = make();
				use(batch[i]);
			}
			for (size_t i = 0; i < BATCH; i++)
				drop(batch[i]);
		}
		return;
	}
	while (count-- > 0) {
		void *thing = make();

		use(thing);
		drop(thing);
	}
}

/* For counting instructions: nothing but the calls. */
static void run_bare(size_t count)
{
	while (count-- > 0)
		kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
}

static void run_bare_bulk(size_t count)
{
	for (size_t done = 0; done < count; done += BULK) {
		if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, BULK, batch) != BULK)
			bench_fail("out of memory");
		kmem_cache_free_bulk(cache, BULK, batch);
	}
}

static void run_bulk(size_t count)
{
	size_t group = bench_is("shape", "batch") ? BATCH : BULK;

	for (size_t done = 0; done < count; done += group) {
		for (size_t i = 0; i < group; i += BULK) {
			if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, BULK, batch + i) != BULK)
				bench_fail("out of memory");
			for (size_t k = i; k < i + BULK; k++)
				use(batch[k]);
		}
		for (size_t i = 0; i < group; i += BULK)
			kmem_cache_free_bulk(cache, BULK, batch + i);
	}
}

int main(int argc, char **argv)
{
	size_t count;
	const char *how;

	bench_init(argc, argv);
	count = bench_work(bench_number("count", 50000000));
	how = bench_word("how", "cache");
	if (strcmp(how, "malloc") != 0)
		cache = kmem_cache_create("things", sizeof(struct thing), 0, SLAB_PANIC,
					  init_thing);
	if (strcmp(how, "prefilled") == 0)
		run(BATCH, make_by_cache, drop_by_cache);
	bench_start();
	if (strcmp(how, "malloc") == 0)
		run(count, make_by_malloc, free);
	else if (strcmp(how, "bulk") == 0)
		run_bulk(count);
	else if (strcmp(how, "bare") == 0)
		run_bare(count);
	else if (strcmp(how, "bare-bulk") == 0)
		run_bare_bulk(count);
	else
		run(count, make_by_cache, drop_by_cache);
	bench_stop();
	bench_report("objects=%zu", count);
	return 0;
}
