// SPDX-License-Identifier: MIT
/* A walk over all of a heap: each invariant of heap.h has its clause. */
#include "lib/heap_checked.h"
#include "lib/heap_list.h"
#include "lib/heap_quick.h"

/* H1 to H3 for one block; prev is the one before it, or NULL. */
static const char *check_block(const struct block *block, const struct block *prev)
{
	bool prev_free = prev && block_has(prev, BLOCK_FREE);

	if (!block_sound(block))
		return "H1: a block's header was overwritten";
	if (block_has(block, BLOCK_PREV_FREE) != prev_free)
		return "H3: a block's tag disagrees with the block before it";
	if (prev_free && block_prev(block) != prev)
		return "H3: a free block's footer was overwritten";
	if (prev_free && block_has(block, BLOCK_FREE))
		return "H2: two neighbours are both free";
	return NULL;
}

static const char *check_bytes(const struct heap *heap, const struct block *block)
{
	if (!heap_is_checked(heap))
		return NULL;
	if (!block_has(block, BLOCK_FREE))
		return checked_error(heap, block) ? "H6: a block was written past its ends" : NULL;
	return checked_is_poison(block) ? NULL : "H6: a free block was written to";
}

/* Blocks seen in spans, to be found in lists. */
struct tally {
	uint64_t nfree, nquick;
};

static const char *check_span(const struct heap *heap, const struct span *span, struct tally *tally)
{
	const struct block *block = (const struct block *)(span->base + BLOCK_HEAD), *prev = NULL;
	uintptr_t end = span->base + span->nbytes - BLOCK_HEAD;
	uint32_t live = 0;

	for (; !block_has(block, BLOCK_END); prev = block, block = block_next(block)) {
		const char *wrong = check_block(block, prev);

		if (wrong)
			return wrong;
		if (block_size(block) < BLOCK_MIN || block_size(block) > end - (uintptr_t)block)
			return "H1: a block's size leads out of its span";
		wrong = check_bytes(heap, block);
		if (wrong)
			return wrong;
		if (block_has(block, BLOCK_FREE))
			tally->nfree++;
		else if (block_has(block, BLOCK_QUICK) && block_size(block) <= HEAP_QUICK_MAX)
			tally->nquick++;
		else
			live++; /* or in hand */
	}
	if ((uintptr_t)block != end)
		return "H1: a span's blocks end before it does";
	if (live != span->live)
		return "H5: a span's count of live blocks is wrong";
	if (!live && span != heap->empty)
		return "H5: a second empty span is kept";
	if (live && span == heap->empty)
		return "H5: the span that is kept empty is not";
	return check_block(block, prev);
}

/* Is the block, whose list is known, where it should be, and do its links agree? */
static bool in_place(const struct heap *heap, const struct block *block, unsigned index)
{
	const struct block *prev = block->prev;

	if (heap_list_index(heap, block_size(block)) != index)
		return false;
	if (heap->insertion == KMEM_HEAP_ADDRESS_ORDER && prev > block)
		return false;
	return prev ? prev->next == block : heap->lists[index] == block;
}

static const char *check_list(const struct heap *heap, unsigned index, uint64_t *nlisted)
{
	const struct block *block = heap->lists[index];

	if ((block != NULL) != (heap->filled[index / 64] >> index % 64 & 1))
		return "H4: a list's bit is wrong";
	for (; block; block = block->next, ++*nlisted) {
		if (!block_sound(block) || !block_has(block, BLOCK_FREE))
			return "H4: a list holds a block that is not free";
		if (!in_place(heap, block, index))
			return "H4: a free block is in the wrong list, or place";
	}
	return NULL;
}

static const char *check_lists(const struct heap *heap, uint64_t nfree)
{
	const char *wrong = NULL;
	uint64_t nlisted = 0;

	for (unsigned i = 0; i < HEAP_LISTS && !wrong; i++)
		wrong = check_list(heap, i, &nlisted);
	if (wrong)
		return wrong;
	for (unsigned i = 0; i < HEAP_LISTS / 64; i++)
		if ((heap->filled[i] != 0) != (heap->words >> i & 1))
			return "H4: a word's bit is wrong";
	if (heap->wild && (!block_sound(heap->wild) || !block_has(heap->wild, BLOCK_FREE) ||
			   block_next(heap->wild) != heap->last))
		return "H4: the wild block is not free, or not the last";
	return nlisted + (heap->wild != NULL) == nfree ? NULL : "H4: a free block is in no list";
}

static const char *check_quick(const struct heap *heap, uint64_t nquick)
{
	uint64_t nlisted = 0;

	for (unsigned i = 0; i < HEAP_QUICKS; i++) {
		const struct block *block = heap->quick[i];
		unsigned n = heap->quick_room[i];

		for (; block; block = block->next, n++, nlisted++)
			if (!block_sound(block) || !block_has(block, BLOCK_QUICK) ||
			    block_size(block) != i * BLOCK_ALIGN || n >= HEAP_QUICK_MOST)
				return "H7: a quick list holds a block that is none of it";
		if (n != HEAP_QUICK_MOST && n != 0)
			return "H7: a quick list's room is wrong";
	}
	return nlisted == nquick ? NULL : "H7: a quick block is in no list";
}

const char *heap_validate_locked(const struct heap *heap)
{
	const char *wrong = NULL;
	struct tally tally = {0};

	for (const struct span *span = heap->spans; span && !wrong; span = span->next)
		wrong = check_span(heap, span, &tally);
	wrong = wrong ? wrong : check_lists(heap, tally.nfree);
	return wrong ? wrong : check_quick(heap, tally.nquick);
}

const char *heap_validate(struct heap *heap)
{
	const char *wrong;

	lock_take(&heap->lock, LOCK_HEAP);
	wrong = heap_validate_locked(heap);
	lock_release(&heap->lock, LOCK_HEAP);
	return wrong;
}
