// SPDX-License-Identifier: MIT
/*
 * planted WHAT: one error in a named cache, or in a block of kmem_malloc, for who looks on to name;
 * clean: everything a program may do.
 */
#include <kmem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct item {
	char *name;
	struct item *next;
	char text[43]; /* 59 bytes: the padding behind them is nobody's */
};
#define ITEM 59u

static struct kmem_cache *items;
static void *volatile kept; /* where what is not lost can be found */

/* Compilers know some of these errors, too, where they see the block's size. */
static void put(void *block, size_t offset)
{
	__asm__("" : "+r"(block));
	((volatile char *)block)[offset] = 1;
}

static bool is_set(const void *block, size_t offset)
{
	return ((const volatile char *)block)[offset] != 0;
}

static void look(const void *block, size_t offset)
{
	if (is_set(block, offset))
		puts("set");
}

static void overrun(void)
{
	char *one = kmem_cache_zalloc(items, GFP_KERNEL);

	put(one, ITEM);
	kmem_cache_free(items, one);
}

static void underrun(void)
{
	char *one = kmem_cache_zalloc(items, GFP_KERNEL);

	look(one - 1, 0);
	kmem_cache_free(items, one);
}

static void after_free(void)
{
	char *one = kmem_cache_zalloc(items, GFP_KERNEL);

	kmem_cache_free(items, one);
	look(one, 5);
}

static void uninitialised(void)
{
	char *one = kmem_cache_alloc(items, GFP_KERNEL);

	look(one, 5);
	kmem_cache_free(items, one);
}

static __attribute__((noinline)) void *lose(void)
{
	void *one = kmem_cache_zalloc(items, GFP_KERNEL);

	memset(one, 1, 8);
	return one;
}

static void leak(void)
{
	void *volatile lost = lose(); /* the first of its slab */

	kept = kmem_cache_zalloc(items, GFP_KERNEL);
	lost = NULL;
	(void)lost;
}

/* The C library's, which objects led to that are free now. */
static void strings(void)
{
	struct item *item = kmem_cache_zalloc(items, GFP_KERNEL);

	item->name = strdup("a name that nobody frees");
	memset(item, 0, ITEM);
	kmem_cache_free(items, item);
}

static void twice(void)
{
	void *one = kmem_cache_alloc(items, GFP_KERNEL);

	kmem_cache_free(items, one);
	kmem_cache_free(items, one);
}

static void malloc_overrun(void)
{
	char *block = kmem_malloc(100);

	put(block, 100);
	kmem_free(block);
}

static void large_overrun(void)
{
	char *block = kmem_malloc(100001);

	put(block, 100001);
	kmem_free(block);
}

static void large_after_free(void)
{
	char *block = kmem_malloc(100001);

	kmem_free(block);
	put(block, 70000);
}

static void pages_overrun(void)
{
	char *pages = kmem_pages_alloc(1, GFP_KERNEL);

	put(pages, 8192);
	kmem_pages_free(pages);
}

static __attribute__((noinline)) void large_leak(void)
{
	memset(kmem_malloc(100001), 1, 8);
}

static void malloc_after_free(void)
{
	char *block = kmem_malloc(100);

	kmem_free(block);
	put(block, 0);
}

static unsigned nconstructed, ndestructed;

static void construct(void *object)
{
	memset(object, 7, 40); /* of 48 */
	nconstructed++;
}

static void destruct(void *object)
{
	ndestructed += ((char *)object)[0] == 7;
}

/* Its state is kept from one owner to the next. */
static bool constructed(void)
{
	struct kmem_cache_args args = {.ctor = construct, .dtor = destruct};
	struct kmem_cache *cache = kmem_cache_create("constructed", 48, &args, 0);
	char *objects[100];

	for (unsigned round = 0; round < 3; round++) {
		if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, (void **)objects) != 100)
			return false;
		for (unsigned i = 0; i < 100; i++) {
			if (objects[i][0] != 7 || objects[i][39] != 7)
				return false;
			look(objects[i] + 40, 1); /* of the constructor's making, if not by it */
		}
		kmem_cache_free_bulk(cache, 100, (void **)objects);
	}
	return kmem_cache_destroy(cache) == 0 && nconstructed > 0 && ndestructed == nconstructed;
}

