// SPDX-License-Identifier: MIT
/* Free lists through two levels of bitmaps: see heap.h. */
#include "lib/heap_list.h"

#include "buddy/sys.h"

#define CLASS_SHIFT 5u /* class 0 begins at 32 bytes */
#define SUB_SHIFT   4u

_Static_assert(HEAP_SUBLISTS == 1u << SUB_SHIFT, "sixteen lists a class");
_Static_assert(BLOCK_MIN == 1u << CLASS_SHIFT, "the least block begins class 0");

void heap_list_place(uint32_t size, unsigned *class, unsigned *sub)
{
	unsigned log = 31 - (unsigned)__builtin_clz(size);

	*class = log - CLASS_SHIFT;
	*sub = size >> (log - SUB_SHIFT) & (HEAP_SUBLISTS - 1);
	if (*class >= HEAP_CLASSES) {
		*class = HEAP_CLASSES - 1;
		*sub = HEAP_SUBLISTS - 1;
	}
}

void heap_list_add(struct heap *heap, struct block *block)
{
	unsigned class, sub;

	heap_list_place(block_size(block), &class, &sub);
	block->prev = NULL;
	block->next = heap->lists[class][sub];
	if (block->next)
		block->next->prev = block;
	heap->lists[class][sub] = block;
	heap->classes |= 1u << class;
	heap->sublists[class] |= (uint16_t)(1u << sub);
	if (block_size(block) >= BLOCK_CLEAN_MIN) {
		block->stamp = sys_now_ms();
		block->clean = 0;
	}
}

void heap_list_del(struct heap *heap, struct block *block)
{
	unsigned class, sub;

	heap_list_place(block_size(block), &class, &sub);
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

struct block *heap_list_find(const struct heap *heap, uint32_t size)
{
	unsigned class, sub;
	uint32_t subs, classes;

	/* Up to the next list's lower bound: every block there fits. */
	heap_list_place(heap_list_bound(size), &class, &sub);
	subs = heap->sublists[class] & ~0u << sub;
	if (!subs) {
		classes = class + 1 < 32 ? heap->classes & ~0u << (class + 1) : 0;
		if (!classes)
			return NULL;
		class = (unsigned)__builtin_ctz(classes);
		subs = heap->sublists[class];
	}
	return heap->lists[class][__builtin_ctz(subs)];
}
