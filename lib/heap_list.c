// SPDX-License-Identifier: MIT
/* Free lists through two levels of bitmaps, where they are walked: see heap_list.h. */
#include "lib/heap_list.h"

struct block *heap_list_before(const struct heap *heap, unsigned index, const struct block *block)
{
	struct block *at = heap->lists[index], *last = NULL;

	for (; at && at < block; at = at->next)
		last = at;
	return last;
}

static struct block *first_in(struct block *list, uint32_t size)
{
	while (list && block_size(list) < size)
		list = list->next;
	return list;
}

static struct block *smallest_in(struct block *list, uint32_t size)
{
	struct block *best = NULL;

	for (; list; list = list->next)
		if (block_size(list) >= size && (!best || block_size(list) < block_size(best)))
			best = list;
	return best;
}

static struct block *largest_in(struct block *list)
{
	struct block *best = list;

	for (; list; list = list->next)
		if (block_size(list) > block_size(best))
			best = list;
	return best;
}

static struct block *best_fit(const struct heap *heap, uint32_t size)
{
	unsigned index = heap_list_index(heap, size);
	struct block *block = smallest_in(heap->lists[index], size);

	if (block || index == HEAP_LIST_LAST)
		return block;
	index = heap_list_from(heap, index + 1);
	return index < HEAP_LISTS ? smallest_in(heap->lists[index], size) : NULL;
}

struct block *heap_list_largest(const struct heap *heap)
{
	struct block *wild = heap->wild, *largest;
	unsigned word;

	if (!heap->words)
		return wild;
	word = 31 - (unsigned)__builtin_clz(heap->words);
	largest = largest_in(
		heap->lists[word * 64 + 63 - (unsigned)__builtin_clzll(heap->filled[word])]);
	return wild && block_size(wild) > block_size(largest) ? wild : largest;
}

void heap_list_grow(struct heap *heap, struct block *end)
{
	struct block *wild = heap->wild;

	heap->last = end;
	heap->wild = NULL;
	if (wild)
		heap_list_add(heap, wild, block_size(wild));
}

struct block *heap_list_find(const struct heap *heap, uint32_t size)
{
	struct block *block;

	switch (heap->fit) {
	case KMEM_HEAP_FIRST_FIT:
		return first_in(heap->lists[0], size);
	case KMEM_HEAP_BEST_FIT:
		return best_fit(heap, size);
	case KMEM_HEAP_WORST_FIT:
		block = heap_list_largest(heap);
		return block && block_size(block) >= size ? block : NULL;
	default:
		block = first_in(heap->lists[HEAP_LIST_LAST], size);
		if (!block && heap->wild && block_size(heap->wild) >= size)
			block = heap->wild;
		return block;
	}
}

struct block *heap_list_search(const struct heap *heap, uint32_t size, size_t most)
{
	struct block *block = heap->lists[heap_list_index(heap, size)];

	for (; block && most; block = block->next, most--)
		if (block_size(block) >= size)
			return block;
	return NULL;
}
