// SPDX-License-Identifier: MIT
/*
 * Everything at once, by several threads that come and go: blocks of all sizes,
 * named caches, pages, bulk, realloc, forks, trims. Each block carries a pattern
 * that is checked before the block changes or goes; any thread frees what another
 * made, through mailboxes. Then caches are destroyed of which other threads have
 * sheaves. At the end nothing may be in use and all invariants hold.
 *
 *	stress [--seconds N] [--threads N] [--seed S] [--no-fork]
 */
#include "pattern.h"

#include "buddy/buddy.h"
#include "buddy/root.h"
#include "lib/front.h"
#include "lib/stats.h"

#include <errno.h>
#include <kmem.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#define NITEMS	 400u
#define NBOXES	 256u
#define NCACHES	 6u
#define BULK_MAX 40u
#define NKEEPERS 2u
#define NDOOMED	 16u

struct worker {
	pthread_t thread;
	uint64_t random;
	uint64_t end_ms;
	struct item items[NITEMS];
};

static const struct {
	const char *name;
	unsigned size, align, flags;
} shapes[NCACHES] = {
	{"stress-8", 8, 0, 0},	     {"stress-40", 40, 0, SLAB_HWCACHE_ALIGN},
	{"stress-200", 200, 64, 0},  {"stress-1500", 1500, 0, 0},
	{"stress-9000", 9000, 0, 0}, {"stress-200000", 200000, 4096, 0},
};

static struct kmem_cache *caches[NCACHES];
static struct kmem_cache *built; /* with a constructor; its objects keep their state */
static struct kmem_cache *envelopes;
static _Atomic(struct item *) boxes[NBOXES];
static bool forks;
static _Atomic unsigned long nops, nforks, nthreads_run;
static unsigned long ndoomed;
static _Atomic bool dooming;

#define BUILT_WORD 0x6b6d656d6b6d656dull
#define BUILT_SIZE 96u

static void build(void *object)
{
	uint64_t *words = object;

	for (unsigned i = 0; i < BUILT_SIZE / 8; i++)
		words[i] = BUILT_WORD;
}

static size_t random_size(uint64_t *random)
{
	uint64_t dice = below(random, 1000);

	if (dice < 700)
		return below(random, 1025);
	if (dice < 950)
		return below(random, 32769);
	if (dice < 992)
		return below(random, (1u << 20) + 1);
	return below(random, 4u << 20);
}

static void own(struct worker *worker, struct item *item, void *addr, size_t nbytes, enum kind kind)
{
	if (!addr)
		die("no memory for %zu bytes of kind %d: errno %d", nbytes, (int)kind, errno);
	item->addr = addr;
	item->nbytes = nbytes;
	item->kind = kind;
	item->tag = (uint32_t)next_random(&worker->random);
	fill(item);
}

static void check_zero(const unsigned char *addr, size_t nbytes)
{
	for (size_t i = 0; i < nbytes; i++)
		if (addr[i])
			die("byte %zu of %zu of zeroed memory at %p is %02x", i, nbytes,
			    (const void *)addr, addr[i]);
}

static void get_block(struct worker *worker, struct item *item)
{
	size_t nbytes = random_size(&worker->random);
	size_t align = (size_t)1 << below(&worker->random, 15);
	void *addr;

	switch (below(&worker->random, 4)) {
	case 0:
		addr = kmem_calloc(1, nbytes);
		if (addr)
			check_zero(addr, nbytes);
		break;
	case 1:
		addr = kmem_aligned_alloc(align, nbytes);
		if ((uintptr_t)addr % align)
			die("%p is not aligned to %zu", addr, align);
		break;
	default:
		addr = kmem_malloc(nbytes);
		if ((uintptr_t)addr % 16)
			die("%p is not aligned to 16", addr);
	}
	if (addr && kmem_usable_size(addr) < nbytes)
		die("usable size of %p is below %zu", addr, nbytes);
	own(worker, item, addr, nbytes, BLOCK);
}

