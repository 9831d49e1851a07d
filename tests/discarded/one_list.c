// SPDX-License-Identifier: MIT
/*
 * One list of free blocks, last in first, first fit. A block knows its size and nothing of its
 * neighbours, so a free searches the list for them.
 */
#include "discarded.h"

#define LEAST (2 * ALIGN)

struct block {
	size_t size;
	struct block *next; /* of a free one */
};

static struct block *list;

static struct block *behind(struct block *block)
{
	return (struct block *)((char *)block + block->size);
}

static void push(struct block *block)
{
	block->next = list;
	list = block;
}

static void *carve(struct block *block, size_t size)
{
	struct block *rest = (struct block *)((char *)block + size);

	if (block->size >= size + LEAST) {
		rest->size = block->size - size;
		block->size = size;
		push(rest);
	}
	return (char *)block + HEAD;
}

void *design_take(size_t nbytes)
{
	size_t size = block_bytes(nbytes, LEAST), more = size;
	struct block *block;

	for (struct block **link = &list; (block = *link); link = &block->next)
		if (block->size >= size) {
			*link = block->next;
			return carve(block, size);
		}
	block = (struct block *)heap_grow(&more);
	if (!block)
		return NULL;
	block->size = more;
	return carve(block, size);
}

void design_give(void *payload)
{
	struct block *block = (struct block *)((char *)payload - HEAD), *other;
	int found = 0;

	for (struct block **link = &list; found < 2 && (other = *link);) {
		if (behind(other) != block && behind(block) != other) {
			link = &other->next;
			continue;
		}
		*link = other->next;
		found++;
		if (other < block) {
			other->size += block->size;
			block = other;
		} else {
			block->size += other->size;
		}
	}
	push(block);
}

size_t design_usable(const void *payload)
{
	return ((const struct block *)((const char *)payload - HEAD))->size - HEAD;
}
