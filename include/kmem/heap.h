/* SPDX-License-Identifier: MIT */
/*
 * Heaps of the program's own: blocks of any size from spans of pages, or from memory the
 * program gives, that can all go at once. See kmem_heap_create(3).
 */
#ifndef KMEM_HEAP_H
#define KMEM_HEAP_H

#include <kmem/base.h>
#include <stdbool.h>
#include <stdint.h>

KMEM_BEGIN_DECLS

struct kmem_heap;

/* Which free block a request takes. */
enum kmem_heap_fit {
	KMEM_HEAP_GOOD_FIT,  /* one of the next list by size, in O(1) */
	KMEM_HEAP_FIRST_FIT, /* the first of all that is large enough */
	KMEM_HEAP_BEST_FIT,  /* the smallest that is large enough */
	KMEM_HEAP_WORST_FIT, /* the largest */
};

/* Where in its list a block goes that becomes free. */
enum kmem_heap_insertion {
	KMEM_HEAP_LIFO,		 /* to the front */
	KMEM_HEAP_ADDRESS_ORDER, /* by address: takes as many steps as blocks are in the list */
};

/* Zero is the default. */
struct kmem_heap_options {
	size_t limit_bytes; /* of its spans; 0: none, else KMEM_HEAP_SPAN_MIN at least */
	size_t span_bytes;  /* how much it grows by, KMEM_HEAP_SPAN_MIN to _MAX; 0: as it needs */
	enum kmem_heap_fit fit;
	enum kmem_heap_insertion insertion;
	void *memory;	     /* all it is to have, its record included, or NULL */
	size_t memory_bytes; /* of it, KMEM_HEAP_MEMORY_MIN to _MAX */
	bool one_thread;     /* used by the thread that creates it alone, without locks */
	bool checked; /* bounds and owner are kept with each block; free memory is poisoned */
	bool zero_on_free;
};

#define KMEM_HEAP_SPAN_MIN   ((size_t)64 << 10)
#define KMEM_HEAP_SPAN_MAX   ((size_t)64 << 20)
#define KMEM_HEAP_MEMORY_MIN ((size_t)4096)
#define KMEM_HEAP_MEMORY_MAX ((size_t)1 << 30)
#define KMEM_HEAP_NAME_MAX   31
/* The most that one request can have, its alignment added. */
#define KMEM_HEAP_BLOCK_MAX ((size_t)32 << 20)

/*
 * A heap; options may be NULL. NULL with ENOMEM, or EINVAL: a name that is empty or longer than
 * KMEM_HEAP_NAME_MAX, or an option.
 */
KMEM_API struct kmem_heap *kmem_heap_create(const char *name,
					    const struct kmem_heap_options *options);
/* Heap and blocks go, from whatever thread; nobody may use them any more. NULL is a no-op. */
KMEM_API void kmem_heap_destroy(struct kmem_heap *heap);
/* All blocks go. Nobody else may use the heap meanwhile. */
KMEM_API void kmem_heap_reset(struct kmem_heap *heap);

/* nbytes aligned to 16; NULL with ENOMEM. zalloc: zeroes. */
KMEM_API void *kmem_heap_alloc(struct kmem_heap *heap, size_t nbytes) KMEM_MALLOC KMEM_SIZE(2);
KMEM_API void *kmem_heap_zalloc(struct kmem_heap *heap, size_t nbytes) KMEM_MALLOC KMEM_SIZE(2);
/* align: a power of two, or NULL with EINVAL. */
KMEM_API void *kmem_heap_aligned(struct kmem_heap *heap, size_t align, size_t nbytes) KMEM_MALLOC
	KMEM_SIZE(3) KMEM_ALIGNED(2);
/*
 * The block with room for nbytes, where it is if the space behind it allows. NULL with ENOMEM,
 * and the block is as it was. A block of NULL: kmem_heap_alloc; 0 bytes: kmem_heap_free, and NULL.
 */
KMEM_API void *kmem_heap_realloc(struct kmem_heap *heap, void *block, size_t nbytes)
	__attribute__((warn_unused_result)) KMEM_SIZE(3);
/* NULL is a no-op. What is no block of the heap is reported and aborts. */
KMEM_API void kmem_heap_free(struct kmem_heap *heap, void *block);
/* Bytes the program may use of a block; of a checked heap what was asked for. */
KMEM_API size_t kmem_heap_usable_size(struct kmem_heap *heap, const void *block);

struct kmem_heap_block {
	void *addr;
	size_t nbytes; /* between its head and the next */
	bool live;
};

/*
 * Call each for every block, live and free, in no order of spans, until it returns other than 0:
 * that, or 0. No lock is held: it may use the heap, but not reset or destroy it, and what changes
 * meanwhile may be missed.
 */
KMEM_API int kmem_heap_walk(struct kmem_heap *heap,
			    int (*each)(const struct kmem_heap_block *block, void *data),
			    void *data);
/* NULL, or what is wrong with the heap, as a text. */
KMEM_API const char *kmem_heap_validate(struct kmem_heap *heap);

/* Fields are only added, at the end. */
struct kmem_heap_stats {
	size_t size; /* set it to sizeof(struct kmem_heap_stats); how far it is filled in */
	char name[KMEM_HEAP_NAME_MAX + 1];
	uint64_t spans;
	uint64_t span_bytes;	  /* of memory that was given: all but the heap's record */
	uint64_t peak_span_bytes; /* the most so far */
	uint64_t limit_bytes;	  /* 0: none */
	uint64_t live_blocks;
	uint64_t live_bytes; /* with their heads */
	uint64_t free_bytes;
	uint64_t largest_free; /* block, with its head */
	uint64_t allocs;       /* since it was created */
	uint64_t frees;	       /* the same; a reset frees all */
	uint64_t refusals;     /* requests that were answered with NULL and ENOMEM */
};

/* 0, or -EINVAL for a size that no version of the struct has. */
KMEM_API int kmem_heap_stats(struct kmem_heap *heap, struct kmem_heap_stats *stats);

KMEM_END_DECLS

#endif
