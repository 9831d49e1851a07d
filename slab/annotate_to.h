/* SPDX-License-Identifier: MIT */
/*
 * What can be said to Memcheck and to AddressSanitizer, in one vocabulary.
 *
 * AddressSanitizer knows closed and open, and no more; to others all of it is nothing.
 */
#ifndef SLAB_ANNOTATE_TO_H
#define SLAB_ANNOTATE_TO_H

#include <stdbool.h>
#include <stddef.h>

struct slab;

/* Memcheck and no other of valgrind's tools, which do not listen; the program's sanitizer. */
bool to_memcheck_is_there(void);
bool to_asan_is_there(void);

/* Nobody may touch it; anybody may, and it has a value. */
void to_close(void *at, size_t nbytes);
void to_open(void *at, size_t nbytes);

/*
 * A block of the program's begins, open and undefined; is smaller; ends. What it was of is to be
 * closed by who says so.
 */
void to_announce(void *block, size_t nbytes);
void to_shrink(void *block, size_t old_nbytes, size_t nbytes);
void to_retire(void *block);

/* What is there may lead to the program's blocks: to who looks for those that nothing leads to. */
void to_root(void *at, size_t nbytes);
void to_root_end(void *at, size_t nbytes);
/* The same of a slab's pages; the slab's own record does not lead to its first object. */
void to_slab_begin(struct slab *slab, void *pages, size_t nbytes);
void to_slab_end(struct slab *slab, void *pages, size_t nbytes);

#endif
