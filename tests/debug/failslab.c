// SPDX-License-Identifier: MIT
/* A thousand requests, of all kinds, all of which are to fail: 0. Says nothing by stdio, which
 * allocates. */
#include <errno.h>
#include <kmem.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static unsigned nlived;

static void expect_none(void *block)
{
	if (block || errno != ENOMEM)
		nlived++;
	free(block);
	errno = 0;
}

int main(void)
{
	struct kmem_cache *cache = kmem_cache_create("failslab-cache", 100, NULL, 0);
	void *block;

	for (size_t i = 0; i < 125; i++) {
		expect_none(malloc(i));
		expect_none(malloc(i * 10000));
		expect_none(calloc(i, 100));
		expect_none(realloc(NULL, i * 300 + 1));
		expect_none(memalign(4096, i * 1000));
		expect_none(strdup("a string of some length"));
		if (posix_memalign(&block, 64, i + 1) != ENOMEM)
			nlived++;
		errno = 0;
		expect_none(kmem_cache_alloc(cache, GFP_KERNEL));
	}
	return kmem_fault_count() != 1000 || nlived != 0;
}