static void get_object(struct worker *worker, struct item *item)
{
	unsigned k = (unsigned)below(&worker->random, NCACHES - (below(&worker->random, 8) != 0));
	bool zero = below(&worker->random, 2);
	void *addr = kmem_cache_alloc(caches[k], GFP_KERNEL | (zero ? __GFP_ZERO : 0));

	if (zero && addr)
		check_zero(addr, shapes[k].size);
	item->cache = k;
	own(worker, item, addr, shapes[k].size, OBJECT);
}

static void get_pages(struct worker *worker, struct item *item)
{
	size_t nbytes = 1 + below(&worker->random, 20 * KMEM_PAGE_SIZE);
	unsigned order = (unsigned)below(&worker->random, 5);
	void *addr;

	if (below(&worker->random, 2)) {
		addr = kmem_pages_alloc_exact(nbytes, GFP_KERNEL | __GFP_ZERO);
		if (addr)
			check_zero(addr, nbytes);
	} else {
		nbytes = (size_t)KMEM_PAGE_SIZE << order;
		addr = kmem_pages_alloc(order, GFP_KERNEL);
		if ((uintptr_t)addr % nbytes)
			die("pages of order %u at %p", order, addr);
	}
	own(worker, item, addr, nbytes, PAGES);
}

static void get(struct worker *worker, struct item *item)
{
	uint64_t dice = below(&worker->random, 100);

	if (dice < 55)
		get_block(worker, item);
	else if (dice < 95)
		get_object(worker, item);
	else
		get_pages(worker, item);
}

static void put(struct worker *worker, struct item *item)
{
	verify(item, item->addr, item->nbytes);
	if (item->kind == PAGES)
		kmem_pages_free(item->addr);
	else if (item->kind == OBJECT && below(&worker->random, 2))
		kmem_cache_free(caches[item->cache], item->addr);
	else
		kmem_free(item->addr);
	item->addr = NULL;
}

static void resize(struct worker *worker, struct item *item)
{
	size_t nbytes = below(&worker->random, 3) ? random_size(&worker->random)
						  : item->nbytes + item->nbytes / 4;
	unsigned char *addr;

	if (item->kind != BLOCK)
		return;
	verify(item, item->addr, item->nbytes);
	if (nbytes == 0 || nbytes > (8u << 20))
		nbytes = 1;
	addr = kmem_realloc(item->addr, nbytes);
	if (!addr)
		die("realloc from %zu to %zu: errno %d", item->nbytes, nbytes, errno);
	verify(item, addr, nbytes < item->nbytes ? nbytes : item->nbytes);
	own(worker, item, addr, nbytes, BLOCK);
}

/* Leave an item where any thread may find it, and take what was there. */
static void mail(struct worker *worker, struct item *item)
{
	struct item *letter = NULL, *answer;

	if (item->addr) {
		letter = kmem_cache_alloc(envelopes, GFP_KERNEL);
		if (!letter)
			die("no envelope");
		*letter = *item;
	}
	answer = atomic_exchange(&boxes[below(&worker->random, NBOXES)], letter);
	item->addr = NULL;
	if (!answer)
		return;
	*item = *answer;
	kmem_free(answer);
}

static void bulk(struct worker *worker)
{
	void *objects[BULK_MAX];
	unsigned n = 1 + (unsigned)below(&worker->random, BULK_MAX);

	if (kmem_cache_alloc_bulk(built, GFP_KERNEL, n, objects) != (int)n)
		die("bulk of %u: errno %d", n, errno);
	for (unsigned i = 0; i < n; i++) {
		uint64_t *words = objects[i];

		for (unsigned w = 0; w < BUILT_SIZE / 8; w++)
			if (words[w] != BUILT_WORD)
				die("object %p left its constructed state", objects[i]);
		words[i % (BUILT_SIZE / 8)] = 0;
	}
	for (unsigned i = 0; i < n; i++)
		((uint64_t *)objects[i])[i % (BUILT_SIZE / 8)] = BUILT_WORD;
	kmem_cache_free_bulk(below(&worker->random, 2) ? built : NULL, n, objects);
}

