/* SPDX-License-Identifier: MIT */
/*
 * Memory for the allocator's own records: chunks reserved apart from the pages
 * programs write to, committed by a watermark, handed out upward, never
 * returned to the system. So a record once published stays readable for ever,
 * by lock-free readers here and by an inspector outside.
 */
#ifndef BUDDY_META_H
#define BUDDY_META_H

#include "buddy/lock.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, or NULL. align: a power of two, at least 16. */
void *meta_alloc(size_t nbytes, size_t align);

/* A meta address as 32 bits, for words that need room for a tag; 0 is none. */
uint32_t meta_index(const void *record);
void *meta_at(uint32_t index);

/* Records of one size that come and go; freed ones wait in a list. */
struct meta_pool {
	size_t nbytes;
	size_t align;
	void *free; /* guarded by the meta lock; linked through the first word */
};

/* Zeroed, or NULL. */
void *meta_pool_get(struct meta_pool *pool);
void meta_pool_put(struct meta_pool *pool, void *record);

extern struct lock meta_lock;

#endif
