// SPDX-License-Identifier: MIT
/*
 * Free space behind the last block is taken first, and at its beginning stands the head: how much
 * is left, and a slot for each free block in order of address. So each allocation moves the head
 * and its slots, and each free searches them for the place where neighbours are merged. The slots
 * are looked through, first fit, when the free space is too small.
 */
#include "discarded.h"

#include <string.h>

#define SPARE_SLOTS 64

struct slot {
	char *block;
	size_t size;
};

struct head {
	size_t left; /* bytes, of which the head and its slots take some */
	size_t nslots;
	struct slot slots[];
};

static struct head *head;

static size_t head_bytes(size_t nslots)
{
	return sizeof(struct head) + nslots * sizeof(struct slot);
}

/* So that not each free has to grow the heap for its slot: as many as there are, and some. */
static size_t spare_bytes(void)
{
	return head_bytes(2 * head->nslots + SPARE_SLOTS);
}

static int grow(size_t more)
{
	char *base = heap_grow(&more);

	if (!base)
		return 0;
	if (!head) {
		head = (struct head *)base;
		*head = (struct head){.left = 0};
	}
	head->left += more;
	return 1;
}

static char *take_front(size_t size)
{
	char *block = (char *)head;

	head = memmove(block + size, head, head_bytes(head->nslots));
	head->left -= size;
	return block;
}

static void remove_slot(struct slot *slot)
{
	size_t after = (size_t)(head->slots + --head->nslots - slot);

	memmove(slot, slot + 1, after * sizeof(*slot));
}

static char *take_slot(size_t size)
{
	for (struct slot *slot = head->slots; slot < head->slots + head->nslots; slot++) {
		char *block = slot->block;

		if (slot->size < size)
			continue;
		slot->block += size;
		slot->size -= size;
		if (!slot->size)
			remove_slot(slot);
		return block;
	}
	return NULL;
}

void *design_take(size_t nbytes)
{
	size_t size = block_bytes(nbytes, ALIGN);
	char *block = NULL;

	if (!head && !grow(STEP))
		return NULL;
	if (head->left < size + spare_bytes()) {
		block = take_slot(size);
		if (!block && !grow(size + spare_bytes()))
			return NULL;
	}
	block = block ? block : take_front(size);
	*(size_t *)block = size;
	return block + HEAD;
}

static void insert_slot(struct slot *slot, char *block, size_t size)
{
	size_t after = (size_t)(head->slots + head->nslots - slot);

	if (head->left < head_bytes(head->nslots + 1) && !grow(STEP))
		return; /* it is lost */
	memmove(slot + 1, slot, after * sizeof(*slot));
	*slot = (struct slot){block, size};
	head->nslots++;
}

void design_give(void *payload)
{
	char *block = (char *)payload - HEAD;
	size_t size = *(size_t *)block;
	struct slot *slot = head->slots, *end = slot + head->nslots;

	while (slot < end && slot->block + slot->size < block)
		slot++;
	if (slot < end && slot->block + slot->size == block) {
		slot->size += size;
		if (slot + 1 < end && slot[1].block == slot->block + slot->size) {
			slot->size += slot[1].size;
			remove_slot(slot + 1);
		}
	} else if (slot < end && slot->block == block + size) {
		slot->block = block;
		slot->size += size;
	} else {
		insert_slot(slot, block, size);
	}
}

size_t design_usable(const void *payload)
{
	return *(const size_t *)((const char *)payload - HEAD) - HEAD;
}
