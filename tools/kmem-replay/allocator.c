// SPDX-License-Identifier: MIT
/* See allocator.h. */
#include "allocator.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

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
