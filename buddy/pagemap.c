// SPDX-License-Identifier: MIT
/* The page map's leaves: see pagemap.h. */
#include "buddy/pagemap.h"

#include "buddy/sys.h"

#include <errno.h>

_Static_assert(sizeof(((struct leaf *)0)->id) <= ZEROS_BYTES, "zeros cover a leaf's ids");

struct pagemap pagemap __attribute__((aligned(4096)));
/* For libkmem-malloc's free: see lib/core.h. */
extern const struct pagemap kmem_core_pagemap
	__attribute__((alias("pagemap"), visibility("default")));

int pagemap_cover(const void *addr)
{
	_Atomic intptr_t *entry = &pagemap.root[(uintptr_t)addr >> LEAF_SHIFT];
	struct leaf *leaf;
	intptr_t absent = 0;

	if (atomic_load_explicit(entry, memory_order_relaxed))
		return 0;
	leaf = sys_reserve(sys_page_up(sizeof(*leaf)), sys_page_size());
	if (!leaf)
		return -ENOMEM;
	if (sys_commit(leaf, sys_page_up(offsetof(struct leaf, page))) < 0) {
		sys_unmap(leaf, sys_page_up(sizeof(*leaf)));
		return -ENOMEM;
	}
	if (!atomic_compare_exchange_strong_explicit(entry, &absent,
						     (intptr_t)leaf - (intptr_t)&pagemap,
						     memory_order_relaxed, memory_order_relaxed))
		sys_unmap(leaf, sys_page_up(sizeof(*leaf))); /* another thread was first */
	return 0;
}

size_t pagemap_bytes(size_t npages)
{
	return sys_page_up(npages * sizeof(uint16_t)) +
	       sys_page_up(npages / 32 + LEAF_SHARE + npages * sizeof(struct page));
}

void pagemap_advise(const void *addr)
{
	struct leaf *leaf = pagemap_leaf(addr);

	sys_advise_huge(leaf, sys_page_up(sizeof(*leaf)), SYS_THP_NEVER);
}

int pagemap_commit(const void *addr, size_t npages)
{
	size_t granule = sys_page_size();
	uintptr_t start = (uintptr_t)pagemap_page(addr);
	uintptr_t end = start + npages * sizeof(struct page);

	start &= ~(granule - 1);
	end = (end + granule - 1) & ~(granule - 1);
	return sys_commit((void *)start, end - start) < 0 ? -ENOMEM : 0;
}

/* Four ids, written as one word where they are aligned. */
typedef uint64_t __attribute__((may_alias)) id_word;
#define WORD_IDS (sizeof(id_word) / sizeof(uint16_t))

static void set_ids(struct leaf *leaf, size_t i, size_t end, unsigned id)
{
	uint64_t word = id * 0x0001000100010001ull;

	for (; i < end && i % WORD_IDS; i++)
		atomic_store_explicit(&leaf->id[i], (uint16_t)id, memory_order_relaxed);
#pragma GCC unroll 8
	for (; i + WORD_IDS <= end; i += WORD_IDS) {
		id_word *four = __builtin_assume_aligned(&leaf->id[i], sizeof(id_word));

		__atomic_store_n(four, word, __ATOMIC_RELAXED);
	}
	for (; i < end; i++)
		atomic_store_explicit(&leaf->id[i], (uint16_t)id, memory_order_relaxed);
}

void pagemap_set(void *addr, size_t npages, unsigned id, void *owner)
{
	struct leaf *leaf = pagemap_leaf(addr);
	size_t first = (uintptr_t)addr >> PAGE_SHIFT & (LEAF_PAGES - 1), end = first + npages;

	if (owner) {
#pragma GCC unroll 8
		for (size_t i = first; i < end; i++)
			leaf->page[i].owner = owner;
	}
	set_ids(leaf, first, end, id);
}
