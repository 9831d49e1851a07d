// SPDX-License-Identifier: MIT
/* Seals and poison: see heap_checked.h. */
#include "lib/heap_checked.h"

#include <string.h>

#define MAGIC	    0x6b48704cu
#define POISON	    0x6b
#define POISON_WORD 0x6b6b6b6b6b6b6b6bull
#define SLACK	    0xbb

struct sealed {
	uint64_t head;
	uint32_t magic;
	uint32_t asked;
	const struct heap *owner;
};

_Static_assert(sizeof(struct sealed) == CHECKED_LEAD, "the payload begins behind it");

static unsigned char *end_of(const struct block *block)
{
	return (unsigned char *)block_next(block) - BLOCK_HEAD;
}

/* Differs from block to block, so that a footer copied along with a payload is none. */
static uint64_t footer_of(const struct block *block)
{
	return block_secret ^ (uintptr_t)block ^ POISON_WORD;
}

void checked_seal(const struct heap *heap, struct block *block, size_t asked)
{
	struct sealed *sealed = (struct sealed *)block;
	unsigned char *slack = (unsigned char *)(sealed + 1) + asked, *end = end_of(block);
	uint64_t footer = footer_of(block);

	sealed->magic = MAGIC;
	sealed->asked = (uint32_t)asked;
	sealed->owner = heap;
	memset(slack, SLACK, (size_t)(end - slack));
	memcpy(end, &footer, sizeof(footer));
}

size_t checked_asked(const struct block *block)
{
	return ((const struct sealed *)block)->asked;
}

const char *checked_error(const struct heap *heap, const struct block *block)
{
	const struct sealed *sealed = (const struct sealed *)block;
	const unsigned char *end = end_of(block), *at;
	uint64_t footer;

	if (sealed->magic != MAGIC || sealed->owner != heap ||
	    sealed->asked > block_size(block) - CHECKED_COST)
		return "it was written before its beginning";
	for (at = (const unsigned char *)(sealed + 1) + sealed->asked; at < end; at++)
		if (*at != SLACK)
			return "it was written past its end";
	memcpy(&footer, end, sizeof(footer));
	return footer == footer_of(block) ? NULL : "it was written past its end";
}

void checked_poison(void *from, const void *to)
{
	memset(from, POISON, (size_t)((const char *)to - (char *)from));
}

void checked_poison_seam(struct block *second)
{
	checked_poison((char *)second - BLOCK_HEAD, second + 1);
}

bool checked_is_poison(const struct block *block)
{
	const unsigned char *at = (const unsigned char *)(block + 1), *end = end_of(block);

	for (; at < end; at += sizeof(uint64_t)) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		if (word != POISON_WORD)
			return false;
	}
	return true;
}
