/* SPDX-License-Identifier: MIT */
/* A heap's free lists by size. The heap's lock is held throughout. */
#ifndef LIB_HEAP_LIST_H
#define LIB_HEAP_LIST_H

#include "lib/heap.h"

void heap_list_add(struct heap *heap, struct block *block);
void heap_list_del(struct heap *heap, struct block *block);
/* The least size all of whose blocks' list is searched for size: a block of it is found. */
uint32_t heap_list_bound(uint32_t size);
/* A free block of at least size bytes, still in its list, or NULL. */
struct block *heap_list_find(const struct heap *heap, uint32_t size);
/* Where a free block of size bytes belongs. */
void heap_list_place(uint32_t size, unsigned *class, unsigned *sub);

#endif
