/* SPDX-License-Identifier: MIT */
/*
 * Kernel code in userspace brings a kmem_cache_alloc of its own, and others of
 * the names: the library must not call them, whatever else of it is called.
 */
#include <kmem.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Says so without allocating: the caller may be malloc. */
static void caught(const char *name)
{
	static const char text[] = "the library called the program's own ";

	if (write(2, text, sizeof(text) - 1) < 0 || write(2, name, strlen(name)) < 0 ||
	    write(2, "\n", 1) < 0)
		_exit(2);
	_exit(1);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	(void)cache, (void)flags;
	caught(__func__);
	return NULL;
}

void kmem_cache_free(struct kmem_cache *cache, void *object)
{
	(void)cache, (void)object;
	caught(__func__);
}

void *kmem_malloc(size_t nbytes)
{
	(void)nbytes;
	caught(__func__);
	return NULL;
}

void kmem_free(void *block)
{
	(void)block;
	caught(__func__);
}

void *kmem_pages_alloc(unsigned int order, gfp_t flags)
{
	(void)order, (void)flags;
	caught(__func__);
	return NULL;
}

void kmem_pages_free(void *pages)
{
	(void)pages;
	caught(__func__);
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("own-names", 200, 0, 0, NULL);
	void *object[100];
	char *block = kmem_calloc(1, 10);

	if (!cache || !block)
		return 2;
	for (size_t n = 20; n < 4000000; n *= 2) {
		block = kmem_realloc(block, n);
		if (!block)
			return 2;
		block[n - 1] = 1;
		free(malloc(n));
	}
	for (int i = 0; i < 1000; i++) {
		if (kmem_cache_alloc_bulk(cache, GFP_KERNEL, 100, object) != 100)
			return 2;
		kmem_cache_free_bulk(cache, 100, object);
	}
	if (kmem_cache_destroy(cache))
		return 2;
	if (!kmem_pages_alloc_exact(100000, GFP_KERNEL) || !kmem_aligned_alloc(4096, 100000))
		return 2;
	kmem_trim();
	return 0;
}
