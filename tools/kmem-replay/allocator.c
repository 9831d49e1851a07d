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

	*allocator = (struct allocator){.process = {.malloc = malloc,
						    .calloc = calloc,
						    .aligned_alloc = aligned_alloc,
						    .realloc = realloc,
						    .free = free}};
	/* Of another library's blocks the C library's function knows nothing. */
	if (object_of("malloc", library, nbytes) ==
	    object_of("malloc_usable_size", other, sizeof(other)))
		allocator->process.usable_size = malloc_usable_size;
}

static bool core_find(struct heap_calls *core)
{
	*core = (struct heap_calls){
		.create = dlsym(RTLD_DEFAULT, "kmem_heap_create"),
		.alloc = dlsym(RTLD_DEFAULT, "kmem_heap_alloc"),
		.zalloc = dlsym(RTLD_DEFAULT, "kmem_heap_zalloc"),
		.aligned = dlsym(RTLD_DEFAULT, "kmem_heap_aligned"),
		.realloc = dlsym(RTLD_DEFAULT, "kmem_heap_realloc"),
		.free = dlsym(RTLD_DEFAULT, "kmem_heap_free"),
		.usable_size = dlsym(RTLD_DEFAULT, "kmem_heap_usable_size"),
		.stats = dlsym(RTLD_DEFAULT, "kmem_heap_stats"),
	};
	return core->create && core->alloc && core->zalloc && core->aligned && core->realloc &&
	       core->free && core->usable_size && core->stats;
}

const char *allocator_of_heap(struct allocator *allocator, struct kmem_heap_options *options,
			      char *library, size_t nbytes)
{
	object_of("kmem_heap_create", library, nbytes);
	if (!core_find(&allocator->core))
		return "the libkmem beside this program has no private heaps";
	if (options->memory_bytes) {
		options->memory = mmap(NULL, options->memory_bytes, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (options->memory == MAP_FAILED)
			return "no memory to give to a heap";
	}
	allocator->heap = allocator->core.create("replay", options);
	return allocator->heap ? NULL : "kmem_heap_create takes no such options";
}

size_t allocator_usable(const struct allocator *allocator, void *block)
{
	if (allocator->heap)
		return allocator->core.usable_size(allocator->heap, block);
	return allocator->process.usable_size ? allocator->process.usable_size(block) : 0;
}

size_t allocator_heap_bytes(const struct allocator *allocator)
{
	struct kmem_heap_stats stats = {.size = sizeof(stats)};

	allocator->core.stats(allocator->heap, &stats);
	return stats.span_bytes;
}
