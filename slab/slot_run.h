/* SPDX-License-Identifier: MIT */
/*
 * Runs of pointers between arrays and sheaves. What pops first is the first of the
 * array, so one is copied into the other backward.
 */
#ifndef SLAB_SLOT_RUN_H
#define SLAB_SLOT_RUN_H

#include "slab/pairs.h"
#include "slab/slot.h"

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
static inline __attribute__((always_inline)) bool slot_pop_run(struct slot *slot, void **objects,
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
static inline __attribute__((always_inline)) bool slot_push_run(struct slot *slot,
								void *const *objects, size_t n)
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

#endif
