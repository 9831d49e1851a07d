// SPDX-License-Identifier: MIT
/*
 * Caches are destroyed of which two other threads have sheaves, while these, the
 * keepers, are at work on sheaves of their own caches, which get the same ids in turn.
 * A sheaf that came to be in two slots would give one object to two items. Some of the
 * caches are SLAB_NOWAIT.
 *
 *	doomed [--seconds N] [--seed S]
 */
#include "at_rest.h"
#include "pattern.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define NITEMS	 400u
#define BULK_MAX 40u
#define NKEEPERS 2u
#define NDOOMED	 16u

struct worker {
	pthread_t thread;
	uint64_t random;
	struct item items[NITEMS];
};

static unsigned long ndoomed;
static _Atomic bool dooming;

struct gift {
	struct kmem_cache *cache;
	unsigned nitems;
	struct item items[BULK_MAX];
};

struct keeper {
	struct worker worker;
	struct gift gifts[NDOOMED];
	_Atomic bool given; /* the gifts are there, to be freed */
};

/* An object, known by its first bytes, so that most of the time goes to the sheaves. */
static void own_object(struct worker *worker, struct item *item, struct kmem_cache *cache)
{
	unsigned size = kmem_cache_size(cache);

	own(&worker->random, item, kmem_cache_alloc(cache, GFP_KERNEL), size < 16 ? size : 16,
	    OBJECT);
}

static void batch(struct worker *worker, struct kmem_cache *cache, unsigned nitems)
{
	for (unsigned i = 0; i < nitems; i++)
		own_object(worker, &worker->items[i], cache);
	for (unsigned i = 0; i < nitems; i++) {
		verify(&worker->items[i], worker->items[i].addr, worker->items[i].nbytes);
		kmem_cache_free(cache, worker->items[i].addr);
		worker->items[i].addr = NULL;
	}
}

static void free_gift(struct worker *worker, const struct gift *gift)
{
	void *objects[BULK_MAX];

	for (unsigned i = 0; i < gift->nitems; i++) {
		verify(&gift->items[i], gift->items[i].addr, gift->items[i].nbytes);
		objects[i] = gift->items[i].addr;
	}
	if (below(&worker->random, 4) == 0)
		kmem_cache_free_bulk(gift->cache, gift->nitems, objects); /* a larger sheaf */
	else
		for (unsigned i = 0; i < gift->nitems; i++)
			kmem_cache_free(gift->cache, objects[i]);
}

static void free_gifts(struct keeper *keeper)
{
	/* acquire: the gifts; pairs with the release in give */
	if (!atomic_load_explicit(&keeper->given, memory_order_acquire))
		return;
	for (unsigned i = 0; i < NDOOMED; i++)
		free_gift(&keeper->worker, &keeper->gifts[i]);
	/* release: the caches are no longer used; pairs with the acquire in doom */
	atomic_store_explicit(&keeper->given, false, memory_order_release);
}

static void *keep(void *arg)
{
	/* One whose sheaves grow to the largest, one whose sheaves are small and often traded. */
	static const unsigned sizes[] = {40, 24000};
	struct keeper *keeper = arg;

	while (dooming) {
		unsigned size = sizes[below(&keeper->worker.random, 2)];
		struct kmem_cache *cache =
			kmem_cache_create("stress-kept", size, 0,
					  below(&keeper->worker.random, 4) ? 0 : SLAB_NOWAIT, NULL);

		if (!cache)
			die("no cache to keep: errno %d", errno);
		for (unsigned i = 0; i < 20; i++) {
			batch(&keeper->worker, cache, NITEMS);
			free_gifts(keeper);
		}
		if (kmem_cache_destroy(cache) != 0)
			die("a kept cache could not be destroyed");
	}
	return NULL;
}

static void give(struct worker *worker, struct keeper *keeper, struct kmem_cache **doomed)
{
	for (unsigned i = 0; i < NDOOMED; i++) {
		struct gift *gift = &keeper->gifts[i];

		gift->cache = doomed[i];
		gift->nitems = 1 + (unsigned)below(&worker->random, BULK_MAX);
		for (unsigned k = 0; k < gift->nitems; k++)
			own_object(worker, &gift->items[k], doomed[i]);
	}
	/* release: the gifts; pairs with the acquire in free_gifts */
	atomic_store_explicit(&keeper->given, true, memory_order_release);
}

/* Make some caches, use them, let the keepers free objects of them, destroy them. */
static void doom(struct worker *worker, struct keeper *keepers)
{
	struct kmem_cache *doomed[NDOOMED];

	for (unsigned i = 0; i < NDOOMED; i++) {
		unsigned size = 1 + (unsigned)below(&worker->random, 1000);

		doomed[i] = kmem_cache_create("stress-doomed", size, 0, size % 4 ? 0 : SLAB_NOWAIT,
					      NULL);
		if (!doomed[i])
			die("no cache to destroy: errno %d", errno);
	}
	for (unsigned k = 0; k < NKEEPERS; k++)
		give(worker, &keepers[k], doomed);
	for (unsigned i = 0; i < NDOOMED; i++)
		batch(worker, doomed[i], BULK_MAX);
	for (unsigned k = 0; k < NKEEPERS; k++)
		/* acquire: nobody uses the caches; pairs with the release in free_gifts */
		while (atomic_load_explicit(&keepers[k].given, memory_order_acquire))
			sched_yield();
	for (unsigned i = 0; i < NDOOMED; i++)
		if (kmem_cache_destroy(doomed[i]) != 0)
			die("a doomed cache could not be destroyed");
	ndoomed += NDOOMED;
}

int main(int argc, char **argv)
{
	uint64_t seconds = option(argc, argv, "--seconds", 5);
	uint64_t seed = option(argc, argv, "--seed", default_seed());
	struct keeper *keepers = calloc(NKEEPERS, sizeof(*keepers));
	uint64_t end = now_ms() + seconds * 1000, random = seed | 1;
	struct worker worker = {.random = next_random(&random) | 1};

	printf("doomed: --seconds %lu --seed %lu\n", (unsigned long)seconds, (unsigned long)seed);
	fflush(stdout);
	kmem_option_set("decay_ms", "40");
	dooming = true;
	for (unsigned k = 0; k < NKEEPERS; k++) {
		keepers[k].worker.random = next_random(&random) | 1;
		if (pthread_create(&keepers[k].worker.thread, NULL, keep, &keepers[k]) != 0)
			die("no thread");
	}
	while (now_ms() < end)
		doom(&worker, keepers);
	dooming = false;
	for (unsigned k = 0; k < NKEEPERS; k++)
		pthread_join(keepers[k].worker.thread, NULL);
	free(keepers);
	check_end();
	printf("%lu caches doomed, %zu KiB resident\n", ndoomed, resident() >> 10);
	return 0;
}
