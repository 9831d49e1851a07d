/* SPDX-License-Identifier: MIT */
/* A geometry in the making: what geometry*.c share. */
#ifndef KMEMTOP_GEOMETRY_READING_H
#define KMEMTOP_GEOMETRY_READING_H

#include "arrays.h"
#include "geometry.h"

#include <stdlib.h>
#include <string.h>

#define GEOMETRY_MOST	  ((size_t)1 << 23) /* entries of any array: more are too many to be true */
#define GEOMETRY_LEAF	  30		    /* log2 of what a leaf of the page map covers … */
#define LEAF_PAGES	  ((uint64_t)1 << 18) /* … in pages */
#define GEOMETRY_RECORD	  4096		      /* no record that we read is longer */
#define GEOMETRY_WORDSETS 3		      /* of a slab: free, marks, parked */

struct geometry_reading {
	struct geometry *g;
	struct target *t;
	uint64_t *owners; /* of runs: addresses of records */
	struct kmem_root_chunk *chunks;
};

/* In this order. 0 or -errno. */
int geometry_read_caches(struct geometry_reading *r); /* the root as well */
int geometry_read_zones(struct geometry_reading *r);
int geometry_read_mappings(struct geometry_reading *r);
int geometry_read_parked(struct geometry_reading *r);
int geometry_read_slabs(struct geometry_reading *r);
int geometry_read_heaps(struct geometry_reading *r);

/* The address that 32 bits name, with so many bytes behind it; 0: there is none. */
uint64_t geometry_chunk_at(const struct kmem_root_chunk *chunks, size_t nchunks, uint32_t index,
			   uint64_t nbytes);
/* All of root's chunks, to be freed; NULL: they cannot be read. */
struct kmem_root_chunk *geometry_chunks(const struct kmem_root *root, struct target *t);

/* array_grown, up to GEOMETRY_MOST. */
static inline void *geometry_grown(void *array, size_t n, size_t nbytes)
{
	return n < GEOMETRY_MOST ? array_grown(array, n, nbytes) : NULL;
}

static inline uint64_t geometry_u64(const void *record, size_t offset)
{
	uint64_t word;

	memcpy(&word, (const char *)record + offset, sizeof(word));
	return word;
}

static inline uint32_t geometry_u32(const void *record, size_t offset)
{
	uint32_t word;

	memcpy(&word, (const char *)record + offset, sizeof(word));
	return word;
}

static inline int geometry_aligned(uint64_t addr)
{
	return addr % GEOMETRY_PAGE == 0;
}

static inline uint64_t *geometry_bits(const struct geometry *g, const struct geometry_slab *s)
{
	return g->bits + (size_t)(s - g->slabs) * GEOMETRY_WORDSETS * g->root.layout.slab_words;
}

#endif
