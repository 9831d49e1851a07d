/* SPDX-License-Identifier: MIT */
/*
 * A program outside the project, valid C17 and C++17: uses a cache and the
 * block functions, then says whose malloc it has: 97 bytes are 104 usable ones
 * with the C library, and whatever kmem_good_size says with libkmem.
 */
#include <kmem.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("user", 100, 0, 0, NULL);
	void *object = cache ? kmem_cache_alloc(cache, GFP_KERNEL) : NULL;
	void *block = kmem_malloc(1000);
	void *plain = malloc(97);

	if (!object || !block || !plain)
		return 1;
	puts(malloc_usable_size(plain) == kmem_good_size(97) ? "libkmem" : "C library");
	free(plain);
	kmem_free(block);
	kmem_cache_free(cache, object);
	return kmem_cache_destroy(cache) ? 1 : 0;
}
