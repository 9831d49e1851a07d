// SPDX-License-Identifier: MIT
/*
 * No list at all: an allocation walks over every block, live or free, to the first that fits, and
 * merges free neighbours on its way. A free is a flag.
 */
#include "discarded.h"

#define FREE ((size_t)1)

static char *start, *end;

static size_t *head_of(char *block)
{
	return (size_t *)block;
}

static size_t size_of(char *block)
{
	return *head_of(block) & ~FREE;
}

/* A free block, with all free ones behind it. */
static size_t merge(char *block)
{
	size_t size = size_of(block);

	while (block + size < end && *head_of(block + size) & FREE)
		size += size_of(block + size);
	*head_of(block) = size | FREE;
	return size;
}

static void *carve(char *block, size_t have, size_t size)
{
	if (have > size)
		*head_of(block + size) = (have - size) | FREE;
	*head_of(block) = size;
	return block + HEAD;
}

void *design_take(size_t nbytes)
{
	size_t size = block_bytes(nbytes, ALIGN), more = size;
	char *block, *base;

	for (block = start; block < end; block += size_of(block))
		if (*head_of(block) & FREE && merge(block) >= size)
			return carve(block, size_of(block), size);
	base = heap_grow(&more);
	if (!base)
		return NULL;
	start = start ? start : base;
	end = base + more;
	return carve(base, more, size);
}

void design_give(void *payload)
{
	*head_of((char *)payload - HEAD) |= FREE;
}

size_t design_usable(const void *payload)
{
	return size_of((char *)payload - HEAD) - HEAD;
}
