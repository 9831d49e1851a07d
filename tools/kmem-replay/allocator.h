/* SPDX-License-Identifier: MIT */
/* What is measured: the calls that a replay makes. */
#ifndef KMEM_REPLAY_ALLOCATOR_H
#define KMEM_REPLAY_ALLOCATOR_H

#include <kmem/heap.h>

struct allocator {
	void *(*malloc)(size_t nbytes);
	void *(*calloc)(size_t count, size_t nbytes);
	void *(*aligned_alloc)(size_t align, size_t nbytes);
	void *(*realloc)(void *block, size_t nbytes);
	void (*free)(void *block);
	size_t (*usable_size)(void *block); /* NULL: it does not say */
	size_t (*heap_bytes)(void);	    /* NULL: what the process has mapped */
};

/* The malloc of this process; the file that it is in, into library. */
void allocator_of_process(struct allocator *allocator, char *library, size_t nbytes);
/* A private heap, made by the preloaded core; the core's file, into library. NULL, or what is
 * wrong.
 */
const char *allocator_of_heap(struct allocator *allocator, struct kmem_heap_options *options,
			      char *library, size_t nbytes);

#endif
