// SPDX-License-Identifier: MIT
/* See heaps.h. */
#include "lib/heaps.h"

#include "lib/private_heap.h"

#include <string.h>

struct lock heaps_lock;

void heap_publish(struct heap *heap)
{
	lock_take(&heaps_lock, LOCK_HEAPS);
	heap->pub.next = root_record.heaps;
	/* release: pairs with an inspector's reads, in whatever process */
	__atomic_store_n(&root_record.heaps, (uintptr_t)heap, __ATOMIC_RELEASE);
	lock_release(&heaps_lock, LOCK_HEAPS);
}

void heap_withdraw(struct heap *heap)
{
	uint64_t *link = &root_record.heaps;

	lock_take(&heaps_lock, LOCK_HEAPS);
	while (*link != (uintptr_t)heap)
		link = &((struct heap *)*link)->pub.next;
	__atomic_store_n(link, heap->pub.next, __ATOMIC_RELEASE);
	lock_release(&heaps_lock, LOCK_HEAPS);
}

bool heap_published(unsigned n, struct kmem_root_heap *published)
{
	bool found = false;

	lock_take(&heaps_lock, LOCK_HEAPS);
	for_each_heap (heap)
		if (n-- == 0) {
			*published = (struct kmem_root_heap){
				.given = heap->pub.given,
				.nspans = __atomic_load_n(&heap->pub.nspans, __ATOMIC_RELAXED),
				.span_bytes =
					__atomic_load_n(&heap->pub.span_bytes, __ATOMIC_RELAXED),
				.live_blocks =
					__atomic_load_n(&heap->pub.live_blocks, __ATOMIC_RELAXED),
				.live_bytes =
					__atomic_load_n(&heap->pub.live_bytes, __ATOMIC_RELAXED),
			};
			memcpy(published->name, heap->pub.name, sizeof(published->name));
			found = true;
			break;
		}
	lock_release(&heaps_lock, LOCK_HEAPS);
	return found;
}

bool heap_name_of_given(const void *addr, char name[KMEM_HEAP_NAME_MAX + 1])
{
	bool found = false;

	lock_take(&heaps_lock, LOCK_HEAPS);
	for_each_heap (heap)
		if (heap->pub.given &&
		    (uintptr_t)addr - private_of(heap)->given.base < heap->pub.given) {
			memcpy(name, heap->pub.name, sizeof(heap->pub.name));
			found = true;
			break;
		}
	lock_release(&heaps_lock, LOCK_HEAPS);
	return found;
}
