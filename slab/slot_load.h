/* SPDX-License-Identifier: MIT */
/*
 * What a slot holds: put in, taken out, swapped. It leaves one slot before it
 * enters another, and every store is ordered for those who look on, an inspector
 * or a fork's child: they find a whole sheaf, or none.
 */
#ifndef SLAB_SLOT_LOAD_H
#define SLAB_SLOT_LOAD_H

#include "slab/thread.h"

static inline struct sheaf *slot_sheaf(const struct slot *slot)
{
	return (struct sheaf *)(slot->sp & ~slot->mask);
}

static inline bool slot_has_objects(const struct slot *slot)
{
	return slot->sp & slot->mask;
}

/* What a slot holds with a sheaf that is empty, or full. */
static inline struct slot hold_empty(struct sheaf *sheaf)
{
	return (struct slot){(uintptr_t)sheaf, sheaf_mask(sheaf_level(sheaf))};
}

static inline struct slot hold_full(struct sheaf *sheaf)
{
	uintptr_t mask = sheaf_mask(sheaf_level(sheaf));

	return (struct slot){(uintptr_t)sheaf | mask, mask};
}

/* Take what the slot holds out of it. */
static inline struct slot slot_unload(struct slot *slot)
{
	struct slot held = *slot;

	__atomic_store_n(&slot->mask, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->sp, 0, __ATOMIC_RELEASE);
	return held;
}

/* Into a slot that holds nothing. */
static inline void slot_load(struct slot *slot, struct slot held)
{
	__atomic_store_n(&slot->sp, held.sp, __ATOMIC_RELEASE);
	/* release: mask is seen only with its sp; pairs with the acquire in slot_fill */
	__atomic_store_n(&slot->mask, held.mask, __ATOMIC_RELEASE);
}

static inline void slot_swap(struct slot *one, struct slot *other)
{
	struct slot held = slot_unload(one);

	slot_load(one, slot_unload(other));
	slot_load(other, held);
}

#endif
