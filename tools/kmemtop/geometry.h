/* SPDX-License-Identifier: MIT */
/*
 * Where everything of a process's libkmem lies: the zones page by page, slabs and
 * which of their objects are free, spans and their blocks, what is parked in sheaves.
 *
 *	zones[] --first_run, nruns--> runs[]  --owner--> slabs[] --cache--> caches[]
 *	                                      `-owner--> spans[] --heap---> heaps[]
 *	                                                 spans[] --first_block, nblocks--> blocks[]
 *	parked[], by address: objects and blocks in sheaves, with who has them
 *
 * All of it has been checked against each other: indices are within their arrays, runs
 * of a zone do not overlap, no slab has more objects than its pages hold, blocks lie in
 * their span. The process runs on while it is read; what did not fit together is left
 * out and counted in nmoving. Names are printable.
 *
 * runs, mappings, slabs, spans, blocks and parked are sorted by address.
 */
#ifndef KMEMTOP_GEOMETRY_H
#define KMEMTOP_GEOMETRY_H

#include "target.h"

#include <kmem/inspect.h>

#define GEOMETRY_PAGE	    4096
#define GEOMETRY_NOBODY	    UINT32_MAX /* no index */
#define GEOMETRY_ORDERS	    11	       /* of free blocks: 2^0 to 2^10 pages */
#define GEOMETRY_FILLS	    12	       /* no object in use; ten tenths; all in use */
#define GEOMETRY_FRAMES	    16
#define GEOMETRY_BLOCK_HEAD 8 /* bytes before a block's payload */

enum geometry_kind {
	GEOMETRY_DIRTY, /* free, not yet given back to the system */
	GEOMETRY_CLEAN, /* free, reads as zeros */
	GEOMETRY_BUSY,	/* free, on its way to the system */
	GEOMETRY_SLAB,	/* owner: of slabs[] */
	GEOMETRY_SPAN,	/* owner: of spans[] */
	GEOMETRY_PAGES, /* kmem_pages_alloc */
	GEOMETRY_LARGE, /* a large malloc */
	GEOMETRY_GUARDED,
	GEOMETRY_MOVING, /* changed hands while it was read */
	GEOMETRY_KINDS,
};

struct geometry_run {
	uint64_t addr;
	uint32_t npages;
	uint32_t owner; /* or GEOMETRY_NOBODY */
	enum geometry_kind kind;
	/* The id of its first page: above 1 that of a cache, or of the bin whose sheaf it may
	 * lie in; 0, of a run in use: a debugged block's. */
	uint32_t bin;
};

struct geometry_zone {
	uint64_t base;
	uint64_t npages; /* reserved */
	uint64_t committed;
	int node; /* -1: not one, or not placed */
	size_t first_run, nruns;
	uint64_t npages_of[GEOMETRY_KINDS];
	/* As /proc/buddyinfo counts: a free run is the largest aligned blocks it consists of. */
	uint64_t free_orders[GEOMETRY_ORDERS];
};

struct geometry_cache {
	uint32_t id;
	char name[72]; /* a '*' at its end: figures in motion */
	uint64_t record;
	struct kmem_root_cache pub;
	uint64_t barns, limit, used, ctor;
	uint64_t places; /* address of the first of what it has of other nodes, or 0 */
	uint32_t debug;	 /* SLAB_ flags */
	uint32_t left, tracks, asked, waiting;
	int hardened;
	size_t first_slab, nslabs; /* in slabs_by_cache */
	uint64_t in_use, parked, home;
	uint64_t nslabs_by_fill[GEOMETRY_FILLS];
};

struct geometry_slab {
	uint64_t record;
	uint64_t base; /* of the first object */
	uint64_t addr; /* of the first page */
	uint32_t cache;
	uint32_t nobjects;
	uint32_t home, parked, in_use; /* objects; what is none of them is set aside */
	uint32_t fresh;		       /* objects from here on were never handed out */
	uint32_t owned;		       /* a thread takes from it */
};

