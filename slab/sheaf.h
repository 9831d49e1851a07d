/* SPDX-License-Identifier: MIT */
/*
 * A sheaf: an array of object pointers, aligned to its size of 16 << level
 * bytes, worked as a stack (the magazine of Bonwick and Adams, "Magazines and
 * Vmem", USENIX 2001). Its first word is the head; how full it is, only the slot
 * knows in which it is loaded. Outside of slots a sheaf is full or empty.
 *
 *	head: | next in a stack: 32 | level: 32 |
 *
 *	base        base + 8                      base + size - 8
 *	| head | object 1 | object 2 | … | object capacity |
 *	^ sp when empty                      ^ sp when full
 *
 * sp points to the topmost object. With mask = size - 8, sp & mask is 0 for an
 * empty sheaf and (sp + 8) & mask is 0 for a full one; with mask 0 both hold.
 *
 * Sheaves are never unmapped, so a stale pointer to one may be read; idle ones
 * wait in lock-free stacks (R. K. Treiber, 1986) named by index and tag, the
 * tag being a count of changes.
 */
#ifndef SLAB_SHEAF_H
#define SLAB_SHEAF_H

#include "buddy/meta.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SHEAF_LEVELS	  8
#define SHEAF_LEVEL_FIRST 3 /* fifteen objects */
#define SHEAF_CAP_MAX	  ((16u << (SHEAF_LEVELS - 1)) / 8 - 1)

struct sheaf {
	_Atomic uint64_t head;
	void *object[];
};

struct sheaf_stack {
	_Atomic uint64_t top; /* tag: 32, meta index of the first sheaf: 32 */
};

static inline uintptr_t sheaf_mask(unsigned level)
{
	return ((uintptr_t)16 << level) - 8;
}

static inline unsigned sheaf_capacity(unsigned level)
{
	return (2u << level) - 1;
}

static inline unsigned sheaf_level(const struct sheaf *sheaf)
{
	return (uint32_t)atomic_load_explicit(&sheaf->head, memory_order_relaxed);
}

#define HEAD_NEXT 32

static inline void sheaf_push(struct sheaf_stack *stack, struct sheaf *sheaf)
{
	uint64_t index = meta_index(sheaf);
	uint64_t head = atomic_load_explicit(&sheaf->head, memory_order_relaxed) & UINT32_MAX;
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_relaxed);
	uint64_t changed;

	do {
		atomic_store_explicit(&sheaf->head, head | top << HEAD_NEXT, memory_order_relaxed);
		changed = ((top >> 32) + 1) << 32 | index;
		/* release: the sheaf's objects; pairs with the acquire in sheaf_pop */
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->top, &top, changed, memory_order_release, memory_order_relaxed));
}

/* NULL: the stack is empty. */
static inline struct sheaf *sheaf_pop(struct sheaf_stack *stack)
{
	/* acquire: pairs with the release in sheaf_push */
	uint64_t top = atomic_load_explicit(&stack->top, memory_order_acquire);
	struct sheaf *sheaf;
	uint64_t head, changed;

	do {
		sheaf = meta_at((uint32_t)top);
		if (!sheaf)
			return NULL;
		/* Another thread may own it by now: then the tag has changed. */
		head = atomic_load_explicit(&sheaf->head, memory_order_relaxed);
		changed = ((top >> 32) + 1) << 32 | head >> HEAD_NEXT;
	} while (!atomic_compare_exchange_weak_explicit(
		&stack->top, &top, changed, memory_order_acquire, memory_order_acquire));
	return sheaf;
}

/* An empty sheaf of the level, or NULL without memory. */
struct sheaf *sheaf_make(unsigned level);

#pragma GCC visibility push(hidden)
extern struct sheaf_stack sheaf_idle[SHEAF_LEVELS];
#pragma GCC visibility pop

static inline struct sheaf *sheaf_get(unsigned level)
{
	struct sheaf *sheaf = sheaf_pop(&sheaf_idle[level]);

	return sheaf ? sheaf : sheaf_make(level);
}

/* Give back an empty one. */
static inline void sheaf_put(struct sheaf *sheaf)
{
	sheaf_push(&sheaf_idle[sheaf_level(sheaf)], sheaf);
}

#endif
