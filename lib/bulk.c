// SPDX-License-Identifier: MIT
/*
 * Many objects at once: runs of pointers between the caller's array and the
 * sheaf. Here, above the slabs, since a bulk free may hold blocks of any kind.
 */
#include "lib/malloc.h"

#include <errno.h>
#include <kmem/cache.h>
#include <limits.h>

#define SLOW __attribute__((noinline))

typedef uintptr_t pair __attribute__((vector_size(16), aligned(8), may_alias));

static inline void copy_pair_down(void **to, void *const *last)
{
	pair two = *(const pair *)(last - 1);

	*(pair *)to = __builtin_shufflevector(two, two, 1, 0);
}

/* to[0 … n) from the n words that end with *last, the last one first. */
static inline __attribute__((always_inline)) void copy_down(void **to, void *const *last, size_t n)
{
	void **end = to + (n & ~(size_t)7);

	for (; to != end; to += 8, last -= 8) {
		copy_pair_down(to, last);
		copy_pair_down(to + 2, last - 2);
		copy_pair_down(to + 4, last - 4);
		copy_pair_down(to + 6, last - 6);
		ARCH_OPAQUE(last);
	}
	if (__builtin_expect(n & 7, 0))
		for (end = to + (n & 7); to != end;)
			*to++ = *last--;
}

/* Pop n objects into objects[], as so many slot_pop would; false: there are not so many, or n is 0.
 */
static inline __attribute__((always_inline)) bool pop_run(struct slot *slot, void **objects,
							  size_t n)
{
	uintptr_t sp = slot->sp;

	/* 0 is too many as well: the slot may be the zeros that all threads without a record share.
	 */
	if (__builtin_expect(n - 1 >= (sp & slot->mask) / sizeof(void *), 0))
		return false;
	__atomic_store_n(&slot->sp, sp - n * sizeof(void *), __ATOMIC_RELAXED);
	copy_down(objects, (void **)sp, n);
	return true;
}

/* Push n objects so that they pop in the order of the array; false: there is no room, or n is 0. */
static inline __attribute__((always_inline)) bool push_run(struct slot *slot, void *const *objects,
							   size_t n)
{
	uintptr_t sp = slot->sp;

	if (__builtin_expect(n - 1 >= (~sp & slot->mask) / sizeof(void *), 0))
		return false;
	copy_down((void **)sp + 1, objects + n - 1, n);
	/* A compiler fence: a fork's child must not see the pointer moved over nothing. */
	atomic_signal_fence(memory_order_release);
	__atomic_store_n(&slot->sp, sp + n * sizeof(void *), __ATOMIC_RELAXED);
	return true;
}

/* In pieces, or one at a time where no sheaf has any; all or none. */
static SLOW int alloc_rest(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	size_t done = 0;

	if (nobjects > INT_MAX) {
		errno = EINVAL;
		return 0;
	}
	slot_widen(cache, nobjects);
	while (done < nobjects) {
		struct slot *slot = slot_of(cache);
		size_t have = slot_fill(slot),
		       more = nobjects - done < have ? nobjects - done : have;

		if (more && !(flags & __GFP_ZERO)) {
			pop_run(slot, objects + done, more);
			done += more;
			continue;
		}
		objects[done] = kmem_cache_alloc(cache, flags);
		if (!objects[done]) {
			kmem_cache_free_bulk(cache, done, objects);
			return 0;
		}
		done++;
	}
	return (int)nobjects;
}

int kmem_cache_alloc_bulk(struct kmem_cache *cache, gfp_t flags, size_t nobjects, void **objects)
{
	if (__builtin_expect(!(flags & __GFP_ZERO), 1) &&
	    pop_run(slot_of(cache), objects, nobjects))
		return (int)nobjects;
	return alloc_rest(cache, flags, nobjects, objects);
}

static SLOW void free_rest(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	if (!cache) {
		while (nobjects > 0)
			facade_free(objects[--nobjects]);
		return;
	}
	slot_widen(cache, nobjects);
	while (nobjects > 0) {
		struct slot *slot = slot_of(cache);
		size_t room = slot->mask / sizeof(void *) - slot_fill(slot);

		if (!room) {
			slot_free_slow(cache, objects[--nobjects]);
			continue;
		}
		room = room < nobjects ? room : nobjects;
		nobjects -= room;
		push_run(slot, objects + nobjects, room);
	}
}

void kmem_cache_free_bulk(struct kmem_cache *cache, size_t nobjects, void **objects)
{
	if (__builtin_expect(!cache || !push_run(slot_of(cache), objects, nobjects), 0))
		free_rest(cache, nobjects, objects);
}
