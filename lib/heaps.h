/* SPDX-License-Identifier: MIT */
/* The published list of all heaps, malloc's and the program's: kmem/inspect.h. */
#ifndef LIB_HEAPS_H
#define LIB_HEAPS_H

#include "buddy/root.h"
#include "lib/heap.h"

#pragma GCC visibility push(hidden)
extern struct lock heaps_lock; /* malloc's never leave the list, the program's may */
#pragma GCC visibility pop

/* With the lock. */
#define for_each_heap(h)                                                                           \
	for (struct heap *h =                                                                      \
		     (struct heap *)__atomic_load_n(&root_record.heaps, __ATOMIC_RELAXED);         \
	     h; h = (struct heap *)h->pub.next)

void heap_publish(struct heap *heap);
void heap_withdraw(struct heap *heap);
/* What is published of the n-th heap; false: there are not so many. */
bool heap_published(unsigned n, struct kmem_root_heap *heap);
/* The name of the heap that was given the memory at addr; false: none was. */
bool heap_name_of_given(const void *addr, char name[KMEM_HEAP_NAME_MAX + 1]);

#endif
