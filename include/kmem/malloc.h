/* SPDX-License-Identifier: MIT */
/*
 * The C library's allocator by other names, for programs that link with
 * libkmem without replacing malloc. Semantics, alignment (16 bytes) and errno
 * are those of malloc(3). Up to 32 KiB come from the caches malloc-16 …
 * malloc-32768, up to 64 KiB from the boundary-tag heap, the rest,
 * and what is to be aligned to more than 16 KiB, are pages.
 */
#ifndef KMEM_MALLOC_H
#define KMEM_MALLOC_H

#include <kmem/base.h>

KMEM_BEGIN_DECLS

KMEM_API void *kmem_malloc(size_t nbytes) KMEM_MALLOC KMEM_SIZE(1);
KMEM_API void *kmem_calloc(size_t count, size_t nbytes) KMEM_MALLOC KMEM_SIZE(1, 2);
KMEM_API void *kmem_realloc(void *block, size_t nbytes) __attribute__((warn_unused_result))
KMEM_SIZE(2);
/* alignment: a power of two, else NULL with EINVAL. nbytes need not be a multiple of it. */
KMEM_API void *kmem_aligned_alloc(size_t alignment, size_t nbytes) KMEM_MALLOC KMEM_SIZE(2)
	KMEM_ALIGNED(1);
/* Any block of the functions above, any object of a cache, and NULL. Keeps errno. */
KMEM_API void kmem_free(void *block);
/*
 * The same for who knows the size asked for, as C23's free_sized. It is looked at only where
 * KMEM_DEBUG keeps sizes: another one is reported, and the block stays.
 */
KMEM_API void kmem_free_sized(void *block, size_t nbytes);
/* Bytes the block can hold, all the caller's; with KMEM_DEBUG=Z those asked for; 0 for NULL. */
KMEM_API size_t kmem_usable_size(const void *block);
/* Bytes a request of nbytes would get: asking for that wastes nothing. */
KMEM_API size_t kmem_good_size(size_t nbytes);

/*
 * Return unused memory to the system: the barns, the empty slabs, the caller's
 * own sheaves and all free pages at once; what other threads hold at their next
 * slow pass. 1 if any memory went back, else 0.
 */
KMEM_API int kmem_trim(void);

KMEM_END_DECLS

#endif
