/* SPDX-License-Identifier: MIT */
/*
 * Address to owner in two loads, without a lock: a root entry per GiB, leaves
 * of two bytes a page.
 *
 *	address  | root: 17 bits | page: 18 bits | 12 |
 *	              |                |
 *	pagemap_root[.] --> leaf.id[.] = 0        no page of ours, or a free one
 *	                                 1        pages handed out as such, or a heap's
 *	                                 2…65535  a slab of the cache with that id, or the
 *	                                          first page of a block in that front bin
 *
 * A root entry is the leaf's distance from the zeros, so that the entry of
 * a GiB we have nothing in, 0, leads to a leaf of zeros. Entries are relaxed
 * atomics: set before the first object of a page can be handed out, cleared
 * before the page is free again; whoever asks about an address got it from
 * somebody, and that passing ordered it.
 *
 * Beside the ids each leaf holds the descriptors of its pages, so that nothing
 * a program writes past its objects can reach them. A page's descriptor may
 * only be read where its id is not 0, or by its zone: elsewhere none is committed.
 */
#ifndef BUDDY_PAGEMAP_H
#define BUDDY_PAGEMAP_H

#include "buddy/arch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SHIFT 12
#define PAGE_BYTES ((size_t)1 << PAGE_SHIFT)

#define LEAF_SHIFT 30
#define LEAF_PAGES ((size_t)1 << (LEAF_SHIFT - PAGE_SHIFT))
#define ROOT_SIZE  ((size_t)1 << (ARCH_ADDRESS_BITS - LEAF_SHIFT))

#define ID_NONE	 0u
#define ID_PAGES 1u
#define ID_FIRST 2u
#define ID_LIMIT 65536u

enum page_kind {
	PAGE_NONE,	  /* inside a block or run, or never used */
	PAGE_DIRTY,	  /* first or last of a free run, as the last owner left it */
	PAGE_CLEAN,	  /* first or last of a free run that reads as zeros */
	PAGE_BUDDY_DIRTY, /* first of a free block of a chunk */
	PAGE_BUDDY_CLEAN,
	PAGE_BUSY, /* first of a block on its way to the system */
	PAGE_SLAB,
	PAGE_HEAP,
	PAGE_RUN,     /* kmem_pages_alloc */
	PAGE_LARGE,   /* malloc of more than the heap takes */
	PAGE_DEBUG,   /* first of a debugged block, inside a run */
	PAGE_GUARDED, /* of the pool of guarded objects */
};

/*
 * The descriptor of a page, 16 bytes. kind, mapped and length and a free block's
 * links and stamp belong to the page lock; npages and owner to the owner of the run.
 */
struct page {
	union {
		struct {
			uint32_t next, prev; /* free: pages of the zone, LIST_END at the ends */
		};
		void *owner; /* slab or heap span, on each of its pages */
	};
	union {
		uint32_t stamp;	 /* free: when it became so, ms */
		uint32_t npages; /* in use: of the run, on its first page */
	};
	uint32_t kind : 8;
	uint32_t mapped : 1;  /* a run with a mapping of its own */
	uint32_t length : 23; /* free: pages of the block, on its first, and the last of a run */
};

_Static_assert(sizeof(struct page) == 16, "sixteen bytes a page");

/* Of chunks (zone.h), of 32 pages, the last first: so the first are on a page with descriptors. */
#define LEAF_CHUNKS (LEAF_PAGES / 32)
#define LEAF_SHARE  256u /* of that page */

struct leaf {
	_Atomic uint16_t id[LEAF_PAGES];
	char unused[LEAF_SHARE];
	uint8_t chunk[LEAF_CHUNKS];
	struct page page[LEAF_PAGES];
};

_Static_assert(offsetof(struct leaf, page) % PAGE_BYTES == LEAF_SHARE, "chunks and descriptors");

/* Never written: the leaf of absent GiBs, and the slots of threads without any. */
#define ZEROS_BYTES (((size_t)1 << 20) + PAGE_BYTES)

#pragma GCC visibility push(hidden)
/* One object, so that one register leads to both. */
extern struct pagemap {
	char zeros[ZEROS_BYTES];
	_Atomic intptr_t root[ROOT_SIZE];
} pagemap;
#pragma GCC visibility pop

/* The leaf of an address: one of ours, or the zeros. Bits no address has are ignored. */
static inline struct leaf *pagemap_leaf_in(const struct pagemap *pages, const void *addr)
{
	uintptr_t gib = (uintptr_t)addr << (64 - ARCH_ADDRESS_BITS) >>
			(64 - ARCH_ADDRESS_BITS + LEAF_SHIFT);
	uintptr_t map = (uintptr_t)pages, leaf;

	ARCH_OPAQUE(map);
	leaf = map +
	       (uintptr_t)atomic_load_explicit((_Atomic intptr_t *)(map + gib * sizeof(intptr_t) +
								    offsetof(struct pagemap, root)),
					       memory_order_relaxed);
	ARCH_OPAQUE(leaf);
	return (struct leaf *)leaf;
}

static inline unsigned pagemap_id_in(const struct pagemap *pages, const void *addr)
{
	uintptr_t index = (uintptr_t)addr >> PAGE_SHIFT & (LEAF_PAGES - 1);

	return atomic_load_explicit(&pagemap_leaf_in(pages, addr)->id[index], memory_order_relaxed);
}

static inline struct leaf *pagemap_leaf(const void *addr)
{
	return pagemap_leaf_in(&pagemap, addr);
}

static inline unsigned pagemap_id(const void *addr)
{
	return pagemap_id_in(&pagemap, addr);
}

/* Only for addresses for which pagemap_cover succeeded. */
static inline struct page *pagemap_page(const void *addr)
{
	uintptr_t a = (uintptr_t)addr;

	return &pagemap_leaf(addr)->page[a >> PAGE_SHIFT & (LEAF_PAGES - 1)];
}

/* Make sure the GiB of addr has a leaf. 0 or -ENOMEM. */
int pagemap_cover(const void *addr);
/* No huge pages for the covered leaf of addr: for zones whose descriptors could hold one. */
void pagemap_advise(const void *addr);
/* What it may have resident for the first npages of a GiB. */
size_t pagemap_bytes(size_t npages);
/* Commit the descriptors of npages from addr on, within one GiB. 0 or -ENOMEM. */
int pagemap_commit(const void *addr, size_t npages);
/* Set the id of one page. */
static inline void pagemap_tag(const void *addr, unsigned id)
{
	uintptr_t index = (uintptr_t)addr >> PAGE_SHIFT & (LEAF_PAGES - 1);

	atomic_store_explicit(&pagemap_leaf(addr)->id[index], (uint16_t)id, memory_order_relaxed);
}

/* Set the id of npages, and the owner of each unless it is NULL. */
void pagemap_set(void *addr, size_t npages, unsigned id, void *owner);

#endif
