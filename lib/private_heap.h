/* SPDX-License-Identifier: MIT */
/*
 * The program's own heaps (kmem/heap.h), on the boundary-tag heap that malloc's are.
 *
 * Their spans are a heap's like all others, so the page map and inspectors know them. A
 * heap on memory that the program gives has that as its one span, behind the heap's record,
 * and no page leads to it: what is asked about an address is asked of the heap.
 *
 * A heap grows under its grow lock, so that its limit holds and two threads that lack
 * memory do not both bring a span. A heap of one thread takes no lock; its lock's word is
 * set all the same while it changes, for inspectors.
 */
#ifndef LIB_PRIVATE_HEAP_H
#define LIB_PRIVATE_HEAP_H

#include "lib/heap.h"

#include <errno.h>

struct kmem_heap {
	struct heap heap; /* first: published as such */
	struct lock grow;
	size_t limit_bytes;
	const void *owner; /* the one thread, by the address of its errno; NULL: any */
	bool zero_on_free;
	struct span given; /* of memory that the program gave */
	/* Guarded by the heap's lock. */
	uint64_t allocs, frees, refusals;
	uint64_t peak_span_bytes;
	struct kmem_heap *next_free; /* of records that wait to be used again */
};

static inline struct kmem_heap *private_of(struct heap *heap)
{
	return (struct kmem_heap *)heap;
}

/* Has it a lock that others may take? */
static inline bool heap_has_lock(struct heap *heap)
{
	return !heap->private || !private_of(heap)->owner;
}

void private_report_thread(const struct kmem_heap *heap, const char *doing);

/* May this thread use it? If not, that is reported. */
static inline bool private_may_use(const struct kmem_heap *heap, const char *doing)
{
	if (!heap->owner || heap->owner == &errno)
		return true;
	private_report_thread(heap, doing);
	return false;
}

/* The heap's lock. */
static inline void private_lock(struct kmem_heap *heap)
{
	if (heap->owner)
		atomic_store_explicit(&heap->heap.lock.word, 1, memory_order_relaxed);
	else
		lock_take(&heap->heap.lock, LOCK_HEAP);
}

static inline void private_unlock(struct kmem_heap *heap)
{
	if (heap->owner)
		atomic_store_explicit(&heap->heap.lock.word, 0, memory_order_relaxed);
	else
		lock_release(&heap->heap.lock, LOCK_HEAP);
}

/* In the child of a fork: who brought a heap a span is gone, and the span with it. */
void private_heaps_after_fork(void);
/* A new span, or all of a kept one, as one free block. */
void private_enter_locked(struct kmem_heap *heap, struct span *span);
#endif
