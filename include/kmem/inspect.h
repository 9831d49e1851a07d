/* SPDX-License-Identifier: MIT */
/*
 * The published root: what an inspector reads in another process, or in its
 * core, without its help and without stopping it.
 *
 * The root is found through an ELF note of the module that holds the core
 * (libkmem.so, or a program linked statically, stripped or not):
 *
 *	owner "libkmem", type KMEM_NOTE_TYPE, descriptor: int64_t, the distance
 *	in bytes from the descriptor itself to the struct kmem_root. The note is
 *	aligned to 4: header 12 bytes, owner 8, descriptor 8.
 *
 * The note lies in a loaded segment, so the target's memory alone suffices.
 *
 *	kmem_root --caches--> table of pointers, one per id --> kmem_root_cache
 *	          --threads-> list of kmem_root_thread --slots--> kmem_root_slot[id]
 *	          --zones---> list of kmem_root_zone   --shelves> kmem_root_shelf[-id]
 *	          --heaps---> list of kmem_root_heap
 *
 * Every address is one in the target. Each record says its size in the root,
 * and begins with the fields below whatever follows them inside the library, so
 * a reader of the same version strides by those sizes. The rule for changes:
 * a field is added at the end of a record and its size grows; anything else
 * raises KMEM_ROOT_VERSION (docs/design.md, "Versions").
 *
 * Ids are 1 to max_caches - 1; the record of id n, if any, is entry n of the
 * table. seq is odd while a cache is created or destroyed, or a thread that ends
 * adds its counts to the cache's own; an id is given to another cache only after
 * every thread's slot and shelf for it are zero. The root is complete before the
 * first instruction of the program.
 *
 * Writers publish with release, words are single; a reader that sees a cache's
 * seq odd, or changed, reads that record again. Counts are in objects, sizes in
 * bytes, unless said.
 *
 * Arithmetic for a cache, over all threads t:
 *	away   = taken + sum(t.shelf.taken) - given - sum(t.shelf.given)
 *	parked = lent + sum(t.shelf.lent + fill(t.slot) + fill(t.shelf.spare))
 *	in use = away - parked
 *	fill(slot) = (sp & mask) / 8; a sheaf is aligned to its size, mask + 8 bytes
 *	taken and given count objects that left slabs and came home; lent, those given
 *	to the cache's barn less those taken from it (modulo 2^64).
 */
#ifndef KMEM_INSPECT_H
#define KMEM_INSPECT_H

#include <stdint.h>

#define KMEM_NOTE_OWNER	  "libkmem"
#define KMEM_NOTE_TYPE	  0x6b6d656d
#define KMEM_ROOT_MAGIC	  "libkmem" /* eight bytes with the terminator */
#define KMEM_ROOT_VERSION 1

struct kmem_root {
	char magic[8];
	uint32_t version;
	uint32_t size; /* of this record, bytes; below: of the others */
	uint32_t cache_size;
	uint32_t thread_size;
	uint32_t slot_size;
	uint32_t shelf_size;
	uint32_t zone_size;
	uint32_t heap_size;
	uint32_t max_caches;   /* entries in the table of caches */
	uint32_t ncaches;      /* ids that were ever used lie below this */
	char release[16];      /* of the library, "0.1" */
	uint64_t caches;       /* uint64_t[max_caches]: address of a record, or 0 */
	uint64_t threads;      /* first struct kmem_root_thread, or 0 */
	uint64_t zones;	       /* first struct kmem_root_zone, or 0 */
	uint64_t heaps;	       /* first struct kmem_root_heap, or 0 */
	uint64_t mapped_bytes; /* blocks with a mapping of their own */
	uint64_t meta_bytes;   /* committed for records of all kinds */
};

struct kmem_root_cache {
	uint32_t seq;	     /* odd during a change of several words */
	uint32_t generation; /* how often the id was used; 0 in id means none now */
	uint32_t id;
	uint32_t flags; /* SLAB_ */
	char name[64];
	uint32_t object_size; /* asked for */
	uint32_t stride;      /* from object to object */
	uint32_t align;
	uint32_t slab_pages; /* of 4 KiB */
	uint32_t slab_objects;
	uint32_t nslabs;
	uint32_t nslabs_empty; /* of them, kept without a live object */
	uint32_t unused;
	uint64_t taken; /* by threads that have gone, and past the sheaves */
	uint64_t given;
	uint64_t lent;
};

struct kmem_root_thread {
	uint64_t next;	  /* the next record, 0 at the end; records are never unmapped */
	uint64_t slots;	  /* struct kmem_root_slot[nslots], by cache id */
	uint64_t shelves; /* the shelf of id 0; that of id n lies n * shelf_size below it */
	uint32_t nslots;  /* readable */
	uint32_t tid;	  /* 0: the record waits for a new thread */
};

struct kmem_root_slot {
	uint64_t sp;   /* top of the loaded sheaf's stack */
	uint64_t mask; /* 0: no sheaf */
};

struct kmem_root_shelf {
	struct kmem_root_slot spare; /* the second sheaf, full or empty */
	uint64_t slab;		     /* the thread's active slab, or 0 */
	uint64_t taken;
	uint64_t given;
	uint64_t lent;
};

struct kmem_root_zone {
	uint64_t next;
	uint64_t base;
	uint64_t npages;    /* reserved */
	uint64_t committed; /* pages below the watermark */
	uint64_t dirty;	    /* free pages not yet given back to the system */
	uint64_t clean;	    /* free pages known to be zero */
};

struct kmem_root_heap {
	uint64_t next;
	char name[32];
	uint64_t nspans;
	uint64_t span_bytes;
	uint64_t live_blocks;
	uint64_t live_bytes;
};

#endif
