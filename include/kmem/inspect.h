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
 *	          --waiting-> list of kmem_root_waiting
 *
 * Every address is one in the target. The root says the size of each record, which
 * begins with the fields below whatever follows them inside the library: a reader of
 * the same version strides by those sizes. The rule for changes: fields are only added,
 * at the end of a record; anything else raises KMEM_ROOT_VERSION. How a reader knows that
 * a field is there which the first release of the version had not:
 *
 *	layout		is the root's end, and both grow there: the field is there if it ends
 *			within the size that the root says of the layout
 *	other records	their sizes tell nothing of it, as the library's own fields are
 *			in them. A word that was 0 before, in the record or in
 *			the layout, announces it, and says so where it is declared
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
 * Under these counts lies the geometry: which object of which slab is where. Its
 * records are the library's own; struct kmem_root_layout, in the root, says where in
 * them a reader finds what:
 *
 *	address --map, leaf--> id of its page, kmem_root_page --owner--> slab or span
 *	kmem_root_zone --> its pages' descriptors, in address order, without holes
 *
 * It moves as the program runs, and no seq covers it: a reader checks what it reads
 * against the page map and the slab's or span's bounds, and shows the rest as moving.
 *
 * A slab's objects lie stride bytes apart from its base on; the bit of object n in word
 * n / 64 of free is set while it is at home. Where marks is not 0, of debugged and
 * hardened caches, the words at that offset say the same of objects that the program
 * does not have. A sheaf is an array of addresses, aligned to its size of 16 << level bytes,
 * behind a uint64_t: its level in the lower half, in the upper the index (struct
 * kmem_root_chunk) of the next in a barn, 0 at the end. Slots say how full those in threads
 * are, those in barns are full: (2 << level) - 1 addresses.
 *
 * On a machine of several nodes of memory a zone is of one, as far as the library goes: its threads
 * use it. A page is of a node since it was first written to, which the kernel knows: move_pages(2),
 * numa_maps in proc(5). A cache's slabs, and what is in barns, that are of other nodes than the
 * first zone's hang from records of their own, one for each node.
 *
 * Arithmetic for a cache, over all threads t:
 *	away   = taken + sum(t.shelf.taken) - given - sum(t.shelf.given)
 *	parked = lent + sum(t.shelf.lent + fill(t.slot) + fill(t.shelf.spare))
 *	in use = away - parked
 *	fill(slot) = (sp & mask) / 8; a sheaf is aligned to its size, mask + 8 bytes
 *	taken and given count objects that left slabs and came home; lent, those given
 *	to the cache's barn less those taken from it (modulo 2^64).
 *
 * Where counted is 1, taken and given count each object that the program allocated and freed:
 *	allocs = taken + sum(t.shelf.taken)	frees = given + sum(t.shelf.given)
 * Its slots have mask 0, and a sheaf where sp is not 0: its level is in the lower 3 bits of
 * sp, its mask (16 << level) - 8. What is in it is at home for all the sums above.
 */
#ifndef KMEM_INSPECT_H
#define KMEM_INSPECT_H

#include <stdint.h>

#define KMEM_NOTE_OWNER	  "libkmem"
#define KMEM_NOTE_TYPE	  0x6b6d656d
#define KMEM_ROOT_MAGIC	  "libkmem" /* eight bytes with the terminator */
#define KMEM_ROOT_VERSION 1