/* A cache of its own, made, used and destroyed. */
static void brief_cache(struct worker *worker)
{
	unsigned size = 1 + (unsigned)below(&worker->random, 3000);
	struct kmem_cache *cache =
		kmem_cache_create("stress-brief", size, 0, size % 4 ? 0 : SLAB_NOWAIT, NULL);
	void *objects[BULK_MAX];

	if (!cache)
		die("no cache: errno %d", errno);
	if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, BULK_MAX, objects) != BULK_MAX)
		die("no objects of a brief cache: errno %d", errno);
	for (unsigned i = 0; i < BULK_MAX; i++)
		memset(objects[i], (int)i, size);
	kmem_cache_free_bulk(cache, BULK_MAX, objects);
	if (kmem_cache_destroy(cache) != 0)
		die("a brief cache could not be destroyed");
}

static void step(struct worker *worker);

/* The child owns a copy of its parent's blocks: all must be whole and go home. */
static void __attribute__((noreturn)) child(struct worker *worker)
{
	alarm(30);
	for (unsigned i = 0; i < 300; i++)
		step(worker);
	for (unsigned i = 0; i < NITEMS; i++)
		if (worker->items[i].addr)
			put(worker, &worker->items[i]);
	kmem_trim();
	_exit(0);
}

static void fork_once(struct worker *worker)
{
	int status = -1;
	pid_t pid = fork();

	if (pid < 0)
		return;
	if (pid == 0) {
		forks = false;
		child(worker);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("a child ended with status %#x", (unsigned)status);
	nforks++;
}

static void seldom(struct worker *worker)
{
	switch (below(&worker->random, 12)) {
	case 0:
		kmem_trim();
		break;
	case 1:
		(void)kmem_mallinfo2();
		break;
	case 2:
	case 3:
		kmem_cache_shrink(caches[below(&worker->random, NCACHES)]);
		break;
	case 4:
		if (forks)
			fork_once(worker);
		break;
	default:
		brief_cache(worker);
	}
}

static void step(struct worker *worker)
{
	struct item *item = &worker->items[below(&worker->random, NITEMS)];
	uint64_t dice = below(&worker->random, 1000);

	if (dice < 3)
		seldom(worker);
	else if (dice < 40)
		bulk(worker);
	else if (dice < 200)
		mail(worker, item);
	else if (!item->addr)
		get(worker, item);
	else if (dice < 350)
		resize(worker, item);
	else
		put(worker, item);
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	unsigned long n = 0;

	for (; n % 64 || now_ms() < worker->end_ms; n++)
		step(worker);
	for (unsigned i = 0; i < NITEMS; i++)
		if (worker->items[i].addr)
			put(worker, &worker->items[i]);
	nops += n;
	return NULL;
}

static void start_worker(struct worker *worker, uint64_t *random)
{
	memset(worker, 0, sizeof(*worker));
	worker->random = next_random(random) | 1;
	worker->end_ms = now_ms() + 20 + below(random, 400);
	if (pthread_create(&worker->thread, NULL, work, worker) != 0)
		die("no thread");
	nthreads_run++;
}

static void run(unsigned nthreads, uint64_t seconds, uint64_t seed)
{
	struct worker *workers = calloc(nthreads, sizeof(*workers));
	uint64_t end = now_ms() + seconds * 1000, random = seed | 1;
	struct worker last = {.random = random};

	for (unsigned i = 0; i < nthreads; i++)
		start_worker(&workers[i], &random);
	for (unsigned i = 0; now_ms() < end; i = (i + 1) % nthreads) {
		pthread_join(workers[i].thread, NULL);
		start_worker(&workers[i], &random);
	}
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < NBOXES; i++)
		if (boxes[i]) {
			put(&last, boxes[i]);
			kmem_cache_free(envelopes, boxes[i]);
		}
	free(workers);
}

