/* SPDX-License-Identifier: MIT */
/*
 * Recording (the option record): each operation of a thread in the shade (slab/shade.h) is done as
 * in any process, and noted in the thread's stream: frees before they happen, allocations after,
 * so that no block is in the record longer than it was in the program's hands.
 */
#ifndef LIB_RECORD_H
#define LIB_RECORD_H

#include <kmem/cache.h>
#include <stddef.h>

/* The option: a file's name, to which a dot and the pid are added. Before anything is allocated. */
int record_option(const char *value);
/* In the child of a fork, under all locks. */
void record_after_fork(void);

/* The operations, in the shade. */
void *record_malloc(size_t nbytes);
void *record_calloc(size_t nbytes);
void *record_class_alloc(struct kmem_cache *cache, gfp_t flags, size_t nbytes);
void *record_aligned(size_t align, size_t nbytes);
void *record_realloc(void *block, size_t nbytes);
void record_free(void *block);

#endif
