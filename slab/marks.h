/* SPDX-License-Identifier: MIT */
/*
 * Slabs of debugged and hardened caches know which objects the program has: behind their
 * record a second bitmap marks those that it does not have, an object before it is handed out
 * and from the first instruction of its free. So of two that free an object at once one is
 * found out, and what is neither at home nor the program's is in quarantine, set aside as
 * damaged, or was in the hands of a thread that vanished in a fork.
 */
#ifndef SLAB_MARKS_H
#define SLAB_MARKS_H

#include "slab/slab.h"
#include "slab/word.h"

struct marked_slab {
	struct slab slab;
	_Atomic uint64_t held[SLAB_WORDS]; /* objects the program does not have */
	uint64_t made[SLAB_WORDS];	   /* of a hardened cache: were out; the owner's */
};

_Static_assert(sizeof(struct marked_slab) % SLAB_RECORD == 0, "words lead to their record");

static inline bool cache_marked(const struct kmem_cache *cache)
{
	return cache->debug.flags || cache->hardened;
}

static inline _Atomic uint64_t *mark_word(const struct slab *slab, uint32_t index)
{
	return &((struct marked_slab *)slab)->held[index / 64];
}

/* The program has none of a new slab's objects. */
static inline void marks_start(struct slab *slab)
{
	for (uint32_t i = 0; i < SLAB_OBJECTS; i += 64)
		atomic_store_explicit(mark_word(slab, i), ~0ull, memory_order_relaxed);
}

/* It goes to the program. */
static inline void mark_out(struct slab *slab, uint32_t index)
{
	word_clear(mark_word(slab, index), 1ull << index % 64);
}

/* The program gives it back; false: it does not have it. */
static inline bool mark_in(struct slab *slab, uint32_t index)
{
	uint64_t bit = 1ull << index % 64;

	return !(word_set(mark_word(slab, index), bit) & bit);
}

/* Does the program not have it? */
static inline bool mark_holds(const struct slab *slab, uint32_t index)
{
	return atomic_load_explicit(mark_word(slab, index), memory_order_acquire) >> index % 64 & 1;
}

/* What is neither at home nor the program's goes home: nobody uses the cache. */
void marks_recall(struct kmem_cache *cache);

#endif
