// SPDX-License-Identifier: MIT
/*
 * Sources of the kernel's kind, with pools, shrinkers, sheaves and nodes: nothing but
 * <linux/…> headers, as in kernel_style.c.
 */
#include <linux/mempool.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include "kernel_check.h"

#define NMIN 4

struct request {
	unsigned long sector;
	char data[120];
};

/* An allocator that a test can let fail. */
static bool dry;

static void *request_alloc(gfp_t flags, void *pool_data)
{
	return dry ? NULL : kmalloc(*(size_t *)pool_data, flags);
}

static void request_free(void *element, void *pool_data)
{
	(void)pool_data;
	kfree(element);
}

static size_t request_bytes = sizeof(struct request);

/* The allocator first, then the reserve, then none; what is freed fills the reserve. */
static int reserve_of(mempool_t *pool)
{
	void *elements[NMIN];

	check(mempool_is_saturated(pool));
	dry = true;
	for (int i = 0; i < NMIN; i++) {
		elements[i] = mempool_alloc(pool, GFP_NOWAIT);
		check(elements[i]);
	}
	check(!mempool_is_saturated(pool));
	check(!mempool_alloc(pool, GFP_ATOMIC));
	check(!mempool_alloc_preallocated(pool));
	mempool_free(elements[0], pool);
	elements[0] = mempool_alloc_preallocated(pool);
	check(elements[0]);
	for (int i = 0; i < NMIN; i++)
		mempool_free(elements[i], pool);
	mempool_free(NULL, pool);
	check(mempool_is_saturated(pool));
	dry = false;
	elements[0] = mempool_alloc(pool, GFP_KERNEL);
	check(elements[0] && mempool_is_saturated(pool));
	mempool_free(elements[0], pool);
	check(mempool_resize(pool, 2 * NMIN) == 0);
	check(mempool_resize(pool, NMIN) == 0);
	check(mempool_is_saturated(pool));
	return 0;
}

static int pools_of_functions(void)
{
	mempool_t *pool = mempool_create(NMIN, request_alloc, request_free, &request_bytes);
	mempool_t embedded = {};

	check(pool && !reserve_of(pool));
	mempool_destroy(pool);
	pool = mempool_create_node(NMIN, request_alloc, request_free, &request_bytes, GFP_KERNEL,
				   NUMA_NO_NODE);
	check(pool && !reserve_of(pool));
	mempool_destroy(pool);
	mempool_destroy(NULL);

	check(!mempool_initialized(&embedded));
	mempool_exit(&embedded);
	check(mempool_init(&embedded, NMIN, request_alloc, request_free, &request_bytes) == 0);
	check(mempool_initialized(&embedded) && !reserve_of(&embedded));
	mempool_exit(&embedded);
	mempool_exit(&embedded);
	check(mempool_init_node(&embedded, NMIN, request_alloc, request_free, &request_bytes,
				GFP_KERNEL, 0) == 0);
	mempool_exit(&embedded);
	dry = true;
	check(mempool_init(&embedded, NMIN, request_alloc, request_free, &request_bytes) < 0);
	check(!mempool_create(NMIN, request_alloc, request_free, &request_bytes));
	dry = false;
	return 0;
}

/* An element of nbytes comes and goes. */
static int one_of(mempool_t *pool, size_t nbytes)
{
	char *element;

	check(pool);
	element = mempool_alloc(pool, GFP_NOIO);
	check(element);
	__builtin_memset(element, 7, nbytes);
	mempool_free(element, pool);
	return 0;
}

