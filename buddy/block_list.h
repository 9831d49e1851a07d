/* SPDX-License-Identifier: MIT */
/*
 * Lists of free blocks, linked through the descriptors of their first pages: the
 * one free for the shortest time at the head, the one free for the longest at the tail.
 */
#ifndef BUDDY_BLOCK_LIST_H
#define BUDDY_BLOCK_LIST_H

#include "buddy/pagemap.h"

#define LIST_END UINT32_MAX

struct block_list {
	uint32_t head, tail;
};

#define BLOCK_LIST_EMPTY ((struct block_list){LIST_END, LIST_END})

/* Link a block in: at the head, or at the tail if it is free for longer than all there. */
static inline void block_list_link(struct block_list *list, struct page *pages, uint32_t index)
{
	struct page *page = &pages[index];

	page->prev = page->next = LIST_END;
	if (list->head == LIST_END) {
		list->head = list->tail = index;
	} else if ((int32_t)(page->stamp - pages[list->tail].stamp) < 0) {
		page->prev = list->tail;
		pages[list->tail].next = index;
		list->tail = index;
	} else {
		page->next = list->head;
		pages[list->head].prev = index;
		list->head = index;
	}
}

static inline void block_list_unlink(struct block_list *list, struct page *pages, uint32_t index)
{
	const struct page *page = &pages[index];

	if (page->prev == LIST_END)
		list->head = page->next;
	else
		pages[page->prev].next = page->next;
	if (page->next == LIST_END)
		list->tail = page->prev;
	else
		pages[page->next].prev = page->prev;
}

#endif
