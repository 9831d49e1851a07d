// SPDX-License-Identifier: MIT
/*
 * Many objects at once: runs of pointers between the caller's array and the
 * sheaf. Here, above the slabs, since a bulk free may hold blocks of any kind.
 */
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/cache.h>
#include <limits.h>

typedef uintptr_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/* to[0 … n) from the n words that end with *last, the last one first. */
static inline void copy_down(void **to, void *const *last, size_t n)
{
	for (; n >= 4; n -= 4, to += 4, last -= 4) {
		pair a = *(const pair *)(last - 1), b = *(const pair *)(last - 3);

		*(pair *)to = __builtin_shufflevector(a, a, 1, 0);
		*(pair *)(to + 2) = __builtin_shufflevector(b, b, 1, 0);
	}
	for (size_t i = 0; i < n; i++)
		to[i] = last[-(ptrdiff_t)i];
}

/* Pop up to n objects into objects[], as so many slot_pop would; how many. */
static inline size_t pop_run(struct slot *slot, void **objects, size_t n)
{
	uintptr_t sp = slot->sp;
	size_t have = (sp & slot->mask) / sizeof(void *);

	n = n < have ? n : have;
	/* An empty slot may be the zeros that all threads without a record share. */
	if (__builtin_expect(!n, 0))
		return 0;
	__atomic_store_n(&slot->sp, sp - n * sizeof(void *), __ATOMIC_RELAXED);
	copy_down(objects, (void **)sp, n);
	return n;
}

/* Push up to n objects so that they pop in the order of the array, the last n of them; how many. */
static inline size_t push_run(struct slot *slot, void *const *objects, size_t n)
{
	uintptr_t sp = slot->sp;
	size_t room = (slot->mask - (sp & slot->mask)) / sizeof(void *), k;

	k = n < room ? n : room;
	if (__builtin_expect(!k, 0))
		return 0;
	copy_down((void **)sp + 1, objects + n - 1, k);
	/* A compiler fence: a fork's child must not see the pointer moved over nothing. */
	atomic_signal_fence(memory_order_release);
	__atomic_store_n(&slot->sp, sp + k * sizeof(void *), __ATOMIC_RELAXED);
	return k;
}

/* One at a time where no sheaf has any, or zeros are wanted; all or none. */
int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	size_t done = 0;

	if (__builtin_expect(nobjects > INT_MAX, 0)) {
		errno = EINVAL;
		return 0;
	}
	while (done < nobjects) {
		if (__builtin_expect(!(flags & __GFP_ZERO), 1))
			done += pop_run(slot_of(cache), objects + done, nobjects - done);
		if (__builtin_expect(done == nobjects, 1))
			break;
		objects[done] = kmem_cache_alloc(cache, flags);
		if (!objects[done]) {
			kmem_cache_free_bulk(cache, done, objects);
			return 0;
		}
		done++;
	}
	return (int)nobjects;
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	if (!cache) {
		while (nobjects > 0)
			facade_free(objects[--nobjects]);
		return;
	}
	while (nobjects > 0) {
		nobjects -= push_run(slot_of(cache), objects, nobjects);
		if (__builtin_expect(nobjects == 0, 1))
			break;
		kmem_cache_free(cache, objects[--nobjects]);
	}
}
