/* SPDX-License-Identifier: MIT */
/* A heap's free lists by size. The heap's lock is held throughout. */
#ifndef LIB_HEAP_LIST_H
#define LIB_HEAP_LIST_H

#include "lib/heap.h"

void heap_list_add(struct heap *heap, struct block *block);
void heap_list_del(struct heap *heap, struct block *block);
/* The least size all of whose blocks' list is searched for size: a block of it is found. */
uint32_t heap_list_bound(uint32_t size);
/* A free block of at least size bytes, by the heap's fit, still in its list, or NULL. */
struct block *heap_list_find(const struct heap *heap, uint32_t size);
/* The same where good fit has found none: of the list that it searched not, as not all fit. */
struct block *heap_list_search(const struct heap *heap, uint32_t size);
/* The largest, or NULL. */
struct block *heap_list_largest(const struct heap *heap);
/* Where a free block of size bytes belongs. */
void heap_list_place(const struct heap *heap, uint32_t size, unsigned *class, unsigned *sub);

#endif
