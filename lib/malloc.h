/* SPDX-License-Identifier: MIT */
/* The facade's inner face, for the files that make it up. */
#ifndef LIB_MALLOC_H
#define LIB_MALLOC_H

#include "lib/classes.h"
#include "slab/slot.h"

/* As what malloc asks: it may wait, and says nothing. */
#define GFP_MALLOC (GFP_KERNEL | __GFP_NOWARN)

/* What a pointer given to free or realloc is. */
enum block_kind { BLOCK_SLAB, BLOCK_HEAP, BLOCK_LARGE, BLOCK_DEBUG, BLOCK_GUARDED, BLOCK_FOREIGN };
enum block_kind block_kind(const void *addr);
/* Usable bytes of a block of the kind. */
size_t block_usable(const void *addr, enum block_kind kind);
/* Is what was asked for of it kept with it? Then past that begins what is looked at, and a block
 * that is resized moves. */
bool block_noted(const void *addr, enum block_kind kind);
/* Say that addr is none of ours, and the likely cause; doing names the function. */
void report_foreign(const void *addr, const char *doing);

/* nbytes aligned to align, a power of two; NULL with ENOMEM. */
void *aligned_alloc_any(size_t align, size_t nbytes);

/* The cache of a class, made on first use; NULL without memory. */
struct kmem_cache *class_cache(unsigned index);
/* From a class's cache, whose sheaves have none, for who asked for so many bytes. */
void *class_alloc_slow(struct kmem_cache *cache, gfp_t flags, size_t nbytes);

/* Hidden names for calls from inside: nothing a program defines can come between. */
void *facade_malloc(size_t nbytes);
void facade_free(void *block);
/* One try, for who has others; errno is left alone. *zeroed: the memory reads as zeros. */
void *facade_malloc_once(size_t nbytes, bool *zeroed);
void *aligned_alloc_once(size_t align, size_t nbytes);

#endif
