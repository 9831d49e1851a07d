// SPDX-License-Identifier: MIT
/* Quick lists, where they are not popped from or pushed to: see heap_quick.h. */
#include "lib/heap_quick.h"

#include <string.h>

void heap_quick_allow(struct heap *heap)
{
	memset(heap->quick_room, HEAP_QUICK_MOST, sizeof(heap->quick_room));
}

/* Has the heap quick lists? The first is no block's. */
static bool may_have(const struct heap *heap)
{
	return heap->quick_room[0];
}

void heap_quick_forget(struct heap *heap)
{
	memset(heap->quick, 0, sizeof(heap->quick));
	if (may_have(heap))
		heap_quick_allow(heap);
}

/* The first of the list was written to while it was free, or is none: the list is given up. */
static void broken(struct heap *heap, unsigned index)
{
	const void *block = heap->quick[index];

	heap->quick[index] = NULL;
	heap->quick_room[index] = 0; /* nobody knows how many there were */
	report_bug("heap '%s': the header at %p, of a block that is free, was overwritten",
		   heap->pub.name, block);
}

void heap_quick_merge(struct heap *heap)
{
	if (!may_have(heap))
		return;
	for (unsigned i = 0; i < HEAP_QUICKS; i++) {
		struct block *block = heap->quick[i], *next;

		for (; block; block = next) {
			if (!block_sound(block) || !block_has(block, BLOCK_QUICK) ||
			    block_size(block) != i * BLOCK_ALIGN) {
				broken(heap, i);
				break;
			}
			next = block->next;
			heap->quick[i] = next;
			heap->quick_room[i]++;
			block_put_head(block, block_turn_quick(block_head(block)));
			heap_block_release(heap, block);
		}
	}
}

void heap_quick_broken(struct heap *heap, uint32_t size)
{
	broken(heap, size / BLOCK_ALIGN);
}
