// SPDX-License-Identifier: MIT
/*
 * libkmem-malloc: the C library's names, each a jump into the core, but for malloc
 * and free, which first try the slot themselves: what a jump more to the core's fast
 * paths takes was a sixth of the time of a pair. Nothing here keeps state. C++'s
 * operators are left to its library, which calls malloc and free: a program that
 * replaces some of them would find the others replaced.
 */
#include "lib/classes.h"
#include "lib/core.h"
#include "slab/slot.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define FAST   __attribute__((aligned(64))) /* in as few cache lines as there can be */
/* Memcheck puts its own in the place of these, but not of all that lead to them. */
#define REPLACED __attribute__((noinline))

/* By this the core knows that malloc is ours. */
EXPORT const char kmem_core_override = 1;

EXPORT FAST void *malloc(size_t nbytes)
{
	void *block;

	if (__builtin_expect(nbytes <= SMALL_MAX, 1) &&
	    slot_pop(class_slot_in(kmem_core_thread_slots, kmem_core_class_slots, nbytes), &block))
		return block;
	return kmem_core_malloc_more(nbytes);
}

EXPORT FAST void free(void *block)
{
	if (!slot_push(&kmem_core_thread_slots[pagemap_id_in(&kmem_core_pagemap, block)], block))
		kmem_core_free_slow(block);
}

EXPORT void *calloc(size_t count, size_t nbytes)
{
	return kmem_core_calloc(count, nbytes);
}

EXPORT REPLACED void *realloc(void *block, size_t nbytes)
{
	return kmem_core_realloc(block, nbytes);
}

EXPORT void *reallocarray(void *block, size_t count, size_t nbytes)
{
	size_t total;

	if (__builtin_mul_overflow(count, nbytes, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, total);
}

EXPORT void *aligned_alloc(size_t alignment, size_t nbytes)
{
	return kmem_core_aligned_alloc(alignment, nbytes);
}

/* glibc rounds a strange alignment up to the next power of two. */
EXPORT REPLACED void *memalign(size_t alignment, size_t nbytes)
{
	size_t power = 1;

	while (power < alignment && power <= SIZE_MAX / 2)
		power *= 2;
	return kmem_core_aligned_alloc(power, nbytes);
}

EXPORT int posix_memalign(void **block, size_t alignment, size_t nbytes)
{
	int saved = errno;
	void *aligned;

	if (alignment < sizeof(void *) || alignment & (alignment - 1))
		return EINVAL;
	aligned = kmem_core_aligned_alloc(alignment, nbytes);
	errno = saved;
	if (!aligned)
		return ENOMEM;
	*block = aligned;
	return 0;
}

EXPORT void *valloc(size_t nbytes)
{
	return kmem_core_aligned_alloc((size_t)getpagesize(), nbytes);
}

EXPORT void *pvalloc(size_t nbytes)
{
	size_t page = (size_t)getpagesize();

	if (nbytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return NULL;
	}
	return memalign(page, (nbytes + page - 1) & ~(page - 1));
}

EXPORT size_t malloc_usable_size(void *block)
{
	return kmem_core_usable_size(block);
}

EXPORT void cfree(void *block)
{
	free(block);
}

/* C23; the sizes say nothing the page map does not know, but to KMEM_DEBUG. */
EXPORT void free_sized(void *block, size_t nbytes)
{
	kmem_core_free_sized(block, nbytes);
}

EXPORT void free_aligned_sized(void *block, size_t alignment, size_t nbytes)
{
	(void)alignment;
	kmem_core_free_sized(block, nbytes);
}

EXPORT int malloc_trim(size_t pad)
{
	(void)pad;
	return kmem_core_trim();
}

EXPORT struct mallinfo2 mallinfo2(void)
{
	return kmem_core_mallinfo2();
}

EXPORT struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = kmem_core_mallinfo2();

	return (struct mallinfo){
		.arena = (int)info.arena,
		.ordblks = (int)info.ordblks,
		.hblks = (int)info.hblks,
		.hblkhd = (int)info.hblkhd,
		.fsmblks = (int)info.fsmblks,
		.uordblks = (int)info.uordblks,
		.fordblks = (int)info.fordblks,
		.keepcost = (int)info.keepcost,
	};
}

EXPORT int malloc_info(int options, FILE *stream)
{
	return kmem_core_malloc_info(options, stream);
}

EXPORT void malloc_stats(void)
{
	kmem_core_malloc_stats();
}

EXPORT int mallopt(int parameter, int value)
{
	return kmem_core_mallopt(parameter, value);
}
