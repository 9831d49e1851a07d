/* SPDX-License-Identifier: MIT */
/*
 * A program with a cache of its own that also uses malloc: 100 objects of
 * both-own and 100 blocks of 64 bytes. It says "ready", then waits for the end
 * of its input.
 */
#include <kmem.h>
#include <stdlib.h>
#include <unistd.h>

int main(void)
{
	static void *object[100], *block[100];
	struct kmem_cache *cache = kmem_cache_create("both-own", 200, 0, 0, NULL);
	char byte;

	if (!cache)
		return 1;
	for (int i = 0; i < 100; i++) {
		object[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		block[i] = malloc(64);
		if (!object[i] || !block[i])
			return 1;
	}
	if (write(1, "ready\n", 6) != 6)
		return 1;
	while (read(0, &byte, 1) > 0)
		;
	for (int i = 0; i < 100; i++) {
		kmem_cache_free(cache, object[i]);
		free(block[i]);
	}
	return kmem_cache_destroy(cache) ? 1 : 0;
}
