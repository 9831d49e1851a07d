// SPDX-License-Identifier: MIT
/* See record_ids.h. */
#include "lib/record_ids.h"

#include "buddy/arch.h"
#include "buddy/sys.h"

#include <stdatomic.h>
#include <stddef.h>

#define GRAIN_SHIFT 4
#define LEAF_SHIFT  30
#define NLEAVES	    ((size_t)1 << (ARCH_ADDRESS_BITS - LEAF_SHIFT))
#define LEAF_WORDS  ((size_t)1 << (LEAF_SHIFT - GRAIN_SHIFT))

static record_id *_Atomic *leaves;

bool record_ids_start(void)
{
	leaves = sys_map(NLEAVES * sizeof(*leaves), 1);
	return leaves;
}

static record_id *leaf_make(record_id *_Atomic *leaf)
{
	size_t nbytes = LEAF_WORDS * sizeof(record_id);
	record_id *words = sys_reserve(nbytes, 1), *none = NULL;

	if (!words)
		return NULL;
	sys_core_hide(words, nbytes);
	sys_advise_huge(words, nbytes, SYS_THP_NEVER);
	/* release: pairs with the acquire in word_of */
	if (sys_commit(words, nbytes) == 0 &&
	    atomic_compare_exchange_strong_explicit(leaf, &none, words, memory_order_release,
						    memory_order_acquire))
		return words;
	sys_unmap(words, nbytes);
	return none;
}

static record_id *word_of(const void *block, bool make)
{
	uintptr_t addr = (uintptr_t)block;
	record_id *_Atomic *leaf = &leaves[addr >> LEAF_SHIFT];
	record_id *words;

	if (addr >> ARCH_ADDRESS_BITS || addr & ((1u << GRAIN_SHIFT) - 1))
		return NULL;
	words = atomic_load_explicit(leaf, memory_order_acquire);
	if (!words && make)
		words = leaf_make(leaf);
	return words ? &words[(addr >> GRAIN_SHIFT) & (LEAF_WORDS - 1)] : NULL;
}

record_id record_ids_take(const void *block)
{
	record_id *word = word_of(block, false), id = word ? *word : 0;

	if (id)
		*word = 0;
	return id;
}

bool record_ids_set(const void *block, record_id id)
{
	record_id *word = word_of(block, true);

	if (word)
		*word = id;
	return word;
}
