/* SPDX-License-Identifier: MIT */
/*
 * The words of a slab that several threads change: its state, and its bitmap. In a
 * process of one thread, reads and writes will do: a locked instruction costs as much
 * as twenty others, and nothing behind it begins before it ends.
 */
#ifndef SLAB_WORD_H
#define SLAB_WORD_H

#include "buddy/sys.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

static inline uint64_t word_get(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/* Set bits; what the word was. */
static inline uint64_t word_set(_Atomic uint64_t *word, uint64_t bits)
{
	uint64_t before;

	if (!sys_alone())
		/* release: the last use of the objects; pairs with word_clear */
		return atomic_fetch_or_explicit(word, bits, memory_order_release);
	before = word_get(word);
	atomic_store_explicit(word, before | bits, memory_order_relaxed);
	return before;
}

static inline void word_clear(_Atomic uint64_t *word, uint64_t bits)
{
	if (sys_alone())
		atomic_store_explicit(word, word_get(word) & ~bits, memory_order_relaxed);
	else
		/* acquire: the returner's last use of the objects; pairs with word_set */
		/* release: the count is lower before the bits are gone */
		atomic_fetch_and_explicit(word, ~bits, memory_order_acq_rel);
}

static inline void word_subtract(_Atomic uint64_t *word, uint64_t n)
{
	if (sys_alone())
		atomic_store_explicit(word, word_get(word) - n, memory_order_relaxed);
	else
		atomic_fetch_sub_explicit(word, n, memory_order_relaxed);
}

/* *word = to if it is *was, with release; false: it may be another, and is in *was. */
static inline bool word_replace(_Atomic uint64_t *word, uint64_t *was, uint64_t to)
{
	if (!sys_alone())
		return atomic_compare_exchange_weak_explicit(word, was, to, memory_order_release,
							     memory_order_relaxed);
	atomic_store_explicit(word, to, memory_order_relaxed);
	return true;
}

#endif
