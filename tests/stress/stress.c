// SPDX-License-Identifier: MIT
/*
 * Everything at once, by several threads that come and go: blocks of all sizes,
 * named caches, pages, bulk, realloc, forks, trims. Each block carries a pattern
 * that is checked before the block changes or goes; any thread frees what another
 * made, through mailboxes. At the end nothing may be in use and all invariants hold.
 *
 *	stress [--seconds N] [--threads N] [--seed S] [--no-fork]
 */
#include "at_rest.h"
#include "pattern.h"

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
	own(&worker->random, item, addr, nbytes, BLOCK);
}

static void get_object(struct worker *worker, struct item *item)
{
	unsigned k = (unsigned)below(&worker->random, NCACHES - (below(&worker->random, 8) != 0));
	bool zero = below(&worker->random, 2);
	void *addr = kmem_cache_alloc(caches[k], GFP_KERNEL | (zero ? __GFP_ZERO : 0));

	if (zero && addr)
		check_zero(addr, shapes[k].size);
	item->cache = k;
	own(&worker->random, item, addr, shapes[k].size, OBJECT);
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
	own(&worker->random, item, addr, nbytes, PAGES);
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
	own(&worker->random, item, addr, nbytes, BLOCK);
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
	check_end();
	for (unsigned i = 0; i < NCACHES; i++)
		if (kmem_cache_destroy(caches[i]) != 0)
			die("cache '%s' could not be destroyed", shapes[i].name);
	if (kmem_cache_destroy(built) || kmem_cache_destroy(envelopes))
		die("the last caches could not be destroyed");
	printf("%lu operations, %lu threads, %lu forks, %zu KiB resident\n", nops, nthreads_run,
	       nforks, resident() >> 10);
	return 0;
}
