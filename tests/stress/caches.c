// SPDX-License-Identifier: MIT
/*
 * Many caches: one after the other, each made, used and destroyed; then many alive
 * at once with many threads using them. Records and ids are reused, so resident
 * memory stays below a bound.
 *
 *	caches [--caches N] [--alive N] [--threads N] [--max-mib N] [--seed S]
 *	by hand: --caches 1000000
 */
#include "stress.h"

#include "buddy/root.h"
#include "slab/cache.h"

#include <errno.h>
#include <kmem.h>
#include <pthread.h>

#define PER_THREAD 320u /* caches a thread uses: at the defaults each has two users */
#define OBJECTS	   20u

static struct kmem_cache **alive;
static unsigned nalive, nthreads;
static size_t max_mib;
static pthread_barrier_t barrier; /* all threads and main: all begin, all have parked */

static void check_resident(const char *when)
{
	size_t mib = resident() >> 20;

	printf("%s: %zu MiB resident, %lu KiB of records\n", when, mib,
	       (unsigned long)root_record.meta_bytes >> 10);
	if (!UNDER_SANITIZER && mib > max_mib)
		die("%s: %zu MiB are resident, %zu may be", when, mib, max_mib);
}

static void use(struct kmem_cache *cache, unsigned n)
{
	void *objects[OBJECTS];
	unsigned size = kmem_cache_size(cache);

	for (unsigned i = 0; i < n; i++) {
		objects[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!objects[i])
			die("cache '%s' has no memory: errno %d", kmem_cache_name(cache), errno);
		memset(objects[i], (int)i, size);
	}
	for (unsigned i = 0; i < n; i++) {
		if (*(unsigned char *)objects[i] != i)
			die("object %p of cache '%s' was written to", objects[i],
			    kmem_cache_name(cache));
		kmem_cache_free(cache, objects[i]);
	}
}

static void one_by_one(unsigned n, uint64_t seed)
{
	uint64_t random = seed | 1;
	unsigned highest;

	for (unsigned i = 0; i < n; i++) {
		unsigned size = 1 + (unsigned)below(&random, below(&random, 50) ? 512 : 20000);
		struct kmem_cache *cache = kmem_cache_create("brief", size, 0, 0, NULL);

		if (!cache)
			die("cache %u could not be made: errno %d", i, errno);
		use(cache, 1 + (unsigned)below(&random, OBJECTS));
		if (kmem_cache_destroy(cache) != 0)
			die("cache %u could not be destroyed", i);
	}
	highest = cache_ids();
	if (highest > ID_USER + 1)
		die("ids up to %u were used, one would do", highest);
}

static void *use_some(void *arg)
{
	unsigned self = (unsigned)(uintptr_t)arg;

	pthread_barrier_wait(&barrier);
	for (unsigned round = 0; round < 3; round++)
		for (unsigned i = 0; i < PER_THREAD; i++)
			use(alive[(self * (nalive / nthreads) + i) % nalive], 1 + i % OBJECTS);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void run_threads(void)
{
	pthread_t *threads = calloc(nthreads, sizeof(*threads));

	pthread_barrier_init(&barrier, NULL, nthreads + 1);
	for (unsigned i = 0; i < nthreads; i++)
		if (pthread_create(&threads[i], NULL, use_some, (void *)(uintptr_t)i) != 0)
			die("no thread %u", i);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	check_resident("all alive, all parked");
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void at_once(void)
{
	char name[32];

	alive = calloc(nalive, sizeof(struct kmem_cache *));
	for (unsigned i = 0; i < nalive; i++) {
		snprintf(name, sizeof(name), "alive-%u", i);
		alive[i] = kmem_cache_create(name, 16 + i % 1000, 0, 0, NULL);
		if (!alive[i])
			die("cache %u could not be made: errno %d", i, errno);
	}
	run_threads();
	check_resident("all alive, threads gone");
	for (unsigned i = 0; i < nalive; i++)
		if (kmem_cache_destroy(alive[i]) != 0)
			die("cache %u could not be destroyed", i);
	free(alive);
}

int main(int argc, char **argv)
{
	unsigned n = (unsigned)option(argc, argv, "--caches", UNDER_SANITIZER ? 5000 : 50000);
	uint64_t seed = option(argc, argv, "--seed", default_seed());

	nalive = (unsigned)option(argc, argv, "--alive", 10000);
	nthreads = (unsigned)option(argc, argv, "--threads", 64);
	max_mib = option(argc, argv, "--max-mib", 256);
	printf("caches: --caches %u --alive %u --threads %u --max-mib %zu --seed %lu\n", n, nalive,
	       nthreads, max_mib, (unsigned long)seed);
	fflush(stdout);
	one_by_one(n, seed);
	check_resident("one by one");
	at_once();
	check_resident("destroyed");
	return 0;
}
