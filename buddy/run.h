/* SPDX-License-Identifier: MIT */
/*
 * Runs of pages for those who ask for pages: kmem_pages_alloc and large malloc.
 * From a zone as long as one can hold them comfortably, else a mapping of their
 * own; found by the id and the descriptor of their first page.
 */
#ifndef BUDDY_RUN_H
#define BUDDY_RUN_H

#include "buddy/pagemap.h"
#include "buddy/place.h"

#include <stdbool.h>
#include <stdint.h>

/* Larger runs get a mapping of their own: a zone would mostly be reserved for them. */
#define RUN_ZONE_MAX ((size_t)64 << 20)

/* A descriptor counts no more; and so much is nowhere to be had. */
#define RUN_PAGES_MAX ((size_t)UINT32_MAX)
#define RUN_ORDER_MAX 31u

void *run_alloc(size_t npages, size_t align_pages, enum page_kind kind, bool *zeroed);
/* The same by a walk through places; run_alloc is by the policy of the process, if there is one. */
void *run_alloc_by(struct place_walk walk, size_t npages, size_t align_pages, enum page_kind kind,
		   bool *zeroed);
void run_free(void *base);
/*
 * Make the run npages long: in place if it can, else by moving its pages. The
 * new address; NULL if only copying would do it.
 */
void *run_resize(void *base, size_t npages);

/* In the child of a fork: what mappings count that others were about to make or unmap. */
void runs_after_fork(void);

/* The run that begins at addr and is of the kind, or NULL. */
struct page *run_find(const void *addr, enum page_kind kind);

#endif
