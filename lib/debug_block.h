/* SPDX-License-Identifier: MIT */
/*
 * malloc's blocks above 32 KiB, and runs of kmem_pages_alloc, where KMEM_DEBUG names
 * malloc-large: each a run of pages of its own, laid out as a debugged object is (slab/debug.h):
 *
 *	| … left red zone | block … | right red zone |
 *	  the page before   begins a page     to the end of the run
 *
 * The page map says PAGE_DEBUG of the block's first page, and leads to the run's, and from there
 * to the record, which lies apart. A freed block lies poisoned in quarantine until others have
 * taken its place, and is looked at when it leaves.
 */
#ifndef LIB_DEBUG_BLOCK_H
#define LIB_DEBUG_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#define DEBUG_BLOCK_NAME "malloc-large" /* to KMEM_DEBUG */

struct lock;

#pragma GCC visibility push(hidden)
extern bool debug_blocks;	     /* set at start */
extern struct lock debug_block_lock; /* of the quarantine */
#pragma GCC visibility pop

enum debug_source { DEBUG_MALLOC, DEBUG_PAGES };

/* Does KMEM_DEBUG name them? */
void debug_blocks_start(void);
/* align: a power of two. NULL: no memory. */
void *debug_block_alloc(size_t nbytes, size_t align, enum debug_source source, bool *zeroed);
/* Of an address whose page is PAGE_DEBUG; who frees says where it should come from. */
void debug_block_free(void *block, enum debug_source source);
/* All of the quarantine back to the pages: somebody needs them. */
void debug_blocks_drain(void);
/* 0: it is none in use, which is reported. */
size_t debug_block_usable(const void *block);
/* Say where the address is, if the block that begins on the page has it: for kmem_dump_obj. */
bool debug_block_dump(const void *page, const void *addr);

#endif
