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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory, or NULL. align: a power of two, at least 16. */
void *meta_alloc(size_t nbytes, size_t align);

#define META_CHUNKS	 32
#define META_UNIT_SHIFT	 4
#define META_CHUNK_SHIFT 27

struct meta_chunk {
	char *base;
	size_t nbytes;
	size_t committed;
	size_t used;
};

#pragma GCC visibility push(hidden)
/* A chunk is written under the lock before its number is published. */
extern struct meta_chunk meta_chunks[META_CHUNKS];
#pragma GCC visibility pop

/*
 * A meta address as 32 bits, for words that need room for a tag; 0 is none. An
 * index is 5 bits of chunk, 27 bits of offset in 16 bytes. Whoever has a record,
 * or its index, got it after the chunk was entered.
 */
static inline uint32_t meta_index(const void *record)
{
	uint32_t i = 0;

	while ((uintptr_t)record - (uintptr_t)meta_chunks[i].base >= meta_chunks[i].nbytes)
		if (++i == META_CHUNKS)
			return 0;
	return i << META_CHUNK_SHIFT |
	       (uint32_t)(((uintptr_t)record - (uintptr_t)meta_chunks[i].base) >> META_UNIT_SHIFT);
}

static inline void *meta_at(uint32_t index)
{
	size_t offset = (size_t)(index & ((1u << META_CHUNK_SHIFT) - 1)) << META_UNIT_SHIFT;

	return index ? meta_chunks[index >> META_CHUNK_SHIFT].base + offset : NULL;
}

/* Does a record, of so many bytes at least, begin there? For indexes that may be anything. */
static inline bool meta_has(uint32_t index, size_t nbytes)
{
	size_t offset = (size_t)(index & ((1u << META_CHUNK_SHIFT) - 1)) << META_UNIT_SHIFT;
	const struct meta_chunk *chunk = &meta_chunks[index >> META_CHUNK_SHIFT];

	return index && offset + nbytes <= __atomic_load_n(&chunk->committed, __ATOMIC_RELAXED);
}

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
