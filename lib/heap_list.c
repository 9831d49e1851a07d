// SPDX-License-Identifier: MIT
/* Free lists through two levels of bitmaps: see heap.h. */
#include "lib/heap_list.h"

#include "buddy/sys.h"

#define CLASS_SHIFT 5u /* class 0 begins at 32 bytes */
#define SUB_SHIFT   4u

_Static_assert(HEAP_SUBLISTS == 1u << SUB_SHIFT, "sixteen lists a class");
_Static_assert(BLOCK_MIN == 1u << CLASS_SHIFT, "the least block begins class 0");

void heap_list_place(const struct heap *heap, uint32_t size, unsigned *class, unsigned *sub)
{
	unsigned log = 31 - (unsigned)__builtin_clz(size);

	if (heap->fit == KMEM_HEAP_FIRST_FIT) {
		*class = *sub = 0;
		return;
	}
	*class = log - CLASS_SHIFT;
	*sub = size >> (log - SUB_SHIFT) & (HEAP_SUBLISTS - 1);
	if (*class >= HEAP_CLASSES) {
		*class = HEAP_CLASSES - 1;
		*sub = HEAP_SUBLISTS - 1;
	}
}

/* Put the block in its list behind prev; NULL: in front. */
static void link_behind(struct block **list, struct block *block, struct block *prev)
{
	block->prev = prev;
	block->next = prev ? prev->next : *list;
	if (block->next)
		block->next->prev = block;
	if (prev)
		prev->next = block;
	else
		*list = block;
}

static struct block *last_below(struct block *list, const struct block *block)
{
	struct block *last = NULL;

	for (; list && list < block; list = list->next)
		last = list;
	return last;
}

void heap_list_add(struct heap *heap, struct block *block)
{
	struct block **list, *prev = NULL;
	unsigned class, sub;

	heap_list_place(heap, block_size(block), &class, &sub);
	list = &heap->lists[class][sub];
	if (heap->insertion == KMEM_HEAP_ADDRESS_ORDER)
		prev = last_below(*list, block);
	link_behind(list, block, prev);
	heap->classes |= 1u << class;
	heap->sublists[class] |= (uint16_t)(1u << sub);
	/* Private heaps' pages do not age. */
	if (!heap->private && block_size(block) >= BLOCK_CLEAN_MIN) {
		block->stamp = sys_now_ms();
		block->clean = 0;
	}
}

void heap_list_del(struct heap *heap, struct block *block)
{
	unsigned class, sub;

	heap_list_place(heap, block_size(block), &class, &sub);
	if (block->next)
		block->next->prev = block->prev;
	if (block->prev) {
		block->prev->next = block->next;
		return;
	}
	heap->lists[class][sub] = block->next;
	if (block->next)
		return;
	heap->sublists[class] &= (uint16_t) ~(1u << sub);
	if (!heap->sublists[class])
		heap->classes &= ~(1u << class);
}

uint32_t heap_list_bound(uint32_t size)
{
	unsigned log = 31 - (unsigned)__builtin_clz(size);
	uint32_t step = 1u << (log - SUB_SHIFT);

	return (size + step - 1) & ~(step - 1);
}

/* The first list from this one on that is not empty; NULL: none. */
static struct block *list_from(const struct heap *heap, unsigned class, unsigned sub)
{
	uint32_t subs = sub < HEAP_SUBLISTS ? heap->sublists[class] & ~0u << sub : 0, classes;

	if (!subs) {
		classes = class + 1 < 32 ? heap->classes & ~0u << (class + 1) : 0;
		if (!classes)
			return NULL;
		class = (unsigned)__builtin_ctz(classes);
		subs = heap->sublists[class];
	}
	return heap->lists[class][__builtin_ctz(subs)];
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

static struct block *good_fit(const struct heap *heap, uint32_t size)
{
	unsigned class, sub;
	struct block *list;

	/* Up to the next list's lower bound: every block there fits. */
	heap_list_place(heap, heap_list_bound(size), &class, &sub);
	list = list_from(heap, class, sub);
	/* But in the last one, which has no upper bound. */
	if (class == HEAP_CLASSES - 1 && sub == HEAP_SUBLISTS - 1)
		return first_in(list, size);
	return list;
}

static struct block *best_fit(const struct heap *heap, uint32_t size)
{
	unsigned class, sub;
	struct block *block;

	heap_list_place(heap, size, &class, &sub);
	block = smallest_in(heap->lists[class][sub], size);
	return block ? block : smallest_in(list_from(heap, class, sub + 1), size);
}

struct block *heap_list_largest(const struct heap *heap)
{
	unsigned class;

	if (!heap->classes)
		return NULL;
	class = 31 - (unsigned)__builtin_clz(heap->classes);
	return largest_in(heap->lists[class][31 - __builtin_clz(heap->sublists[class])]);
}

struct block *heap_list_find(const struct heap *heap, uint32_t size)
{
	struct block *block;

	switch (heap->fit) {
	case KMEM_HEAP_FIRST_FIT:
		return first_in(heap->lists[0][0], size);
	case KMEM_HEAP_BEST_FIT:
		return best_fit(heap, size);
	case KMEM_HEAP_WORST_FIT:
		block = heap_list_largest(heap);
		return block && block_size(block) >= size ? block : NULL;
	default:
		return good_fit(heap, size);
	}
}

struct block *heap_list_search(const struct heap *heap, uint32_t size)
{
	unsigned class, sub;

	heap_list_place(heap, size, &class, &sub);
	return first_in(heap->lists[class][sub], size);
}
