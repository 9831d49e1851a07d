/* SPDX-License-Identifier: MIT */
/*
 * A heap's free lists by size, one for each multiple of 16 below 512, then 16 to each doubling.
 * The heap's lock is held throughout.
 *
 * What good fit with LIFO takes, the default, stands in line here; other policies are calls.
 *
 * The free block at the end of a span that can grow is in no list, and taken last: small blocks
 * would lie behind a large one there, that could have grown (D. Lea's "wilderness").
 */
#ifndef LIB_HEAP_LIST_H
#define LIB_HEAP_LIST_H

#include "lib/heap.h"

#define HEAP_LIST_LAST (HEAP_LISTS - 1) /* has no upper bound */

/* The logarithm of how far the sizes of a list, that of size, are apart. */
static inline unsigned heap_list_shift(uint32_t size)
{
	return 27 - (unsigned)__builtin_clz(size | 256);
}

static inline unsigned heap_list_at(uint32_t size, unsigned shift)
{
	unsigned index = (size >> shift) + (shift - 4) * 16;

	return index < HEAP_LISTS ? index : HEAP_LIST_LAST;
}

/* The list where a free block of size bytes belongs. */
static inline unsigned heap_list_index(const struct heap *heap, uint32_t size)
{
	if (__builtin_expect(heap->fit == KMEM_HEAP_FIRST_FIT, 0))
		return 0;
	return heap_list_at(size, heap_list_shift(size));
}

/* The least size all of whose blocks' list is searched for size: a block of it is found. */
static inline uint32_t heap_list_bound(uint32_t size)
{
	uint32_t step = 1u << heap_list_shift(size);

	return (size + step - 1) & ~(step - 1);
}

/* Put the block in its list behind prev; NULL: in front. */
static inline void heap_list_link(struct heap *heap, unsigned index, struct block *block,
				  struct block *prev)
{
	struct block **link = prev ? &prev->next : &heap->lists[index], *next = *link;

	block->prev = prev;
	block->next = next;
	*link = block;
	if (next) {
		next->prev = block;
	} else {
		heap->filled[index / 64] |= 1ull << index % 64;
		heap->words |= 1u << index / 64;
	}
}

/* Where it goes by address. */
struct block *heap_list_before(const struct heap *heap, unsigned index, const struct block *block);

static inline void heap_list_add(struct heap *heap, struct block *block, uint32_t size)
{
	unsigned index = heap_list_index(heap, size);
	struct block *prev = NULL;

	if (block_after(block, size) == heap->last) {
		heap->wild = block;
		return;
	}
	if (__builtin_expect(heap->insertion == KMEM_HEAP_ADDRESS_ORDER, 0))
		prev = heap_list_before(heap, index, block);
	heap_list_link(heap, index, block, prev);
}

static inline void heap_list_del(struct heap *heap, struct block *block, uint32_t size)
{
	struct block *next = block->next, *prev = block->prev;
	unsigned index;

	if (block == heap->wild) {
		heap->wild = NULL;
		return;
	}
	if (next)
		next->prev = prev;
	if (prev) {
		prev->next = next;
		return;
	}
	index = heap_list_index(heap, size);
	heap->lists[index] = next;
	if (next)
		return;
	heap->filled[index / 64] &= ~(1ull << index % 64);
	if (!heap->filled[index / 64])
		heap->words &= ~(1u << index / 64);
}

/* The first list from this one on that is not empty; HEAP_LISTS: none. */
static inline unsigned heap_list_from(const struct heap *heap, unsigned index)
{
	unsigned word = index / 64;
	uint64_t filled = heap->filled[word] >> index % 64;
	uint32_t words;

	if (filled)
		return index + (unsigned)__builtin_ctzll(filled);
	words = heap->words & ~1u << word;
	if (!words)
		return HEAP_LISTS;
	word = (unsigned)__builtin_ctz(words);
	return word * 64 + (unsigned)__builtin_ctzll(heap->filled[word]);
}

/* The list from which on good fit takes the first block; HEAP_LIST_LAST: see heap_list_find. */
static inline unsigned heap_list_good(const struct heap *heap, uint32_t size)
{
	unsigned shift = heap_list_shift(size);

	if (__builtin_expect(heap->fit != KMEM_HEAP_GOOD_FIT, 0))
		return HEAP_LIST_LAST;
	/* Up to the next list's lower bound: every block there fits. */
	return heap_list_at(size + (1u << shift) - 1, shift);
}

/* By other policies, and for what the last list alone may have: a block, still in its list. */
struct block *heap_list_find(const struct heap *heap, uint32_t size);

/* Let the span grow whose END head this is, and no other; or none: NULL. */
void heap_list_grow(struct heap *heap, struct block *end);

/* The same where good fit has found none: of the list that it searched not, the first blocks. */
struct block *heap_list_search(const struct heap *heap, uint32_t size, size_t most);
/* The largest, or NULL. */
struct block *heap_list_largest(const struct heap *heap);

#endif
