/* SPDX-License-Identifier: MIT */
/* Several blocks of one size side by side, taken or given back as one run of pages. */
#ifndef BUDDY_ROW_H
#define BUDDY_ROW_H

#include "buddy/pagemap.h"

/*
 * n blocks of npages, out of dirty pages, which are resident anyway; each is marked as one of
 * buddy_alloc's. NULL: there is no such run.
 */
void *row_alloc(size_t npages, unsigned n, enum page_kind kind);
/* Give back n whole blocks of npages, none of them in a chunk; their ids are already cleared. */
void row_free(void *base, size_t npages, unsigned n);

#endif
