/* SPDX-License-Identifier: MIT */
/* What is measured: the calls that a replay makes. */
#ifndef KMEM_REPLAY_ALLOCATOR_H
#define KMEM_REPLAY_ALLOCATOR_H

#include <kmem/heap.h>

/* Of a library's malloc, or of a private heap: whoever asks of it passes it along. */
struct malloc_calls {
	void *(*malloc)(size_t nbytes);
	void *(*calloc)(size_t count, size_t nbytes);
	void *(*aligned_alloc)(size_t align, size_t nbytes);
	void *(*realloc)(void *block, size_t nbytes);
	void (*free)(void *block);
	size_t (*usable_size)(void *block); /* NULL: it does not say */
};

/* As dlsym finds them: this program is not linked with the core. */
struct heap_calls {
	__typeof__(kmem_heap_create) *create;
	__typeof__(kmem_heap_alloc) *alloc;
	__typeof__(kmem_heap_zalloc) *zalloc;
	__typeof__(kmem_heap_aligned) *aligned;
	__typeof__(kmem_heap_realloc) *realloc;
	__typeof__(kmem_heap_free) *free;
	__typeof__(kmem_heap_usable_size) *usable_size;
	__typeof__(kmem_heap_stats) *stats;
};

struct allocator {
	struct kmem_heap *heap; /* NULL: malloc */
	union {
		struct malloc_calls process;
		struct heap_calls core;
	};
};

/* The malloc of this process; the file that it is in, into library. */
void allocator_of_process(struct allocator *allocator, char *library, size_t nbytes);
/* A private heap, made by the preloaded core; the core's file, into library. NULL, or what is
 * wrong.
 */
const char *allocator_of_heap(struct allocator *allocator, struct kmem_heap_options *options,
			      char *library, size_t nbytes);

/* Bytes the program may use of a block; 0: the allocator does not say. */
size_t allocator_usable(const struct allocator *allocator, void *block);
/* What a private heap has of the system's memory. */
size_t allocator_heap_bytes(const struct allocator *allocator);

#endif
