// SPDX-License-Identifier: MIT
/* What an outside program does with libkmem-numa. */
#include <kmem.h>
#include <kmem/numa.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("node", 100, 0, 0, NULL);
	char *object;

	if (!cache || kmem_numa_set_cache(cache, KMEM_NUMA_LOCAL, NULL))
		return 1;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	if (!object)
		return 1;
	memset(object, 1, 100);
	kmem_cache_free(cache, object);
	if (kmem_numa_set(KMEM_NUMA_DEFAULT, NULL) || kmem_cache_destroy(cache))
		return 1;
	puts("placed");
	return 0;
}
