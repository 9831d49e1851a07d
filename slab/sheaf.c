// SPDX-License-Identifier: MIT
/* Stacks of sheaves, and the pool of idle ones: see sheaf.h. */
#include "slab/sheaf.h"

#include "buddy/meta.h"

#define HEAD_NEXT 32

static struct sheaf_stack idle[SHEAF_LEVELS];

void sheaf_push(struct sheaf_stack *stack, struct sheaf *sheaf)
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

struct sheaf *sheaf_pop(struct sheaf_stack *stack)
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

struct sheaf *sheaf_get(unsigned level)
{
	struct sheaf *sheaf = sheaf_pop(&idle[level]);
	size_t nbytes = (size_t)16 << level;

	if (!sheaf)
		sheaf = meta_alloc(nbytes, nbytes);
	if (sheaf)
		sheaf_set(sheaf, level, 0);
	return sheaf;
}

void sheaf_put(struct sheaf *sheaf)
{
	sheaf_push(&idle[sheaf_level(sheaf)], sheaf);
}