/* Offsets in bytes of what the records named first hold; sizes where it is said. */
struct kmem_root_layout {
	uint32_t leaf_size;	 /* of a GiB's part of the map: uint16_t id[2^18], then … */
	uint32_t leaf_pages;	 /* … struct kmem_root_page[2^18] */
	uint16_t zone_pages;	 /* uint64_t: address of the descriptor of the zone's first page */
	uint16_t slab_size;	 /* of the record, which is aligned to it */
	uint16_t slab_state;	 /* uint64_t: free objects in the upper half, owned in bit 0 */
	uint16_t slab_base;	 /* uint64_t: the first object */
	uint16_t slab_free;	 /* uint64_t[slab_words] */
	uint16_t slab_words;	 /* how many */
	uint16_t slab_cache;	 /* uint64_t: address of the cache's record */
	uint16_t slab_fresh;	 /* uint32_t: objects from this one on were never handed out */
	uint16_t slab_marks;	 /* uint64_t[slab_words], of caches with marks */
	uint16_t span_next;	 /* uint64_t: the heap's next span, 0 at the end */
	uint16_t span_heap;	 /* uint64_t: address of struct kmem_root_heap */
	uint16_t span_base;	 /* uint64_t: the first block's head is 8 bytes behind it */
	uint16_t span_nbytes;	 /* uint64_t */
	uint16_t heap_spans;	 /* uint64_t: address of the first span */
	uint16_t cache_barns;	 /* uint64_t: address of nbarns records, or 0 */
	uint16_t cache_limit;	 /* uint64_t: objects at once, 0: no limit */
	uint16_t cache_used;	 /* uint64_t: of them, where there is a limit */
	uint16_t cache_ctor;	 /* uint64_t: address of the function, or 0 */
	uint16_t cache_hardened; /* uint8_t */
	uint16_t cache_debug;	 /* uint32_t: SLAB_ flags in force; 0: it is not debugged */
	uint16_t cache_left;   /* uint32_t: a debugged slab's pages begin so far before its base */
	uint16_t cache_tracks; /* uint32_t: two struct kmem_root_track, from an object on */
	uint16_t cache_asked;  /* uint32_t: the uint32_t size asked for, from an object on */
	uint16_t barn_size;    /* of the record */
	uint16_t barn_full;    /* uint64_t: index of the first full sheaf in the lower half */
	uint16_t nbarns;       /* to a cache */
	uint16_t first_bin; /* ids from this one on hold blocks of heaps and runs, no objects … */
	uint16_t nbins;	    /* … so many of them */
	uint16_t nchunks;   /* of records */
	uint16_t chunk_size;  /* of struct kmem_root_chunk */
	uint16_t cache_lock;  /* uint32_t: 0 while nobody changes its lists, and counts of slabs */
	uint16_t cache_lists; /* uint64_t[nlists]: the first slab of each; 0: none */
	uint16_t nlists;      /* the first list has slabs without, the last with all objects free */
	uint16_t slab_next;   /* uint64_t: the next slab of its list, 0 at the end */
	uint16_t slab_list;   /* uint32_t: which, of a slab that is not owned */
	uint16_t heap_lock;   /* uint32_t: 0 while nobody changes its spans and blocks */
	uint16_t span_live;   /* uint32_t: blocks in use */
	uint16_t cache_waiting; /* uint32_t: slabs that wait for a grace period */
	uint64_t waiting;	/* first struct kmem_root_waiting, or 0 */
	uint16_t guard_size;	/* of a guarded object's record; in it: */
	uint16_t guard_state;	/* uint32_t: KMEM_GUARD_ */
	uint16_t guard_nbytes;	/* uint32_t: asked for */
	uint16_t guard_object;	/* uint64_t: its address */
	uint16_t guard_tracks;	/* two struct kmem_root_track */
	uint16_t guard_name;	/* char[64]: of its cache */
	uint64_t guard_pool;	/* address of struct kmem_root_pool */
	uint16_t zone_node;	/* int32_t: that the zone is of; -1: not one, or not placed */
	uint16_t cache_places;	/* uint64_t: the first of the records below, or 0 */
	uint16_t place_next;	/* uint64_t: the cache's next, 0 at the end … */
	uint16_t place_node;	/* int32_t: that its slabs are of, as of a zone … */
	uint16_t place_nslabs;	/* uint32_t: of the cache's … */
	uint16_t place_barns;	/* nbarns records, as those of the cache … */
	uint16_t place_lists;	/* uint64_t[nlists], of its slabs, as those of the cache */
};

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
	uint64_t block_secret; /* address of the uint64_t in the checks of heap blocks */
	uint64_t page_lock;    /* of a uint32_t: 0 while nobody changes the zones' free pages */
	uint64_t map;	       /* what distances to leaves count from */
	uint64_t map_leaves;   /* int64_t[map_entries], by GiB of address: distance; 0: no leaf */
	uint64_t chunks;       /* struct kmem_root_chunk[nchunks] */
	uint64_t limit_bytes;  /* of the process; 0: none */
	uint32_t map_entries;
	uint32_t layout_size;
	struct kmem_root_layout layout;
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
	uint32_t counted;      /* 1: taken and given are of the program (the option stats) */
	uint64_t taken;	       /* by threads that have gone, and past the sheaves */
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
	uint64_t mask; /* 0: no sheaf, unless its cache counts */
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

