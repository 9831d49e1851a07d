/* SPDX-License-Identifier: MIT */
/*
 * The loops whose instructions check.sh counts: cache COUNT pair|bulk kmem|none does
 * COUNT allocations and frees of a cache's objects, one by one or 16 at a time;
 * none: the same calls of functions that return at once, which is the loop's part.
 */
#include <kmem.h>
#include <stdlib.h>
#include <string.h>

#define BULK 16

static struct calls {
	void *(*alloc)(struct kmem_cache *, gfp_t);
	void (*free)(struct kmem_cache *, void *);
	int (*alloc_bulk)(struct kmem_cache *, gfp_t, size_t, void **);
	void (*free_bulk)(struct kmem_cache *, size_t, void **);
} calls = {kmem_cache_alloc, kmem_cache_free, kmem_cache_alloc_bulk, kmem_cache_free_bulk};

static void nothing(void)
{
}

static void pairs(struct kmem_cache *cache, long count, struct calls c)
{
	while (count-- > 0)
		c.free(cache, c.alloc(cache, GFP_KERNEL));
}

static void bulks(struct kmem_cache *cache, long count, struct calls c)
{
	void *objects[BULK] = {NULL};

	for (; count > 0; count -= BULK) {
		c.alloc_bulk(cache, GFP_KERNEL, BULK, objects);
		c.free_bulk(cache, BULK, objects);
	}
}

int main(int argc, char **argv)
{
	struct kmem_cache *cache = kmem_cache_create("insn", 64, 0, 0, NULL);

	if (!cache || argc != 4)
		return 2;
	if (strcmp(argv[3], "none") == 0)
		for (unsigned i = 0; i < sizeof(calls) / sizeof(void (*)(void)); i++)
			((void (**)(void)) & calls)[i] = nothing;
	if (strcmp(argv[2], "bulk") == 0)
		bulks(cache, atol(argv[1]), calls);
	else
		pairs(cache, atol(argv[1]), calls);
	return 0;
}
