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

#include "lib/heap_checked.h"
#include "slab/thread.h"

struct kmem_heap {
	struct heap heap; /* first: published as such */
	struct lock grow;
	bool by_need; /* it grows by what is needed, not by a step */
	size_t limit_bytes;
	const void *owner; /* the one thread, as private_thread says; NULL: any */
	bool zero_on_free;
	bool careful;	   /* it is checked, or zeroed on free: a free has more to do */
	struct span given; /* of memory that the program gave */
	/* Guarded by the heap's lock. */
	uint64_t allocs, refusals;
	uint32_t extensions; /* of spans, modulo 2^32 */
	uint32_t merges;     /* the same of what was freed and merged */
	uint32_t purge_ms;   /* when a heap of one thread last looked for old pages */
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

/* This thread, by the address of a variable of its own. */
static inline const void *private_thread(void)
{
	return &thread_slots;
}

void private_report_thread(const struct kmem_heap *heap, const char *doing);

/* May this thread use it? If not, that is reported. */
static inline bool private_may_use(const struct kmem_heap *heap, const char *doing)
{
	if (!heap->owner || heap->owner == private_thread())
		return true;
	private_report_thread(heap, doing);
	return false;
}

/* The heap's lock as a function takes and releases it that has no time for anything else. */
enum private_hold { HOLD_NONE, HOLD_PLAIN, HOLD_ATOMIC };

/*
 * If it is to be had at once, and this thread may use the heap. While a thread forks no lock is.
 * What sys_alone says holds until the function returns.
 */
static inline __attribute__((always_inline)) enum private_hold
private_try_hold(struct kmem_heap *heap)
{
	struct lock *lock = &heap->heap.lock;
	bool plain = sys_alone();
	uint32_t free = 0;

	if (heap->owner) {
		if (heap->owner != private_thread())
			return HOLD_NONE;
		plain = true;
	}
	if (!plain) {
		/* acquire: pairs with the release in private_drop and lock_release */
		if (!atomic_compare_exchange_strong_explicit(
			    &lock->word, &free, 1, memory_order_acquire, memory_order_relaxed))
			return HOLD_NONE;
		lock_note(LOCK_HEAP, true);
		return HOLD_ATOMIC;
	}
	if (atomic_load_explicit(&lock->word, memory_order_relaxed))
		return HOLD_NONE;
	atomic_store_explicit(&lock->word, 1, memory_order_relaxed);
	if (!heap->owner)
		lock_note(LOCK_HEAP, true);
	return HOLD_PLAIN;
}

void *private_wake(struct kmem_heap *heap, void *result);

/* At the end of a function with this result. */
static inline __attribute__((always_inline)) void *
private_drop(struct kmem_heap *heap, enum private_hold hold, void *result)
{
	struct lock *lock = &heap->heap.lock;

	if (!heap->owner)
		lock_note(LOCK_HEAP, false);
	if (hold == HOLD_PLAIN)
		atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
	/* release: pairs with the acquire in private_try_hold and lock_take */
	else if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		return private_wake(heap, result);
	return result;
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

/* NULL of what is at NULL: free looks at its block before it looks whether there is one. */
static inline void *private_payload(const struct kmem_heap *heap, const struct block *block)
{
	return (void *)((uintptr_t)block + heap->heap.lead);
}

/* Bytes of a block that holds nbytes. */
static inline uint32_t private_bytes(const struct kmem_heap *heap, size_t nbytes)
{
	return block_bytes(heap_is_checked(&heap->heap) ? nbytes + CHECKED_COST - BLOCK_HEAD
							: nbytes);
}

/* Bytes of a live block that are the program's. */
static inline size_t private_usable(const struct kmem_heap *heap, const struct block *block)
{
	return heap_is_checked(&heap->heap) ? checked_asked(block) : block_size(block) - BLOCK_HEAD;
}

/* A request that is not answered from a quick list, and how. */
struct request {
	size_t nbytes, align;
	uint32_t size;	  /* of the block */
	bool of_limit;	  /* refused by the heap's own bounds */
	bool was_written; /* a free block of a checked heap, while it was free */
	bool zeroed;	  /* reads as zeros, but for some bytes at both ends */
};

/* One that the heap has, or NULL. */
struct block *private_take(struct kmem_heap *heap, struct request *request);
/* The same, for which the heap may grow. */
struct block *private_take_growing(struct kmem_heap *heap, struct request *request);
/* Let there be a free block behind it, so that it may have size bytes, by growing its span. */
bool private_grow_behind(struct kmem_heap *heap, struct block *block, uint32_t size);

/* The heap's live block at addr; NULL, reported in one line: none, or not for this thread. */
struct block *private_find(struct kmem_heap *heap, const void *addr, const char *doing);
/* For a thread that may use it. NULL with ENOMEM. */
void *private_alloc(struct kmem_heap *heap, size_t nbytes, size_t align, const char *doing);
void private_free(struct kmem_heap *heap, void *addr, const char *doing);

/* Now and then, on a slow path without a lock: give back what is long free. */
void private_pass(struct kmem_heap *heap);
/* With the reclaim lock: of all private heaps this thread may, pages free for age_ms; how many. */
size_t private_heaps_purge_locked(uint32_t age_ms, size_t most);

/* In the child of a fork: who brought a heap a span is gone, and the span with it. */
void private_heaps_after_fork(void);
/* A new span, or all of a kept one, as one free block. */
struct block *private_enter_locked(struct kmem_heap *heap, struct span *span);
/* Let its free block at the end be taken last, if the heap grows so. */
void private_let_grow(struct kmem_heap *heap, const struct span *span);
/* Its spans have become more. */
void private_count_peak(struct kmem_heap *heap);
#endif