/* The program's own come and go: a record may become another heap's, or the program's memory. */
struct kmem_root_heap {
	uint64_t next;
	char name[32];
	uint64_t nspans;
	uint64_t span_bytes;
	uint64_t live_blocks;
	uint64_t live_bytes;
	uint64_t given; /* bytes of memory of the program: its one span, not in the page map */
};

/*
 * What waits for grace periods of RCU: the sums over all records, modulo 2^64. Objects are in use
 * for all other counts, slabs are in none.
 */
struct kmem_root_waiting {
	uint64_t next; /* the next record, 0 at the end; records are never unmapped */
	uint64_t objects;
	uint64_t object_bytes;
	uint64_t slabs;
	uint64_t slab_bytes;
};

/*
 * A page's descriptor. Those of free runs say so on their first and last page, runs in
 * use on the first, as slabs and spans do, whose owner is on each.
 */
struct kmem_root_page {
	uint64_t owner;	 /* of KMEM_PAGE_SLAB and _SPAN: address of the record */
	uint32_t npages; /* in use: of the run, on its first page; free: when it became so, ms */
	uint32_t bits;	 /* kind in bits 0 to 7; bit 8: it has a mapping of its own; free: pages
			    in bits 9 to 31 */
};

enum {
	KMEM_PAGE_NONE,	       /* inside of a run, or never used */
	KMEM_PAGE_DIRTY,       /* of a free run that the system has not got back */
	KMEM_PAGE_CLEAN,       /* of a free run that reads as zeros */
	KMEM_PAGE_BUDDY_DIRTY, /* the same, first of a free block of 2^n pages */
	KMEM_PAGE_BUDDY_CLEAN,
	KMEM_PAGE_BUSY, /* free, on its way to the system */
	KMEM_PAGE_SLAB,
	KMEM_PAGE_SPAN,
	KMEM_PAGE_RUN,	   /* kmem_pages_alloc */
	KMEM_PAGE_LARGE,   /* malloc of more than a heap takes */
	KMEM_PAGE_DEBUG,   /* first of a debugged block, inside of a run */
	KMEM_PAGE_GUARDED, /* of the pool of guarded objects */
};

/*
 * The head of a block in a span: check in the upper half; in the lower half its size
 * with the head, a multiple of 16, and flags. The next block lies size bytes on. A free
 * block ends with its size, a uint64_t. The check is the upper half, modulo 2^64, of
 *	(address >> 3 ^ lower half << 20 ^ secret) * 0x9e3779b97f4a7c15
 * and of a quick block that of its head without the flag, xor the lower half of the secret.
 */
#define KMEM_BLOCK_FREE	     0x1u
#define KMEM_BLOCK_PREV_FREE 0x2u /* the block before is free */
#define KMEM_BLOCK_END	     0x4u /* the last of its span; no block */
#define KMEM_BLOCK_QUICK     0x8u /* of a private heap: freed, and not merged yet */

/* Records that 32 bits name: chunk in the upper 5, units of 16 bytes in the others. */
struct kmem_root_chunk {
	uint64_t base;
	uint64_t nbytes; /* reserved */
	uint64_t committed;
	uint64_t used;
};

/* The pool of guarded objects: on each second of its pages is one, the first on page 1. */
struct kmem_root_pool {
	uint64_t base; /* 0: there is none yet */
	uint64_t nbytes;
	uint64_t unit; /* of a page */
	uint32_t nobjects;
	uint64_t objects; /* address of the first one's record */
};

enum {
	KMEM_GUARD_IDLE,  /* never used */
	KMEM_GUARD_TAKEN, /* being allocated or freed */
	KMEM_GUARD_LIVE,
	KMEM_GUARD_LEFT, /* freed, out of a sheaf; that is to be finished */
	KMEM_GUARD_FREED,
	KMEM_GUARD_OPEN, /* freed, and accessible since a report */
};

/* Who allocated an object, then who freed it. */
struct kmem_root_track {
	uint32_t stack; /* names a struct kmem_root_stack; 0: nobody was seen */
	uint32_t tid;	/* 0: nobody did */
	uint32_t when_ms;
	uint32_t cpu;
};

struct kmem_root_stack {
	uint64_t hash;
	uint32_t next;	  /* for the library */
	uint32_t nframes; /* behind the record: uint64_t[nframes], return addresses, innermost
			     first */
};

#endif
