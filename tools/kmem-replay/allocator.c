// SPDX-License-Identifier: MIT
/* See allocator.h. */
#include "allocator.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static const void *object_of(const char *name, char *path, size_t nbytes)
{
	void *symbol = dlsym(RTLD_DEFAULT, name);
	Dl_info info;

	if (!symbol || !dladdr(symbol, &info))
		return NULL;
	strncpy(path, info.dli_fname, nbytes - 1);
	return info.dli_fbase;
}

void allocator_of_process(struct allocator *allocator, char *library, size_t nbytes)
{
	char other[1] = "";

	*allocator = (struct allocator){.malloc = malloc,
					.calloc = calloc,
					.aligned_alloc = aligned_alloc,
					.realloc = realloc,
					.free = free};
	/* Of another library's blocks the C library's function knows nothing. */
	if (object_of("malloc", library, nbytes) ==
	    object_of("malloc_usable_size", other, sizeof(other)))
		allocator->usable_size = malloc_usable_size;
}

/* --- a private heap ------------------------------------------------------------------------ */

static struct kmem_heap *heap;

/* As dlsym finds them: this program is not linked with the core. */
static struct {
	__typeof__(kmem_heap_create) *create;
	__typeof__(kmem_heap_alloc) *alloc;
	__typeof__(kmem_heap_zalloc) *zalloc;
	__typeof__(kmem_heap_aligned) *aligned;
	__typeof__(kmem_heap_realloc) *realloc;
	__typeof__(kmem_heap_free) *free;
	__typeof__(kmem_heap_usable_size) *usable_size;
	__typeof__(kmem_heap_stats) *stats;
} core;

static bool core_find(void)
{
	core.create = dlsym(RTLD_DEFAULT, "kmem_heap_create");
	core.alloc = dlsym(RTLD_DEFAULT, "kmem_heap_alloc");
	core.zalloc = dlsym(RTLD_DEFAULT, "kmem_heap_zalloc");
	core.aligned = dlsym(RTLD_DEFAULT, "kmem_heap_aligned");
	core.realloc = dlsym(RTLD_DEFAULT, "kmem_heap_realloc");
	core.free = dlsym(RTLD_DEFAULT, "kmem_heap_free");
	core.usable_size = dlsym(RTLD_DEFAULT, "kmem_heap_usable_size");
	core.stats = dlsym(RTLD_DEFAULT, "kmem_heap_stats");
	return core.create && core.alloc && core.zalloc && core.aligned && core.realloc &&
	       core.free && core.usable_size && core.stats;
}

static void *heap_malloc(size_t nbytes)
{
	return core.alloc(heap, nbytes);
}

static void *heap_calloc(size_t count, size_t nbytes)
{
	return core.zalloc(heap, count * nbytes);
}

static void *heap_aligned_alloc(size_t align, size_t nbytes)
{
	return core.aligned(heap, align, nbytes);
}

static void *heap_realloc(void *block, size_t nbytes)
{
	return core.realloc(heap, block, nbytes);
}

static void heap_free(void *block)
{
	core.free(heap, block);
}

static size_t heap_usable_size(void *block)
{
	return core.usable_size(heap, block);
}

static size_t heap_bytes(void)
{
	struct kmem_heap_stats stats = {.size = sizeof(stats)};

	core.stats(heap, &stats);
	return stats.span_bytes;
}

const char *allocator_of_heap(struct allocator *allocator, struct kmem_heap_options *options,
			      char *library, size_t nbytes)
{
	object_of("kmem_heap_create", library, nbytes);
	if (!core_find())
		return "the libkmem beside this program has no private heaps";
	if (options->memory_bytes) {
		options->memory = mmap(NULL, options->memory_bytes, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (options->memory == MAP_FAILED)
			return "no memory to give to a heap";
	}
	heap = core.create("replay", options);
	if (!heap)
		return "kmem_heap_create takes no such options";
	*allocator = (struct allocator){.malloc = heap_malloc,
					.calloc = heap_calloc,
					.aligned_alloc = heap_aligned_alloc,
					.realloc = heap_realloc,
					.free = heap_free,
					.usable_size = heap_usable_size,
					.heap_bytes = heap_bytes};
	return NULL;
}
