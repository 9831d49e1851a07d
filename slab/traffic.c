// SPDX-License-Identifier: MIT
/* Objects out of a slab and home again, by its bitmap and its count. See slab.h. */
#include "buddy/report.h"
#include "slab/debug.h"
#include "slab/hardened.h"
#include "slab/limit.h"
#include "slab/pairs.h"
#include "slab/slab.h"
#include "slab/word.h"

/* The lowest n of the bits that are set, or all. */
static uint64_t lowest(uint64_t bits, unsigned n)
{
	uint64_t rest = bits;

	for (; rest && n > 0; n--)
		rest &= rest - 1;
	return bits ^ rest;
}

/* Choose up to want free objects of one word of the bitmap, and the word's bits of them. */
static unsigned choose(const struct slab *slab, unsigned word, void **out, unsigned want,
		       uint64_t *chosen)
{
	uint64_t bits = atomic_load_explicit(&slab->free[word], memory_order_relaxed), run;
	uintptr_t stride = slab->cache->pub.stride, first = slab->base + word * 64 * stride;
	unsigned begin, n;
	void **at = out;

	*chosen = bits;
	if (!bits)
		return 0;
	begin = (unsigned)__builtin_ctzll(bits);
	run = bits >> begin;
	if (!(run & (run + 1))) {
		/* Side by side, as in a new slab: no bit has to be looked for. */
		n = 64 - (unsigned)__builtin_clzll(run);
		n = n < want ? n : want;
		*chosen = ~0ull >> (64 - n) << begin;
		pairs_count(out, first + begin * stride, stride, n);
		return n;
	}
	if (want < 64)
		*chosen = bits = lowest(bits, want);
	for (; bits; bits &= bits - 1)
		*at++ = (void *)(first + (unsigned)__builtin_ctzll(bits) * stride);
	return (unsigned)(at - out);
}

/* Those of objects[] never handed out before, the last ones, are so from now on. */
static void make_fresh(struct slab *slab, void **objects, unsigned n)
{
	const struct kmem_cache *cache = slab->cache;
	uintptr_t first = (uintptr_t)slab_object(slab, slab->fresh);

	if (n == 0 || (uintptr_t)objects[n - 1] < first)
		return;
	slab->fresh = (uint32_t)(((uintptr_t)objects[n - 1] - slab->base) / cache->pub.stride) + 1;
	if (cache->ctor)
		for (unsigned i = 0; i < n; i++)
			if ((uintptr_t)objects[i] >= first) {
				if (cache->debug.flags)
					debug_construct(cache, objects[i]);
				else
					cache->ctor(objects[i]);
			}
}

unsigned slab_take(struct slab *slab, void **out, unsigned want)
{
	uint64_t chosen[SLAB_WORDS];
	unsigned got = 0, nwords = 0;

	if (__builtin_expect(slab->cache->hardened, 0))
		return hardened_take(slab, out, want);
	for (; nwords < slab->cache->nwords && got < want; nwords++)
		got += choose(slab, nwords, out + got, want - got, &chosen[nwords]);
	/* The count first (S1). Others only set bits, so what was chosen stays. */
	word_subtract(&slab->state, (uint64_t)got << 32);
	for (unsigned w = 0; w < nwords; w++)
		if (chosen[w])
			word_clear(&slab->free[w], chosen[w]);
	make_fresh(slab, out, got);
	return got;
}

/* Count n objects that came home without the lock, if that changes no list. */
static inline bool return_quick(struct slab *slab, uint32_t n)
{
	uint64_t state = atomic_load_explicit(&slab->state, memory_order_relaxed), add;

	do {
		add = (uint64_t)n << 32;
		if (!(state & SLAB_OWNED)) {
			if (n > slab_room(state))
				return false;
			add -= n << SLAB_ROOM;
		}
		/* release: the bits are set; pairs with the acquire in settle_locked */
	} while (!word_replace(&slab->state, &state, state + add));
	return true;
}

/* The number of objects reported. */
static __attribute__((noinline)) unsigned report_double(_Atomic uint64_t *word, uint64_t twice)
{
	const struct slab *slab = slab_of_word(word);
	unsigned n = 0;

	for (; twice; twice &= twice - 1, n++) {
		unsigned index =
			(unsigned)(word - slab->free) * 64 + (unsigned)__builtin_ctzll(twice);

		report_bug("double free: object %p of cache '%s' came home a second time",
			   slab_object(slab, index), slab->cache->pub.name);
	}
	return n;
}

/* Bits of a word are set, those that had been set before too. */
static __attribute__((noinline)) void return_more(struct kmem_cache *cache, _Atomic uint64_t *word,
						  uint64_t bits, uint64_t twice)
{
	uint32_t nbits = arch_count_bits(bits);

	if (__builtin_expect(twice != 0, 0)) {
		unsigned ntwice = report_double(word, twice);

		nbits -= ntwice;
		/* They were counted as given, with the others. */
		cache_count(cache, 0, 0 - (uint64_t)ntwice, 0);
	}
	if (nbits > 0 && !return_quick(slab_of_word(word), nbits))
		slab_count_slow(cache, slab_of_word(word), nbits);
	if (__builtin_expect(cache->gated, 0))
		limit_lower(cache, nbits);
}

void slab_return(struct kmem_cache *cache, _Atomic uint64_t *word, uint64_t bits)
{
	uint64_t twice = word_set(word, bits) & bits;
	bool one = !(bits & (bits - 1));

	if (!one || twice || cache->gated || !return_quick(slab_of_word(word), 1))
		return_more(cache, word, bits, twice);
}