/* Each byte that is asked for may be written, and read then. */
static bool blocks(void)
{
	for (size_t nbytes = 1; nbytes < 300000; nbytes += nbytes / 3 + 1) {
		char *block = kmem_malloc(nbytes), *zeros = kmem_calloc(nbytes, 1);
		char *aligned = kmem_aligned_alloc(256, nbytes);

		memset(block, 1, nbytes);
		memset(aligned, 2, nbytes);
		memset(block, 3, kmem_usable_size(block));
		block = kmem_realloc(block, nbytes + 100);
		if (block[0] != 3 || block[nbytes - 1] != 3 || is_set(zeros, nbytes - 1))
			return false;
		block = kmem_realloc(block, nbytes);
		block = kmem_krealloc(block, nbytes * 2, GFP_KERNEL | __GFP_ZERO);
		memset(block, 4, nbytes * 2);
		kmem_free(block);
		kmem_free(zeros);
		kmem_kfree(aligned);
	}
	return true;
}

static bool pools(void)
{
	struct kmem_mempool *pool = kmem_mempool_create_slab(4, items);
	struct slab_sheaf *sheaf = kmem_cache_prefill_sheaf(items, GFP_KERNEL, 10);
	char *element = kmem_mempool_alloc(pool, GFP_KERNEL);
	char *object = kmem_cache_alloc_from_sheaf(items, GFP_KERNEL | __GFP_ZERO, sheaf);

	memset(element, 1, ITEM);
	look(object, ITEM - 1);
	kmem_cache_free(items, object);
	kmem_mempool_free(element, pool);
	kmem_mempool_destroy(pool);
	kmem_cache_return_sheaf(items, GFP_KERNEL, sheaf);
	return true;
}

/* A list whose strings are the C library's: what leads to them is in objects of ours. */
static bool list(void)
{
	struct item *first = NULL;

	for (unsigned i = 0; i < 1000; i++) {
		struct item *item = kmem_cache_zalloc(items, GFP_KERNEL);

		memset(item->text, 'x', ITEM - 16);
		item->name = strdup("a name");
		item->next = first;
		first = item;
	}
	for (unsigned i = 0; i < 900; i++) {
		struct item *next = first->next;

		free(first->name);
		kmem_cache_free(items, first);
		first = next;
	}
	kept = first;
	kmem_cache_shrink(items);
	kmem_trim();
	return kmem_cache_prealloc(items, 1000) == 0;
}

static void clean(void)
{
	void *pages = kmem_pages_alloc(5, GFP_KERNEL);

	/* Pages that were a slab's are anybody's. */
	if (!constructed() || !blocks() || !pools() || !list())
		exit(3);
	kmem_pages_free(pages);
	pages = kmem_pages_alloc(5, GFP_KERNEL);
	memset(pages, 1, 32 * 4096);
	kmem_pages_free(pages);
}

static const struct {
	const char *name;
	void (*act)(void);
} acts[] = {
	{"overrun", overrun},
	{"underrun", underrun},
	{"after_free", after_free},
	{"uninitialised", uninitialised},
	{"leak", leak},
	{"strings", strings},
	{"twice", twice},
	{"malloc_overrun", malloc_overrun},
	{"large_overrun", large_overrun},
	{"large_after_free", large_after_free},
	{"large_leak", large_leak},
	{"pages_overrun", pages_overrun},
	{"malloc_after_free", malloc_after_free},
	{"clean", clean},
};

int main(int argc, char **argv)
{
	items = kmem_cache_create("items", ITEM, 0, 0, NULL);
	for (unsigned i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].name, argv[1]) == 0) {
			acts[i].act();
			return 0;
		}
	return 2;
}