static int ready_made_pools(void)
{
	struct kmem_cache *cache = KMEM_CACHE(request, SLAB_PANIC);
	mempool_t *pools[] = {
		mempool_create_slab_pool(NMIN, cache),
		mempool_create(NMIN, mempool_alloc_slab, mempool_free_slab, cache),
		mempool_create_kmalloc_pool(NMIN, 1000),
		mempool_create(NMIN, mempool_kmalloc, mempool_kfree, (void *)1000),
		mempool_create(NMIN, mempool_kvmalloc, mempool_kvfree, (void *)1000),
		mempool_create_page_pool(NMIN, 1),
		mempool_create(NMIN, mempool_alloc_pages, mempool_free_pages, (void *)1),
	};
	static const size_t nbytes[] = {
		sizeof(struct request), sizeof(struct request), 1000, 1000, 1000, 8192, 8192};
	mempool_t embedded;

	for (size_t i = 0; i < sizeof(pools) / sizeof(pools[0]); i++) {
		check(!one_of(pools[i], nbytes[i]));
		mempool_destroy(pools[i]);
	}
	check(mempool_init_slab_pool(&embedded, NMIN, cache) == 0);
	check(!one_of(&embedded, sizeof(struct request)));
	mempool_exit(&embedded);
	check(mempool_init_kmalloc_pool(&embedded, NMIN, 100) == 0);
	check(!one_of(&embedded, 100));
	mempool_exit(&embedded);
	check(mempool_init_page_pool(&embedded, NMIN, 0) == 0);
	check(!one_of(&embedded, 4096));
	mempool_exit(&embedded);
	kmem_cache_destroy(cache);
	return 0;
}

/* A list of what can be done without. */
struct idle {
	unsigned long n;
	unsigned long asked;
};

static unsigned long idle_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct idle *idle = shrinker->private_data;

	if (!(sc->gfp_mask & __GFP_FS))
		return 0;
	return idle->n ? idle->n : SHRINK_EMPTY;
}

static unsigned long idle_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct idle *idle = shrinker->private_data;
	unsigned long n = sc->nr_to_scan < idle->n ? sc->nr_to_scan : idle->n;

	idle->asked++;
	sc->nr_scanned = n;
	idle->n -= n;
	return n ? n : SHRINK_STOP;
}

static int shrinkers(void)
{
	struct idle idle = {.n = 10000};
	struct shrinker *shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "idle-%d", 1);

	check(shrinker);
	shrinker->count_objects = idle_count;
	shrinker->scan_objects = idle_scan;
	shrinker->seeks = DEFAULT_SEEKS;
	shrinker->batch = 100;
	shrinker->private_data = &idle;
	shrinker_register(shrinker);
	check(kmem_shrink() > 0);
	check(idle.asked > 0 && idle.n < 10000);
	shrinker_free(shrinker);
	idle.asked = 0;
	kmem_shrink();
	check(idle.asked == 0);
	shrinker_free(shrinker_alloc(0, "never-registered"));
	shrinker_free(NULL);
	return 0;
}

static int sheaves(void)
{
	struct kmem_cache *cache = KMEM_CACHE(request, SLAB_PANIC);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(cache, GFP_KERNEL, 20);
	void *objects[20];

	check(sheaf && kmem_cache_sheaf_size(sheaf) >= 20);
	for (int i = 0; i < 20; i++) {
		objects[i] = kmem_cache_alloc_from_sheaf(cache, GFP_NOWAIT, sheaf);
		check(objects[i]);
	}
	check(kmem_cache_refill_sheaf(cache, GFP_KERNEL, &sheaf, 10) == 0);
	check(kmem_cache_sheaf_size(sheaf) >= 10);
	kmem_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	kmem_cache_free_bulk(cache, 20, objects);
	kmem_cache_destroy(cache);
	return 0;
}

static int nodes_and_lists(void)
{
	struct kmem_cache *cache = KMEM_CACHE(request, SLAB_PANIC);
	void *one = kmem_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE);

	check(one);
	kmem_dump_obj(one);
	kmem_cache_free(cache, one);
	one = kmem_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO, 0);
	check(one);
	kmem_cache_free(cache, one);
	one = kmem_cache_alloc_lru(cache, NULL, GFP_KERNEL);
	check(one);
	kmem_cache_free(cache, one);
	kmem_cache_destroy(cache);
	return 0;
}

int main(void)
{
	return pools_of_functions() || ready_made_pools() || shrinkers() || sheaves() ||
	       nodes_and_lists();
}
