// SPDX-License-Identifier: MIT
/* See marks.h. */
#include "slab/marks.h"

#include "slab/cache_place.h"
#include "slab/debug.h"

/* Of a word of the bitmaps, those that are set. */
static void take_back(struct slab *slab, unsigned word, uint64_t bits)
{
	for (; bits; bits &= bits - 1) {
		uint32_t index = word * 64 + (unsigned)__builtin_ctzll(bits);

		debug_take_back(slab->cache, slab_object(slab, index));
	}
}

/* The slab may be retired with the last of them. */
static void recall_slab(struct kmem_cache *cache, struct slab *slab)
{
	uint64_t aside[SLAB_WORDS];
	unsigned n = 0;

	for (unsigned w = 0; w < cache->nwords; w++) {
		aside[w] = word_get(mark_word(slab, w * 64)) & ~word_get(&slab->free[w]);
		if (w == cache->nwords - 1u && cache->pub.slab_objects % 64)
			aside[w] &= (1ull << cache->pub.slab_objects % 64) - 1;
		n += arch_count_bits(aside[w]);
		if (cache->debug.flags)
			take_back(slab, w, aside[w]);
	}
	cache_count(cache, 0, n, 0);
	for (unsigned w = 0; n > 0; w++) {
		if (!aside[w])
			continue;
		n -= arch_count_bits(aside[w]);
		slab_return(cache, &slab->free[w], aside[w]);
	}
}

void marks_recall(struct kmem_cache *cache)
{
	struct slab *slab, *next;

	for_each_lists (cache, lists)
		for (unsigned bucket = BUCKET_FULL; bucket < BUCKET_EMPTY; bucket++)
			for (slab = lists[bucket]; slab; slab = next) {
				next = slab->next;
				recall_slab(cache, slab);
			}
}