/*
 * Caches are destroyed of which two other threads have sheaves, while these, the
 * keepers, are at work on sheaves of their own caches, which get the same ids in turn.
 * A sheaf that came to be in two slots would give one object to two items.
 */
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

	own(worker, item, kmem_cache_alloc(cache, GFP_KERNEL), size < 16 ? size : 16, OBJECT);
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

static void run_doomed(uint64_t ms, uint64_t seed)
{
	struct keeper *keepers = calloc(NKEEPERS, sizeof(*keepers));
	uint64_t end = now_ms() + ms, random = seed | 1;
	struct worker worker = {.random = next_random(&random) | 1};

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
}

static void check_cache(struct kmem_cache *cache)
{
	struct cache_stats stats = cache_stats(cache);
	const char *wrong = cache_check(cache);

	if (wrong)
		die("cache '%s': %s", cache->pub.name, wrong);
	if (stats.in_use || stats.parked || cache->pub.nslabs)
		die("cache '%s': %lu in use, %lu parked, %u slabs", cache->pub.name,
		    (unsigned long)stats.in_use, (unsigned long)stats.parked, cache->pub.nslabs);
}

/* Everything was given back: invariants hold, and no page of any zone is in use. */
static void check_end(void)
{
	uint64_t used = 0;
	const char *wrong;
	struct heap *heap;

	kmem_trim();
	for (unsigned id = ID_FIRST; id < cache_ids(); id++)
		if (cache_of(id) && cache_of(id)->pub.id)
			check_cache(cache_of(id));
	for (unsigned i = 0; (heap = front_heap(i)); i++) {
		wrong = heap_validate(heap);
		if (wrong)
			die("heap '%s': %s", heap->pub.name, wrong);
		if (heap->pub.live_blocks || heap->pub.nspans > 1)
			die("heap '%s': %lu blocks live, %lu spans", heap->pub.name,
			    (unsigned long)heap->pub.live_blocks, (unsigned long)heap->pub.nspans);
		used += heap->pub.span_bytes >> PAGE_SHIFT;
	}
	wrong = buddy_check();
	if (wrong)
		die("%s", wrong);
	for_each_zone (zone)
		used -= zone->pub.committed - zone->pub.dirty - zone->pub.clean;
	if (used != 0 || root_record.mapped_bytes)
		die("%ld pages of zones, %lu mapped bytes were not given back", -(long)used,
		    (unsigned long)root_record.mapped_bytes);
}

int main(int argc, char **argv)
{
	uint64_t seconds = option(argc, argv, "--seconds", 5);
	unsigned nthreads = (unsigned)option(argc, argv, "--threads", 4);
	uint64_t seed = option(argc, argv, "--seed", default_seed());

	forks = !UNDER_TSAN && !option(argc, argv, "--no-fork", 0);
	printf("stress: --seconds %lu --threads %u --seed %lu%s\n", (unsigned long)seconds,
	       nthreads, (unsigned long)seed, forks ? "" : " --no-fork");
	fflush(stdout);
	kmem_option_set("decay_ms", "40");
	for (unsigned i = 0; i < NCACHES; i++) {
		caches[i] = kmem_cache_create(shapes[i].name, shapes[i].size, shapes[i].align,
					      shapes[i].flags, NULL);
		if (!caches[i])
			die("no cache '%s'", shapes[i].name);
	}
	built = kmem_cache_create("stress-built", BUILT_SIZE, 0, 0, build);
	envelopes = kmem_cache_create("stress-envelopes", sizeof(struct item), 0, 0, NULL);
	run(nthreads, seconds, seed);
	run_doomed(seconds * 500, seed);
	check_end();
	for (unsigned i = 0; i < NCACHES; i++)
		if (kmem_cache_destroy(caches[i]) != 0)
			die("cache '%s' could not be destroyed", shapes[i].name);
	if (kmem_cache_destroy(built) || kmem_cache_destroy(envelopes))
		die("the last caches could not be destroyed");
	printf("%lu operations, %lu threads, %lu forks, %lu caches doomed, %zu KiB resident\n",
	       nops, nthreads_run, nforks, ndoomed, resident() >> 10);
	return 0;
}
