/* SPDX-License-Identifier: MIT */
/*
 * Designs that libkmem does not have, each in the fewest lines, as mallocs for kmem-replay to
 * measure (docs/fragmentation.md): for one thread, with no alignment beyond 16. A design is the
 * three functions; facade.c makes the C library's out of them.
 */
#ifndef DISCARDED_H
#define DISCARDED_H

#include <stddef.h>
#include <stdint.h>

#define ALIGN ((size_t)16)
#define HEAD  sizeof(size_t) /* before each payload: the block's size */
#define STEP  ((size_t)64 << 10)

/* A payload aligned to 16, or NULL. */
void *design_take(size_t nbytes);
void design_give(void *payload);
size_t design_usable(const void *payload);

/* Memory behind what the heap has, at least so much; NULL: there is none. The first begins HEAD
 * before a multiple of 16. */
char *heap_grow(size_t *nbytes);

/* Bytes of a block, its head included. */
static inline size_t block_bytes(size_t nbytes, size_t least)
{
	size_t size = (nbytes + HEAD + ALIGN - 1) & ~(ALIGN - 1);

	return size < least ? least : size;
}

#endif