enum geometry_state {
	GEOMETRY_IN_USE,
	GEOMETRY_HOME,	/* free, in its slab or heap */
	GEOMETRY_FRESH, /* the same, and never handed out */
	GEOMETRY_PARKED,
	GEOMETRY_ASIDE, /* free, in quarantine or set aside as damaged */
};

struct geometry_heap {
	uint64_t record;
	char name[40];
	size_t nspans;
	uint64_t nbytes;		   /* of spans */
	uint64_t live_blocks, live_nbytes; /* blocks with their heads */
	uint64_t parked_blocks, parked_nbytes;
	uint64_t free_blocks, free_nbytes, largest_free;
};

struct geometry_span {
	uint64_t record;
	uint64_t base;
	uint64_t nbytes;
	uint32_t heap;	  /* or GEOMETRY_NOBODY */
	uint32_t damaged; /* the walk did not arrive at its end */
	size_t first_block, nblocks;
};

struct geometry_block {
	uint64_t addr;		   /* of the payload, 8 bytes behind the head */
	uint32_t nbytes;	   /* with the head */
	enum geometry_state state; /* IN_USE, HOME, PARKED */
};

enum geometry_place { GEOMETRY_LOADED, GEOMETRY_SPARE, GEOMETRY_BARN };

struct geometry_parked {
	uint64_t object;
	uint32_t id;	 /* of the cache or bin */
	uint32_t holder; /* tid; of a barn its number */
	enum geometry_place place;
};

struct geometry {
	struct kmem_root root;
	struct geometry_zone *zones;
	struct geometry_run *runs;
	struct geometry_run *mappings; /* outside of zones */
	struct geometry_slab *slabs;
	uint64_t *bits; /* geometry_words() for each slab: free objects, then marks */
	uint32_t *slabs_by_cache;
	struct geometry_cache *caches; /* by id */
	struct geometry_heap *heaps;
	struct geometry_span *spans;
	struct geometry_block *blocks;
	struct geometry_parked *parked;
	size_t nzones, nruns, nmappings, nslabs, ncaches, nheaps, nspans, nblocks, nparked;
	size_t nmoving;
};

/* Reads all of it through t, which was opened. 0, or -errno and t->why; *g is then empty. */
int geometry_read(struct geometry *g, struct target *t);
void geometry_free(struct geometry *g);

/* What has the address in it, or NULL. */
const struct geometry_zone *geometry_zone_at(const struct geometry *g, uint64_t addr);
const struct geometry_run *geometry_run_at(const struct geometry *g, uint64_t addr);
const struct geometry_block *geometry_block_at(const struct geometry *g,
					       const struct geometry_span *span, uint64_t addr);
const struct geometry_parked *geometry_parked_at(const struct geometry *g, uint64_t object);
const struct geometry_cache *geometry_cache_of_id(const struct geometry *g, uint32_t id);

/* Of object i of a slab, i < nobjects. */
enum geometry_state geometry_object_state(const struct geometry *g, const struct geometry_slab *s,
					  uint32_t i);
/* 0 to GEOMETRY_FILLS - 1 */
unsigned geometry_fill(const struct geometry_slab *s);
/* Share of the free bytes that the largest free block does not have, percent. */
unsigned geometry_fragmentation(const struct geometry_heap *h);

/* Return addresses, innermost first. */
struct geometry_stack {
	uint32_t nframes;
	uint64_t frames[GEOMETRY_FRAMES];
};

/* Who allocated how many of a cache's objects that are in use. */
struct geometry_site {
	uint64_t nobjects;
	struct geometry_stack stack; /* no frames: nobody was seen */
};

/* The most frequent ones of a cache with tracks, at most nsites; how many, or -errno. */
int geometry_sites(const struct geometry *g, struct target *t, const struct geometry_cache *c,
		   struct geometry_site *sites, size_t nsites);
/* The stack of that number. 0, or -errno: -ENOENT if there is none. */
int geometry_stack_read(const struct geometry *g, struct target *t, uint32_t number,
			struct geometry_stack *stack);

#endif
